// loop.test.ts - the device's own loop against the fake runtime, on a clock that only the test moves
import t from 'tap'
import { container, pod } from '../../support/builders.ts'
import { containerSpec } from '../../support/container-spec.ts'
import { createDevice, type Device, type DeviceOptions } from '../../support/device.ts'
import type { Pod } from '../../../shared/kinds/object.ts'

interface Test {
  testdir(): string
  teardown(run: () => Promise<void>): void
}

async function device(test: Test, options: DeviceOptions = {}): Promise<Device> {
  const made = createDevice(test.testdir(), options)
  test.teardown(() => made.stop())
  await made.start()
  return made
}

const states = (made: Device) =>
  made.runtime
    .containers()
    .map(({ identity, state }) => `${identity.container || 'sandbox'}#${identity.attempt} ${state}`)
const deleted = (given: Pod, deletionGracePeriodSeconds = 30): Pod => ({
  ...given,
  metadata: { ...given.metadata, deletionTimestamp: '2026-11-20T12:00:00Z', deletionGracePeriodSeconds },
})

t.test('A pod with one container runs without a sandbox and says so in the words of Kubernetes', async (t) => {
  const edge = await device(t)
  await edge.want([pod('web')])
  t.same(states(edge), ['app#0 running'])
  const status = edge.status('web')
  t.equal(status.phase, 'Running')
  t.equal(status.qosClass, 'BestEffort')
  t.equal(status.hostIP, '192.0.2.7')
  t.match(status.podIP, /^10\.88\./)
  t.equal(status.conditions?.find(({ type }) => type === 'Ready')?.status, 'True')
  t.match(status.containerStatuses?.[0], { name: 'app', ready: true, started: true, restartCount: 0 })
  t.match(status.containerStatuses?.[0]?.containerID, /^docker:\/\//)
  t.ok(status.containerStatuses?.[0]?.state?.running)
  t.same(
    edge.journal().map((line) => line.split(' ')[0]),
    ['Pulling', 'Pulled', 'Created', 'Started'],
  )
})

t.test('Two containers of one pod share the network of a sandbox', async (t) => {
  const edge = await device(t)
  const two = pod('web', { containers: [container(), container({ name: 'log' })] })
  await edge.want([two])
  t.same(states(edge).sort(), ['app#0 running', 'log#0 running', 'sandbox#0 running'])
  const sandbox = edge.runtime.containers().find(({ identity }) => identity.role === 'sandbox')
  for (const { id, identity } of edge.runtime.containers())
    if (identity.role === 'app') t.same(edge.runtime.spec(id)?.network, { kind: 'shared', withId: sandbox?.id })
  t.equal(edge.status('web').podIP, sandbox?.ip)
})

t.test('After a restart of the agent the same containers go on, untouched', async (t) => {
  const edge = await device(t)
  await edge.want([pod('web'), pod('two', { containers: [container(), container({ name: 'log' })] })])
  const before = edge.runtime.containers().map(({ id }) => id)
  const done = edge.runtime.actions.length
  await edge.restart()
  await edge.run(60_000)
  t.same(
    edge.runtime.containers().map(({ id }) => id),
    before,
  )
  t.equal(edge.runtime.actions.length, done, 'the runtime was asked to do nothing')
  t.equal(edge.status('web').phase, 'Running')
})

t.test(
  'A crashed container restarts at once, then after 1 s, 2 s, 4 s, and says CrashLoopBackOff while it waits',
  async (t) => {
    const edge = await device(t)
    edge.runtime.behave('my-image', { exitAfterMs: 10, exitCode: 3 })
    await edge.want([pod('web')])
    await edge.run(100)
    t.match(edge.status('web').containerStatuses?.[0], {
      restartCount: 1,
      state: {
        waiting: {
          reason: 'CrashLoopBackOff',
          message: /back-off 1s restarting failed container=app pod=web_default\(uid-web-/,
        },
      },
      lastState: { terminated: { exitCode: 3, reason: 'Error' } },
    })
    t.equal(edge.status('web').phase, 'Running')
    await edge.run(1_000)
    t.equal(edge.status('web').containerStatuses?.[0]?.restartCount, 2)
    await edge.run(1_000)
    t.equal(edge.status('web').containerStatuses?.[0]?.restartCount, 2, 'it waits 2 s now')
    await edge.run(1_200)
    t.equal(edge.status('web').containerStatuses?.[0]?.restartCount, 3)
    t.ok(
      edge
        .journal()
        .some((line) => line.startsWith('BackOff Back-off restarting failed container app in pod web_default(')),
    )
    t.ok(edge.runtime.containers().length <= 2, 'only the newest and the one before are kept')
  },
)

t.test('After ten good minutes a crash is a first one again', async (t) => {
  const edge = await device(t)
  await edge.want([pod('web')])
  for (let crash = 0; crash < 4; crash++) {
    const running = edge.runtime.containers().find(({ state }) => state === 'running')
    edge.runtime.exit(running?.id ?? '', 1)
    await edge.run(10_000)
  }
  await edge.run(601_000)
  const running = edge.runtime.containers().find(({ state }) => state === 'running')
  edge.runtime.exit(running?.id ?? '', 1)
  await edge.run(100)
  t.equal(edge.runtime.containers().filter(({ state }) => state === 'running').length, 1)
})

t.test('A deleted pod is told to end, gets its grace, is killed, and is reported as stopped', async (t) => {
  const edge = await device(t)
  edge.runtime.behave('my-image', { ignoresTerm: true })
  const web = pod('web')
  await edge.want([web])
  await edge.want([deleted(web, 5)])
  t.same(
    edge.runtime.actions.filter((action) => action.do === 'signal').map(({ signal }) => signal),
    ['SIGTERM'],
  )
  t.notOk(edge.report('web')?.stopped)
  await edge.run(5_100)
  t.same(
    edge.runtime.actions.filter((action) => action.do === 'signal').map(({ signal }) => signal),
    ['SIGTERM', 'SIGKILL'],
  )
  t.same(edge.runtime.containers(), [])
  t.equal(edge.report('web')?.stopped, true)
  t.match(edge.status('web').containerStatuses?.[0]?.state?.terminated, { exitCode: 137 })
  await edge.want([])
  t.equal(edge.report('web'), undefined)
  t.same(edge.cache.knownPods(), [])
})

t.test('A preStop command runs before TERM is sent', async (t) => {
  const edge = await device(t)
  const web = pod('web', { containers: [container({ lifecycle: { preStop: { exec: { command: ['drain'] } } } })] })
  await edge.want([web])
  await edge.want([deleted(web)])
  await edge.run()
  const order = edge.runtime.actions
    .filter((action) => action.do === 'exec' || action.do === 'signal')
    .map((action) => action.do)
  t.same(order, ['exec', 'signal'])
})

t.test('A sleeping preStop hook delays TERM, never beyond the grace', async (t) => {
  const edge = await device(t)
  const web = pod('web', { containers: [container({ lifecycle: { preStop: { sleep: { seconds: 60 } } } })] })
  await edge.want([web])
  await edge.want([deleted(web, 10)])
  await edge.run(9_000)
  t.equal(edge.runtime.actions.filter((action) => action.do === 'signal').length, 0)
  await edge.run(1_500)
  t.equal(edge.report('web')?.stopped, true)
})

t.test('A pod that a newer state does not name any more is stopped', async (t) => {
  const edge = await device(t)
  await edge.want([pod('web'), pod('db')])
  await edge.want([])
  t.same(edge.runtime.containers(), [])
})

t.test('Without a state that can be trusted nothing is stopped', async (t) => {
  const edge = await device(t)
  const identity = { podUid: 'old', pod: 'old', container: 'app' }
  const id = await edge.runtime.createContainer(containerSpec({ image: 'my-image', identity }))
  await edge.runtime.startContainer(id)
  await edge.run(120_000)
  t.same(states(edge), ['app#0 running'])
  await edge.want([])
  await edge.run(60_000)
  t.same(states(edge), [], 'a verified state without it stops it')
})

t.test('A runtime that does not answer is said to be unavailable, and is never read as empty', async (t) => {
  const edge = await device(t)
  await edge.want([pod('web')])
  const done = edge.runtime.actions.length
  edge.runtime.setAvailable(false)
  await edge.run(120_000)
  t.equal(edge.cache.report()?.conditions.find(({ type }) => type === 'RuntimeUnavailable')?.status, 'True')
  t.match(
    edge.cache.report()?.conditions.find(({ type }) => type === `holdfast.dev/runtime-${edge.runtime.name}`),
    { status: 'False', reason: 'RuntimeDown' },
    'it is said of the one runtime too, for the scheduler',
  )
  t.equal(edge.status('web').phase, 'Running', 'what was last seen stays')
  edge.runtime.setAvailable(true)
  await edge.run(60_000)
  t.equal(edge.cache.report()?.conditions.find(({ type }) => type === 'RuntimeUnavailable')?.status, 'False')
  t.equal(edge.runtime.actions.length, done)
})

t.test('A cold boot without a hub runs everything again from the cache alone', async (t) => {
  for (const left of ['exited', 'gone'] as const) {
    const edge = await device(t)
    await edge.want([pod('web'), pod('two', { containers: [container(), container({ name: 'log' })] })])
    const pulls = () => edge.runtime.actions.filter((action) => action.do === 'pull').length
    const before = pulls()
    edge.runtime.reboot(left)
    await edge.restart()
    await edge.run(15_000)
    const running = edge.runtime.containers().filter(({ state }) => state === 'running')
    t.equal(running.length, 4, `containers ${left}`)
    t.equal(edge.status('two').phase, 'Running')
    t.equal(pulls(), before, 'no registry is needed again')
    await edge.stop()
    await edge.start()
  }
})

t.test('Init containers run one after another before the app', async (t) => {
  const edge = await device(t)
  edge.runtime.behave('init', { exitAfterMs: 1_000 })
  edge.runtime.images.add('init')
  const init = (name: string) => container({ name, image: 'init', imagePullPolicy: 'IfNotPresent' })
  await edge.want([pod('web', { initContainers: [init('one'), init('two')] })])
  t.same(states(edge), ['one#0 running'])
  t.equal(edge.status('web').phase, 'Pending')
  t.equal(edge.status('web').containerStatuses?.[0]?.state?.waiting?.reason, 'PodInitializing')
  await edge.run(1_100)
  t.same(states(edge), ['one#0 exited', 'two#0 running'])
  await edge.run(1_100)
  t.same(states(edge), ['one#0 exited', 'two#0 exited', 'app#0 running'])
  t.equal(edge.status('web').conditions?.find(({ type }) => type === 'Initialized')?.status, 'True')
  t.match(edge.status('web').initContainerStatuses?.[0]?.state?.terminated, { reason: 'Completed', exitCode: 0 })
})

t.test(
  'A pod that never restarts ends as Failed when an init container fails, and as Succeeded when all is done',
  async (t) => {
    const edge = await device(t)
    edge.runtime.images.add('bad')
    edge.runtime.behave('bad', { exitAfterMs: 10, exitCode: 1 })
    edge.runtime.behave('my-image', { exitAfterMs: 10, exitCode: 0 })
    const bad = container({ name: 'bad', image: 'bad', imagePullPolicy: 'IfNotPresent' })
    await edge.want([
      pod('broken', { restartPolicy: 'Never', initContainers: [bad] }),
      pod('job', { restartPolicy: 'Never' }),
    ])
    await edge.run(1_000)
    t.equal(edge.status('broken').phase, 'Failed')
    t.equal(edge.status('job').phase, 'Succeeded')
    t.equal(edge.status('job').conditions?.find(({ type }) => type === 'Ready')?.reason, 'PodCompleted')
    await edge.restart()
    await edge.run(60_000)
    t.equal(edge.status('job').phase, 'Succeeded', 'and stays so')
    t.equal(edge.runtime.containers().length, 2)
  },
)

t.test('A sidecar starts before the app and ends after it', async (t) => {
  const edge = await device(t)
  const sidecar = container({ name: 'proxy', restartPolicy: 'Always' })
  const web = pod('web', { initContainers: [sidecar] })
  await edge.want([web])
  const started = edge.runtime.actions.filter((action) => action.do === 'start').map(({ container: name }) => name)
  t.same(started, ['', 'proxy', 'app'])
  await edge.want([deleted(web)])
  const told = edge.runtime.actions.filter((action) => action.do === 'signal').map(({ container: name }) => name)
  t.same(told, ['app', 'proxy'])
  t.same(edge.runtime.containers(), [])
})

t.test('A pod that has done its work is Running until its sidecar has ended, which then stays ended', async (t) => {
  const edge = await device(t, { images: ['my-image', 'proxy'] })
  edge.runtime.behave('my-image', { exitAfterMs: 1_000, exitCode: 0 })
  edge.runtime.behave('proxy', { termMs: 2_000 })
  const proxy = container({ name: 'proxy', image: 'proxy', restartPolicy: 'Always' })
  await edge.want([pod('job', { restartPolicy: 'Never', initContainers: [proxy] })])
  await edge.run(2_000)
  t.match(edge.status('job'), { phase: 'Running', containerStatuses: [{ state: { terminated: { exitCode: 0 } } }] })
  await edge.run(5_000)
  t.equal(edge.status('job').phase, 'Succeeded')
  t.match(edge.status('job').initContainerStatuses, [{ state: { terminated: {} }, restartCount: 0 }])
})

t.test('A changed image replaces the container, and the old one ends first', async (t) => {
  const edge = await device(t, { images: ['my-image', 'my-image:2'] })
  const web = pod('web')
  await edge.want([web])
  await edge.want([{ ...web, spec: { ...web.spec, containers: [container({ image: 'my-image:2' })] } }])
  await edge.run(500)
  t.same(states(edge), ['app#0 exited', 'app#1 running'])
  t.ok(edge.journal().includes('Killing Container app definition changed, will be restarted'))
})

t.test('An image that cannot be had is told as ErrImagePull, then ImagePullBackOff, and is tried again', async (t) => {
  const edge = await device(t)
  await edge.want([pod('web', { containers: [container({ image: 'nowhere:1' })] })])
  t.equal(edge.status('web').containerStatuses?.[0]?.state?.waiting?.reason, 'ErrImagePull')
  await edge.run(3_000)
  t.equal(edge.status('web').containerStatuses?.[0]?.state?.waiting?.reason, 'ImagePullBackOff')
  edge.runtime.images.pullable('nowhere:1')
  await edge.run(10_000)
  t.equal(edge.status('web').phase, 'Running')
  const reasons = edge.journal().map((line) => line.split(' ')[0])
  for (const reason of ['Pulling', 'Failed', 'BackOff', 'Pulled', 'Created', 'Started'])
    t.ok(reasons.includes(reason), reason)
})

t.test('With no registry in reach, Always runs the image that is here', async (t) => {
  const edge = await device(t)
  edge.runtime.images.pullFails('my-image', 'RegistryUnavailable', 'no route to host')
  await edge.want([pod('web', { containers: [container({ imagePullPolicy: 'Always' })] })])
  t.equal(edge.status('web').phase, 'Running')
})

t.test('A missing ConfigMap holds only its own container, and its arrival starts it at once', async (t) => {
  const edge = await device(t)
  const env = [{ name: 'COLOUR', valueFrom: { configMapKeyRef: { name: 'paint', key: 'colour' } } }]
  const web = pod('web', { containers: [container({ imagePullPolicy: 'IfNotPresent', env })] })
  await edge.want([web])
  t.match(edge.status('web').containerStatuses?.[0]?.state?.waiting, {
    reason: 'CreateContainerConfigError',
    message: 'configmap "paint" not found',
  })
  await edge.want([web], { configMaps: { 'default/paint': { data: { colour: 'green' } } } })
  t.equal(edge.status('web').phase, 'Running')
  t.same(edge.runtime.spec(edge.runtime.containers()[0]?.id ?? '')?.env, [['COLOUR', 'green']])
})

t.test('A container that fails its liveness probe is restarted', async (t) => {
  const edge = await device(t)
  edge.runtime.behave('my-image', { exec: () => ({ stderr: 'sick', exitCode: 1 }) })
  const livenessProbe = { exec: { command: ['check'] }, periodSeconds: 2, failureThreshold: 2 }
  await edge.want([pod('web', { containers: [container({ livenessProbe })] })])
  await edge.run(4_500)
  t.equal(edge.status('web').containerStatuses?.[0]?.restartCount, 1)
  t.ok(edge.journal().includes('Unhealthy Liveness probe failed: sick'))
  t.ok(edge.journal().includes('Killing Container app failed liveness probe, will be restarted'))
})

t.test('A container is ready only when its readiness probe says so', async (t) => {
  const edge = await device(t)
  let exitCode = 1
  edge.runtime.behave('my-image', { exec: () => ({ exitCode }) })
  const readinessProbe = { exec: { command: ['check'] }, periodSeconds: 1, failureThreshold: 1 }
  await edge.want([pod('web', { containers: [container({ readinessProbe })] })])
  const ready = () => edge.status('web').conditions?.find(({ type }) => type === 'Ready')?.status
  t.equal(ready(), 'False')
  exitCode = 0
  await edge.run(1_100)
  t.equal(ready(), 'True')
  exitCode = 1
  await edge.run(1_100)
  t.equal(ready(), 'False')
  t.equal(edge.status('web').containerStatuses?.[0]?.restartCount, 0)
})

t.test('One pod whose pull hangs does not hold the others', async (t) => {
  const edge = await device(t)
  edge.runtime.images.pullable('slow:1', { takesMs: 3_600_000 })
  await edge.want([pod('slow', { containers: [container({ image: 'slow:1' })] }), pod('web')])
  t.equal(edge.status('web').phase, 'Running')
  t.equal(edge.status('slow').phase, 'Pending')
})

t.test('A pull that takes its time says how far it is, now and then', async (t) => {
  const edge = await device(t)
  edge.runtime.images.pullable('large:1', { takesMs: 3_600_000, totalBytes: 120_000_000 })
  const waiting = () => edge.status('web').containerStatuses?.[0]?.state?.waiting
  await edge.want([pod('web', { containers: [container({ image: 'large:1' })] })])
  t.strictSame(waiting(), { reason: 'ContainerCreating' })
  await edge.run(1_030_000)
  t.strictSame(waiting(), { reason: 'ContainerCreating', message: 'pulling large:1: 34 of 120 MB' })
  await edge.run(2_600_000)
  t.equal(edge.status('web').phase, 'Running')
})

t.test('The progress of a pull costs a report in ten seconds at most', async (t) => {
  const edge = await device(t)
  edge.runtime.images.pullable('large:1', { takesMs: 100_000, totalBytes: 120_000_000 })
  await edge.want([pod('web', { containers: [container({ image: 'large:1' })] })])
  let reports = 0
  edge.cache.onReport(() => reports++)
  await edge.run(95_000)
  t.equal(reports, 9)
})

t.test('A container killed by the kernel for its memory says OOMKilled', async (t) => {
  const edge = await device(t)
  edge.runtime.behave('my-image', { exitAfterMs: 10, outOfMemory: true })
  await edge.want([pod('web', { restartPolicy: 'Never' })])
  await edge.run(500)
  t.match(edge.status('web').containerStatuses?.[0]?.state?.terminated, { reason: 'OOMKilled', exitCode: 137 })
})

t.test('A pod for a runtime that this device does not have waits and says why', async (t) => {
  const edge = await device(t)
  await edge.want([pod('web', { runtimeClassName: 'process' })])
  t.match(edge.status('web'), { phase: 'Pending', message: 'this device has no runtime "process"' })
})

t.test('What a program says about its end is in the status, also after its container is gone', async (t) => {
  const edge = await device(t)
  edge.runtime.behave('my-image', { lastWord: 'no database', exitAfterMs: 5, exitCode: 3 })
  await edge.want([pod('job', { restartPolicy: 'Never' }), pod('web')])
  await edge.run(10)
  const [job, web] = ['job', 'web'].map((name) => edge.status(name).containerStatuses?.[0])
  t.match(job?.state?.terminated, { exitCode: 3, reason: 'Error', message: 'no database' })
  t.match(web?.lastState?.terminated, { exitCode: 3, message: 'no database' })
  for (const { id, identity } of edge.runtime.containers())
    if (identity.pod === 'job') await edge.runtime.removeContainer(id, { force: true })
  await edge.restart()
  t.match(edge.status('job').containerStatuses?.[0]?.state?.terminated, { exitCode: 3, message: 'no database' })
})

t.test('Each pod’s messages have a folder that goes with it, and the pod says where and how', async (t) => {
  const edge = await device(t)
  const spec = container({ terminationMessagePath: 'tmp/why', terminationMessagePolicy: 'FallbackToLogsOnError' })
  const told = pod('told', { containers: [spec] })
  await edge.want([told, pod('plain')])
  const terminations = new Map(
    edge.runtime.containers().map(({ id, identity }) => [identity.pod, edge.runtime.spec(id)?.termination]),
  )
  t.match(terminations.get('told'), { path: '/tmp/why', orLogs: true, folder: `${told.metadata.uid}/messages` })
  t.match(terminations.get('plain'), { path: '/dev/termination-log', orLogs: false })
  t.not(terminations.get('told')?.folder, terminations.get('plain')?.folder)
})

t.test(
  'A command that cannot be run ends a pod that runs once; a start that may work later is tried again',
  async (t) => {
    const edge = await device(t)
    edge.runtime.behave('my-image', { failsToStart: 'exec: "nope": executable file not found in $PATH' })
    const once = { restartPolicy: 'Never' }
    await edge.want([pod('typo', once), pod('server')])
    await edge.run(60_000)
    t.equal(edge.status('typo').phase, 'Failed')
    const why = { exitCode: 127, reason: 'ContainerCannotRun', message: /not found/ }
    t.match(edge.status('typo').containerStatuses?.[0], { restartCount: 0, state: { terminated: why } })
    const server = edge.status('server').containerStatuses?.[0]
    t.match(server, { state: { waiting: {} }, lastState: { terminated: why } })
    t.ok((server?.restartCount ?? 0) > 1)
    t.ok(Date.parse(server?.lastState?.terminated?.finishedAt ?? '') > 0, 'its end has a time')

    edge.runtime.behave('my-image', { failsToStart: 'port is already allocated', failsToStartWith: 128 })
    await edge.want([pod('late', once)])
    t.match(edge.status('late').containerStatuses?.[0]?.state, { waiting: { reason: 'RunContainerError' } })
    edge.runtime.behave('my-image', {})
    await edge.run(60_000)
    t.equal(edge.status('late').phase, 'Running')
  },
)
