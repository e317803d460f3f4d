// volumes.test.ts - volumes on a real folder: files that change as one, links that do not lead out, a device that says no
import {
  existsSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readlinkSync,
  rmSync,
  statSync,
  symlinkSync,
} from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import t from 'tap'
import { configSource } from '../../../agent/reconcile/config-source.ts'
import { containersOf } from '../../../agent/reconcile/pod-shape.ts'
import { createVolumes } from '../../../agent/reconcile/volumes.ts'
import { silentLog } from '../../../shared/log.ts'
import type { Pod, Volume, VolumeMount } from '../../../shared/kinds/object.ts'
import { container, pod } from '../../support/builders.ts'

const base64 = (text: string) => Buffer.from(text).toString('base64')
const node = { name: 'node-1', hostIp: '192.0.2.7', cpus: 4, memoryBytes: 1e9, diskBytes: 1e10 }

function device(root: string, hostPathAllowed: readonly string[] = []) {
  const dataDir = join(root, 'data')
  mkdirSync(dataDir, { recursive: true })
  const volumes = createVolumes({
    dataDir,
    memoryDir: join(root, 'memory'),
    policy: { hostPathAllowed },
    log: silentLog,
  })
  const prepare = (given: Pod, data: Record<string, string> = { a: '1', b: '2' }) =>
    volumes.prepare(given, {
      pod: given,
      node,
      podIp: undefined,
      config: configSource({
        configMaps: { 'default/paint': { data } },
        secrets: { 'default/login': { data: { user: base64('ann') } } },
      }),
    })
  const mounts = (given: Pod) => volumes.mounts(given, containersOf(given)[0]!, new Map([['SUB', 'from-env']]))
  return { dataDir, volumes, prepare, mounts, source: (given: Pod) => mounts(given)[0]?.source ?? '' }
}
const using = (volume: Omit<Volume, 'name'>, mount: Partial<VolumeMount> = {}): Pod =>
  pod('web', {
    volumes: [{ name: 'v', ...volume }],
    containers: [container({ volumeMounts: [{ name: 'v', mountPath: '/v', ...mount }] })],
  })

t.test('The keys of a ConfigMap are files, and all of them change at one moment', async (t) => {
  const { prepare, source, mounts } = device(t.testdir())
  const web = using({ configMap: { name: 'paint', defaultMode: 0o640 } })
  prepare(web)
  const dir = source(web)
  t.equal(mounts(web)[0]?.readOnly, true)
  t.equal(readFileSync(join(dir, 'a'), 'utf8'), '1')
  t.equal(statSync(join(dir, 'a')).mode & 0o777, 0o640)
  t.equal(readlinkSync(join(dir, 'a')), '..data/a')
  const before = readlinkSync(join(dir, '..data'))
  const inode = lstatSync(join(dir, '..data')).ino
  prepare(web)
  t.equal(lstatSync(join(dir, '..data')).ino, inode, 'what did not change is not touched')
  prepare(web, { a: '3' })
  t.equal(readFileSync(join(dir, 'a'), 'utf8'), '3', 'through the same path, as a running container sees it')
  t.notOk(existsSync(join(dir, 'b')))
  t.notOk(existsSync(join(dir, before)), 'the old set is gone')
})

t.test('Items choose keys, paths and modes', async (t) => {
  const { prepare, source } = device(t.testdir())
  const web = using({ configMap: { name: 'paint', items: [{ key: 'a', path: 'deep/er/file', mode: 0o600 }] } })
  prepare(web)
  t.equal(readFileSync(join(source(web), 'deep/er/file'), 'utf8'), '1')
  t.equal(statSync(join(source(web), 'deep/er/file')).mode & 0o777, 0o600)
  t.notOk(existsSync(join(source(web), 'a')))
})

