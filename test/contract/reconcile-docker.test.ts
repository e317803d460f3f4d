// reconcile-docker.test.ts - the device's own loop on a real engine: a pod with volumes, an init container and a probe
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { createCache } from '../../agent/cache/create-cache.ts'
import { createReconciler } from '../../agent/reconcile/loop.ts'
import { createDockerClient } from '../../agent/runtime/docker-client.ts'
import { createDockerRuntime } from '../../agent/runtime/docker.ts'
import { systemClock } from '../../shared/clock.ts'
import { parseDockerAddress } from '../../shared/docker-address.ts'
import { silentLog } from '../../shared/log.ts'
import { systemRandom } from '../../shared/random.ts'
import type { Pod } from '../../shared/kinds/object.ts'
import type { DesiredState } from '../../shared/protocol/messages.ts'
import { container, pod } from '../support/builders.ts'
import { BUSYBOX_IMAGE, ensureBusyboxImage } from '../support/busybox-image.ts'
import { eventually } from '../support/eventually.ts'
import { fileWithin } from '../support/file-within.ts'
import { findDocker, skipUnless } from '../support/require.ts'

const TIMEOUT_MS = 120_000
fileWithin(t, TIMEOUT_MS)
const WITHIN_MS = 30_000

const host = findDocker()
const skip = skipUnless('docker', host) ?? false
void t.test(
  'A pod of several containers runs on a real engine, survives a restart of the agent, and goes',
  { skip, timeout: TIMEOUT_MS },
  async (t) => {
    const address = parseDockerAddress(host ?? '')
    await ensureBusyboxImage(createDockerClient({ address, clock: systemClock }))
    const node = `loop-${systemRandom.uuid().slice(0, 8)}`
    const dir = t.testdir({ shared: { 'from-host': 'h' } })
    const start = async () => {
      const runtime = createDockerRuntime({ address, node, clock: systemClock, random: systemRandom, log: silentLog })
      const cache = createCache({
        dir: join(dir, 'data/cache'),
        clock: systemClock,
        log: silentLog,
        clockIsSet: () => true,
        verify: () => undefined,
      })
      const loop = createReconciler({
        cache,
        runtimes: [runtime],
        clock: systemClock,
        random: systemRandom,
        log: silentLog,
        node: { name: node, hostIp: '127.0.0.1', cpus: 2, memoryBytes: 1e9, diskBytes: 1e9 },
        dataDir: join(dir, 'data'),
        policy: { hostPathAllowed: [join(dir, 'shared')], hostNetworkAllowed: true, privilegedAllowed: true },
        headroom: async () => ({}),
      })
      for (const service of [cache, runtime, loop]) await service.start()
      return {
        runtime,
        cache,
        stop: async () => {
          for (const service of [loop, runtime, cache]) await service.stop()
        },
      }
    }
    let revision = 0
    const state = (pods: Pod[], colour = 'green'): DesiredState => ({
      type: 'state',
      node,
      epoch: 1,
      revision: ++revision,
      pods,
      configMaps: { 'default/paint': { data: { colour } } },
      secrets: { 'default/login': { data: { user: Buffer.from('ann').toString('base64') } } },
      settings: { beatEveryMs: 10_000 },
    })
    let device = await start()
    t.teardown(async () => {
      for (const { id } of await device.runtime.list()) await device.runtime.removeContainer(id, { force: true })
      await device.stop()
    })

    const shell = (name: string, script: string) =>
      container({ name, image: BUSYBOX_IMAGE, command: ['sh', '-c', script], volumeMounts: mounts })
    const mounts = [
      { name: 'work', mountPath: '/work' },
      { name: 'paint', mountPath: '/paint' },
      { name: 'login', mountPath: '/login' },
      { name: 'host', mountPath: '/host', readOnly: true },
    ]
    const web = pod('web', {
      terminationGracePeriodSeconds: 1,
      initContainers: [shell('init', 'cat /paint/colour /login/user /host/from-host > /work/seen')],
      containers: [
        {
          ...shell('app', 'httpd -f -p 8080 -h /work'),
          readinessProbe: { httpGet: { port: 8080, path: '/seen' }, periodSeconds: 1 },
        },
        shell('log', 'while true; do cat /paint/colour > /work/colour; sleep 0.1; done'),
      ],
      volumes: [
        { name: 'work', emptyDir: {} },
        { name: 'paint', configMap: { name: 'paint' } },
        { name: 'login', secret: { secretName: 'login' } },
        { name: 'host', hostPath: { path: join(dir, 'shared'), type: 'Directory' } },
      ],
    })
    const work = join(dir, 'data/pods', web.metadata.uid, 'volumes/work')
    const status = () => device.cache.report()?.pods[0]?.status
    const isReady = () => status()?.conditions?.find(({ type }) => type === 'Ready')?.status === 'True'

    device.cache.commitDesired(state([web]), Buffer.from('signed'))
    await eventually(isReady, WITHIN_MS)
    t.equal(readFileSync(join(work, 'seen'), 'utf8'), 'greenannh')
    t.match(status(), { phase: 'Running', podIP: /^\d+\.\d+\.\d+\.\d+$/ })
    const ids = (await device.runtime.list()).map(({ id }) => id).toSorted()

    device.cache.commitDesired(state([web], 'blue'), Buffer.from('signed'))
    await eventually(() => readFileSync(join(work, 'colour'), 'utf8') === 'blue', WITHIN_MS)

    await device.stop()
    device = await start()
    await eventually(isReady, WITHIN_MS)
    t.same((await device.runtime.list()).map(({ id }) => id).toSorted(), ids, 'the same containers')
    t.match(status()?.containerStatuses, [{ restartCount: 0 }, { restartCount: 0 }])

    const gone = {
      ...web,
      metadata: { ...web.metadata, deletionTimestamp: '2026-11-20T12:00:00Z', deletionGracePeriodSeconds: 1 },
    }
    device.cache.commitDesired(state([gone]), Buffer.from('signed'))
    await eventually(() => device.cache.report()?.pods[0]?.stopped === true, WITHIN_MS)
    t.same(await device.runtime.list(), [])
  },
)
