// kubectl-streams.test.ts - real kubectls, old and new, against the streams of a hub: logs, exec, cp, attach, port-forward
import { execFile, spawn } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { readdirSync, readFileSync, realpathSync, writeFileSync } from 'node:fs'
import { createServer, get } from 'node:http'
import { dirname, join } from 'node:path'
import t, { type Test } from 'tap'
import { kubeconfig } from '../../hub/api/access/kubeconfig.ts'
import { eventually } from '../support/eventually.ts'
import { withLocalExec } from '../support/local-exec.ts'
import { findKubectl, skipUnless } from '../support/require.ts'
import { startStreamHub } from '../support/stream-hub.ts'

const found = findKubectl()
const skip = skipUnless('kubectl', found)

/** SPDY alone up to 1.29, WebSocket for exec from 1.30, for port-forward from 1.31. Beside Google's kubectl lie others. */
function kubectls(path: string): string[] {
  const folder = dirname(realpathSync(path))
  const versioned = readdirSync(folder).filter((name) => /^kubectl\.1\.(29|30|33)$/.test(name))
  return versioned.length > 0 ? versioned.map((name) => join(folder, name)) : [path]
}

interface Ran {
  code: number
  out: string
  err: string
}

async function startCluster(t: Test) {
  const parts = await startStreamHub(t, { wrap: withLocalExec })
  const web = createServer((_request, response) => response.end('hello from the pod'))
  await new Promise<void>((resolve) => web.listen(0, '127.0.0.1', resolve))
  t.teardown(() => web.close())
  const address = web.address()
  const port = typeof address === 'object' && address ? address.port : 0
  parts.runtime.behave('app:1', { dial: (wanted) => ({ address: '127.0.0.1', port: wanted === 80 ? port : 1 }) })
  const { containerId } = await parts.runPod('web')
  const dir = t.testdir()
  const users = [
    { name: 'admin', token: parts.hub.tokens.admin },
    { name: 'viewer', token: parts.hub.tokens.viewer },
  ] as const
  writeFileSync(
    join(dir, 'config'),
    JSON.stringify(kubeconfig({ cluster: 'test', server: parts.hub.url, caPem: parts.hub.caPem, users })),
  )
  const env = { ...process.env, HOME: dir, KUBECONFIG: join(dir, 'config'), KUBECACHEDIR: join(dir, 'cache') }
  const run = (kubectl: string, args: readonly string[], input?: string) =>
    new Promise<Ran>((resolve) => {
      const child = execFile(kubectl, args, { env, timeout: 30_000 }, (error, out, err) =>
        resolve({ code: error ? (typeof error.code === 'number' ? error.code : 1) : 0, out, err }),
      )
      child.stdin?.end(input)
    })
  return { ...parts, containerId, dir, env, run }
}

for (const kubectl of skip || !found ? [] : kubectls(found))
  t.test(
    `${kubectl.split('/').at(-1)} reads logs, executes, copies, attaches and forwards`,
    { timeout: 120_000 },
    async (t) => {
      const { runtime, containerId, dir, env, run } = await startCluster(t)
      runtime.write(containerId, 'stdout', 'first line')
      t.match(await run(kubectl, ['logs', 'web']), { code: 0, out: 'first line\n' })
      t.match(await run(kubectl, ['exec', 'web', '--', 'sh', '-c', 'echo out; echo err >&2; exit 3']), {
        code: 3,
        out: 'out\n',
        err: /err/,
      })
      t.match(await run(kubectl, ['exec', '-i', 'web', '--', 'cat'], 'what I typed'), { code: 0, out: 'what I typed' })
      t.match(await run(kubectl, ['--context', 'viewer', 'exec', 'web', '--', 'true']), {
        code: 1,
        err: /User "viewer" cannot create resource "pods\/exec"/,
      })

      writeFileSync(join(dir, 'there'), randomBytes(2_000_000))
      t.match(await run(kubectl, ['cp', join(dir, 'there'), `web:${join(dir, 'inside')}`]), { code: 0 })
      t.match(await run(kubectl, ['cp', `web:${join(dir, 'inside')}`, join(dir, 'back')]), { code: 0 })
      t.ok(
        readFileSync(join(dir, 'there')).equals(readFileSync(join(dir, 'back'))),
        'what was copied there and back is the same',
      )

      const forward = spawn(kubectl, ['port-forward', 'pod/web', ':80'], { env })
      t.teardown(() => forward.kill())
      let said = ''
      forward.stdout.on('data', (data) => (said += String(data)))
      const port = await eventually(() => /127\.0\.0\.1:(\d+)/.exec(said)?.[1] ?? false)
      for (const time of ['first', 'second'])
        t.equal(await bodyOf(`http://127.0.0.1:${port}/`), 'hello from the pod', time)

      const attached = spawn(kubectl, ['attach', 'web'], { env })
      t.teardown(() => attached.kill())
      let seen = ''
      attached.stdout.on('data', (data) => (seen += String(data)))
      await eventually(() => runtime.actions.some((action) => action.do === 'attach'))
      runtime.write(containerId, 'stdout', 'news')
      await eventually(() => seen.includes('news'))
    },
  )

t.test('kubectl was found', { skip: skip ?? false }, async (t) => t.ok(found))

const bodyOf = (url: string): Promise<string> =>
  new Promise((resolve, reject) => {
    get(url, { agent: false }, (response) => {
      let text = ''
      response.on('data', (data) => (text += String(data)))
      response.on('end', () => resolve(text))
    }).on('error', reject)
  })