t.test('Secrets live in memory; the downward API and projected volumes hold what they should', async (t) => {
  const root = t.testdir()
  const { prepare, source } = device(root)
  const secret = using({ secret: { secretName: 'login' } })
  prepare(secret)
  t.ok(source(secret).startsWith(join(root, 'memory')))
  t.equal(readFileSync(join(source(secret), 'user'), 'utf8'), 'ann')
  t.equal(statSync(join(root, 'memory')).mode & 0o777, 0o700)
  const projected = using({
    projected: {
      sources: [
        { configMap: { name: 'paint' } },
        { secret: { name: 'login', items: [{ key: 'user', path: 'who' }] } },
        { downwardAPI: { items: [{ path: 'name', fieldRef: { fieldPath: 'metadata.name' } }] } },
      ],
    },
  })
  prepare(projected)
  for (const [file, text] of [
    ['a', '1'],
    ['who', 'ann'],
    ['name', 'web'],
  ] as const)
    t.equal(readFileSync(join(source(projected), file), 'utf8'), text)
})

t.test('What cannot be had is said in the words of upstream', async (t) => {
  const { prepare } = device(t.testdir())
  const rows: [Omit<Volume, 'name'>, string][] = [
    [{ configMap: { name: 'none' } }, 'MountVolume.SetUp failed for volume "v" : configmap "none" not found'],
    [{ secret: { secretName: 'none' } }, 'MountVolume.SetUp failed for volume "v" : secret "none" not found'],
    [
      { configMap: { name: 'paint', items: [{ key: 'x', path: 'x' }] } },
      'MountVolume.SetUp failed for volume "v" : couldn\'t find key x in ConfigMap default/paint',
    ],
  ]
  for (const [volume, message] of rows) t.throws(() => prepare(using(volume)), { name: 'VolumeError', message })
  t.doesNotThrow(() => prepare(using({ configMap: { name: 'none', optional: true } })))
  t.throws(() => prepare(using({ persistentVolumeClaim: { claimName: 'x' } })), {
    message: /not supported: persistentVolumeClaim/,
  })
})

t.test(
  'Nothing leaves its volume: not by a path, a name, a uid, a subPath or a link that a workload has put there',
  async (t) => {
    const root = t.testdir()
    const { prepare, source, mounts } = device(root)
    for (const path of ['../x', '/x', 'a/../../x', '..data/x', 'a//b'])
      t.throws(
        () => prepare(using({ configMap: { name: 'paint', items: [{ key: 'a', path }] } })),
        { message: /leaves the volume/ },
        path,
      )
    const web = using({ emptyDir: {} })
    t.throws(() => prepare({ ...web, metadata: { ...web.metadata, uid: '../../x' } }), { name: 'VolumeError' })
    t.throws(() => prepare(pod('web', { volumes: [{ name: '../x', emptyDir: {} }] })), { name: 'VolumeError' })
    prepare(web)
    const sub = (subPath: string): Pod => ({ ...using({ emptyDir: {} }, { subPath }), metadata: web.metadata })
    t.equal(mounts(sub('one/two'))[0]?.source, join(source(web), 'one/two'))
    for (const subPath of ['../x', '/etc', 'one/../../x'])
      t.throws(() => mounts(sub(subPath)), { message: /leaves the volume/ }, subPath)
    symlinkSync('/etc', join(source(web), 'evil'))
    symlinkSync('one', join(source(web), 'good'))
    t.throws(() => mounts(sub('evil')), { message: /leaves the volume/ })
    t.throws(() => mounts(sub('evil/passwd')), { message: /leaves the volume/ })
    t.equal(mounts(sub('good'))[0]?.source, join(source(web), 'one'))
    const byEnv: Pod = { ...using({ emptyDir: {} }, { subPathExpr: '$(SUB)' }), metadata: web.metadata }
    t.equal(mounts(byEnv)[0]?.source, join(source(web), 'from-env'))
  },
)

t.test('An emptyDir is for everyone in the pod, in memory where it says so, and goes with the pod', async (t) => {
  const root = t.testdir()
  const { prepare, source, mounts, volumes } = device(root)
  const disk = using({ emptyDir: {} })
  prepare(disk)
  t.equal(statSync(source(disk)).mode & 0o777, 0o777)
  const memory = using({ emptyDir: { medium: 'Memory' } })
  prepare(memory)
  t.ok(source(memory).startsWith(join(root, 'memory')))
  const limited = using({ emptyDir: { medium: 'Memory', sizeLimit: '1Mi' } })
  prepare(limited)
  t.match(mounts(limited)[0], { type: 'tmpfs', target: '/v', sizeBytes: 1024 ** 2 })
  t.same(volumes.known().toSorted(), [disk, memory, limited].map(({ metadata }) => metadata.uid).toSorted())
  for (const { metadata } of [disk, memory, limited]) volumes.clean(metadata.uid)
  t.same(volumes.known(), [])
  volumes.clean(disk.metadata.uid)
})

t.test('Of the device itself a pod sees only what the device allows', async (t) => {
  const root = t.testdir({ open: { file: 'x' }, shut: {} })
  const open = join(root, 'open')
  symlinkSync(join(root, 'shut'), join(open, 'escape'))
  symlinkSync(join(root, 'nowhere'), join(open, 'dangling'))
  const host = (path: string, type?: string) => using({ hostPath: { path, ...(type && { type }) } })
  const closedDevice = device(root)
  t.throws(() => closedDevice.prepare(host(open)), { message: /not allowed on this device/ })
  const { prepare, source, dataDir } = device(root, [open])
  prepare(host(open))
  t.equal(source(host(join(open, 'file'), 'File')), join(open, 'file'))
  for (const path of [join(root, 'shut'), `${open}-other`, '/', join(open, 'escape'), join(open, 'escape/x')])
    t.throws(() => prepare(host(path)), { message: /not allowed/ }, path)
  t.throws(() => prepare(host(join(open, 'dangling'))), { message: /leads nowhere/ })
  t.throws(() => prepare(host(`${open}/../shut`)), { message: /not an absolute path/ })
  t.throws(() => prepare(host('relative')), { message: /not an absolute path/ })
  const everything = device(root, ['/'])
  t.throws(() => everything.prepare(host(dataDir)), { message: /the agent's own folder/ })
  t.throws(() => everything.prepare(host(join(dataDir, 'keys'))), { message: /the agent's own folder/ })
})

t.test('The type of a hostPath is checked, and made where it says so', async (t) => {
  const root = t.testdir({ open: { file: 'x' } })
  const open = join(root, 'open')
  const { prepare } = device(root, [open])
  const host = (name: string, type?: string) => using({ hostPath: { path: join(open, name), ...(type && { type }) } })
  t.throws(() => prepare(host('none', 'Directory')), { message: /does not exist/ })
  t.throws(() => prepare(host('file', 'Directory')), { message: /is not a directory/ })
  t.throws(() => prepare(host('file', 'Socket')), { message: /is not a socket file/ })
  prepare(host('made', 'DirectoryOrCreate'))
  prepare(host('made-file', 'FileOrCreate'))
  prepare(host('plain'))
  t.ok(statSync(join(open, 'made')).isDirectory())
  t.ok(statSync(join(open, 'made-file')).isFile())
  t.ok(statSync(join(open, 'plain')).isDirectory())
  t.throws(() => prepare(host('made', 'File')), { message: /is not a file/ })
})

t.test('The socket of a runtime must be named by the device, an allowed folder around it is not enough', async (t) => {
  // The name of a socket must be short.
  const root = mkdtempSync(join(tmpdir(), 'hf-'))
  t.teardown(() => rmSync(root, { recursive: true, force: true }))
  mkdirSync(join(root, 'run'))
  const socket = join(root, 'run/docker.sock')
  const server = createServer()
  await new Promise<void>((resolve) => server.listen(socket, resolve))
  t.teardown(() => server.close())
  const web = using({ hostPath: { path: socket } })
  t.throws(() => device(root, [join(root, 'run')]).prepare(web), { message: /socket of a container runtime/ })
  t.doesNotThrow(() => device(root, [socket]).prepare(web))
})
