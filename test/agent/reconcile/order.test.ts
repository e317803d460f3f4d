// order.test.ts - a pod that follows another on its device: made ready beside it, started after it, also without a hub, also after a power cut
import fc from 'fast-check'
import t, { type Test } from 'tap'
import { awaitedBy } from '../../../agent/reconcile/order.ts'
import type { Pod } from '../../../shared/kinds/object.ts'
import { AFTER, PREPARED } from '../../../shared/succession.ts'
import { container, pod } from '../../support/builders.ts'
import { createDevice, type Device, type DeviceOptions } from '../../support/device.ts'
import { createFakeRuntime } from '../../support/fake-runtime.ts'
import { fastDir } from '../../support/fast-dir.ts'
import { createManualClock } from '../../support/manual-clock.ts'
import { createPower } from '../../support/power.ts'

const GRACE_SECONDS = 2

const app = (name: string, image: string, containers = 1): Pod =>
  pod(name, {
    terminationGracePeriodSeconds: GRACE_SECONDS,
    containers: Array.from({ length: containers }, (_, at) => container({ name: `app-${at}`, image })),
  })
const after = (given: Pod, ...others: readonly Pod[]): Pod => ({
  ...given,
  metadata: { ...given.metadata, annotations: { [AFTER]: others.map(({ metadata }) => metadata.uid).join(',') } },
})
const goes = (given: Pod): Pod => ({
  ...given,
  metadata: {
    ...given.metadata,
    deletionTimestamp: '2026-11-20T12:00:00Z',
    deletionGracePeriodSeconds: GRACE_SECONDS,
  },
})
/** By pod, sandboxes included. */
const running = (device: Device) => [
  ...new Set(device.runtime.containers().flatMap(({ state, identity }) => (state === 'running' ? [identity.pod] : []))),
]
const waiting = (device: Device, name: string) => device.status(name).containerStatuses?.[0]?.state?.waiting
const isPrepared = (device: Device, name: string) =>
  device.status(name).conditions?.find(({ type }) => type === PREPARED)?.status

async function started(t: Pick<Test, 'teardown'>, options: DeviceOptions = {}) {
  const device = createDevice(fastDir(t), { images: ['app:1'], ...options })
  t.teardown(() => device.stop())
  await device.start()
  return device
}

t.test(
  'A pod waits for the first of those before it that is not over, and never again once it has begun',
  async (t) => {
    const [one, two, three] = [app('one', 'app:1'), app('two', 'app:1'), app('three', 'app:1')]
    const next = after(three, one, two)
    const over = (...pods: Pod[]) => ({ isOver: (uid: string) => pods.some(({ metadata }) => metadata.uid === uid) })
    t.equal(awaitedBy(next, { hasBegun: false, ...over() }), one.metadata.uid)
    t.equal(awaitedBy(next, { hasBegun: false, ...over(one) }), two.metadata.uid)
    t.equal(awaitedBy(next, { hasBegun: false, ...over(one, two) }), undefined)
    t.equal(awaitedBy(next, { hasBegun: true, ...over() }), undefined)
    t.equal(awaitedBy(one, { hasBegun: false, ...over() }), undefined)
  },
)

t.test(
  'The next one is made ready while the one before it runs, says what it waits for, and starts when that has ended',
  async (t) => {
    const device = await started(t)
    device.runtime.images.pullable('app:2')
    const [old, next] = [app('old', 'app:1', 2), app('new', 'app:2', 2)]
    device.runtime.behave('app:1', { ignoresTerm: true })
    await device.want([old])
    await device.want([old, after(next, old)])
    t.same(running(device), ['old'])
    t.ok(device.runtime.images.find('app:2'), 'its image is there')
    t.equal(device.status('new').phase, 'Pending')
    t.same(waiting(device, 'new'), { reason: 'AwaitingPredecessor', message: 'it starts when pod old has ended' })
    t.equal(isPrepared(device, 'new'), 'True')

    await device.want([goes(old), after(next, old)])
    await device.run(1_000 * GRACE_SECONDS - 500)
    t.same(running(device), ['old'], 'the one before has its grace')
    await device.run(5_000)
    t.same(running(device), ['new'])
    t.equal(device.report('old')?.stopped, true)
    t.equal(isPrepared(device, 'new'), undefined, 'who runs waits for nobody')
  },
)

t.test('An image that cannot be had leaves the one before running', async (t) => {
  const device = await started(t)
  const [old, next] = [app('old', 'app:1'), app('new', 'app:none')]
  await device.want([old])
  await device.want([old, after(next, old)])
  await device.run(60_000)
  t.same(running(device), ['old'])
  t.match(waiting(device, 'new')?.reason, /^(ErrImagePull|ImagePullBackOff)$/)
  t.equal(isPrepared(device, 'new'), 'False')
})

t.test('A volume that cannot be had leaves the one before running', async (t) => {
  const device = await started(t)
  const [old, next] = [app('old', 'app:1'), app('new', 'app:1')]
  const volumes = [{ name: 'config', configMap: { name: 'missing' } }]
  const waits = after({ ...next, spec: { ...next.spec, volumes } }, old)
  await device.want([old])
  await device.want([old, waits])
  t.same(waiting(device, 'new'), {
    reason: 'ContainerCreating',
    message: `MountVolume.SetUp failed for volume "config" : configmap "missing" not found`,
  })
  t.equal(isPrepared(device, 'new'), 'False')
  await device.want([old, waits], { configMaps: { 'default/missing': { data: {} } } })
  t.equal(isPrepared(device, 'new'), 'True', 'as soon as it is there')
})

t.test('What a container must have and does not find leaves the one before running', async (t) => {
  const device = await started(t)
  const old = app('old', 'app:1')
  const env = [{ name: 'KEY', valueFrom: { configMapKeyRef: { name: 'missing', key: 'key' } } }]
  const next = after(pod('new', { containers: [container({ image: 'app:1', env })] }), old)
  await device.want([old])
  await device.want([old, next])
  t.same(waiting(device, 'new'), { reason: 'CreateContainerConfigError', message: 'configmap "missing" not found' })
  t.equal(isPrepared(device, 'new'), 'False')
  t.same(running(device), ['old'])
  await device.want([old, next], { configMaps: { 'default/missing': { data: { key: 'value' } } } })
  t.equal(isPrepared(device, 'new'), 'True', 'as soon as it is there')
  await device.want([old, next])
  t.equal(isPrepared(device, 'new'), 'False', 'and not when it is gone again')
})

t.test('Whoever was tidied away while the pod waited its turn is fetched again', async (t) => {
  const device = await started(t)
  device.runtime.images.pullable('app:2')
  const [old, next] = [app('old', 'app:1'), app('new', 'app:2')]
  await device.want([old])
  await device.want([old, after(next, old)])
  device.runtime.images.remove('app:2')
  await device.want([goes(old), after(next, old)])
  await device.run(30_000)
  t.same(running(device), ['new'])
})

t.test(
  'A pod that follows one that nobody knows any more starts, and one whose container is still there waits',
  async (t) => {
    const device = await started(t)
    const [old, next] = [app('old', 'app:1'), app('new', 'app:1')]
    device.runtime.behave('app:1', { ignoresTerm: true })
    await device.want([old])
    await device.restart()
    await device.want([after(next, old)])
    t.same(running(device), ['old'], 'its object was removed, it still ends')
    await device.run(10_000)
    t.same(running(device), ['new'])
    await device.want([after(next, old), after(app('third', 'app:1'), old)])
    t.same(running(device), ['new', 'third'])
  },
)

t.test('A second update before the first has come through waits for both', async (t) => {
  const device = await started(t)
  const [old, next, newest] = [app('old', 'app:1'), app('new', 'app:1'), app('newest', 'app:1')]
  await device.want([old])
  await device.want([old, after(next, old)])
  await device.want([old, goes(after(next, old)), after(newest, old, next)])
  t.same(running(device), ['old'])
  t.equal(device.report('new')?.stopped, true)
  await device.want([goes(old), after(newest, old, next)])
  await device.run(5_000)
  t.same(running(device), ['newest'])
})

t.test(
  'A runtime that does not answer may hold the one before; what has begun waits for nobody any more',
  async (t) => {
    const silent = createFakeRuntime({ clock: createManualClock(), name: 'process' })
    silent.setAvailable(false)
    const device = await started(t, { runtimes: (fake) => [fake, silent] })
    const next = after(app('new', 'app:1'), app('old', 'app:1'))
    await device.want([next])
    await device.run(60_000)
    t.same(running(device), [])
    silent.setAvailable(true)
    await device.run(1_000)
    t.same(running(device), ['new'])

    silent.setAvailable(false)
    device.runtime.reboot('gone')
    await device.restart()
    await device.run(5_000)
    t.same(running(device), ['new'])
  },
)

t.test(
  'Power goes at any step of the hand-over, without a link: one version runs again, and never were there two',
  async (t) => {
    for (const left of ['exited', 'gone'] as const) {
      let isBeyond = false
      let steps = 0
      for (let at = 1; !isBeyond; at++) {
        const power = createPower()
        const device = createDevice(fastDir(t), {
          images: ['app:1', 'app:2'],
          runtimes: (fake) => [power.through(fake)],
        })
        const [old, next] = [app('old', 'app:1', 2), app('new', 'app:2', 2)]
        await device.start()
        await device.want([old])
        const twice: string[][] = []
        device.runtime.onEvent(() => {
          const now = running(device)
          if (now.length > 1) twice.push(now)
        })
        power.cutAt(at, false)
        await device.want([old, after(next, old)])
        await device.want([goes(old), after(next, old)])
        await device.run(10_000)
        if (power.isCut) steps++
        else isBeyond = true
        device.runtime.reboot(left)
        power.restore()
        await device.crash()
        await device.run(15_000)
        t.same(running(device), ['new'], `cut at change ${at}`)
        t.same(twice, [])
        await device.stop()
      }
      t.ok(steps >= 6, `${steps} moments`)
    }
  },
)

t.test(
  'Whatever is asked for in whatever order, a pod never runs beside one that it follows, and the last one asked for runs',
  async (t) => {
    const move = fc.record({
      what: fc.constantFrom('update', 'hand over', 'crash', 'agent', 'reboot'),
      ms: fc.nat(3_000),
    })
    const property = fc.asyncProperty(fc.array(move, { maxLength: 12 }), async (moves) => {
      const device = createDevice(fastDir(t), { images: ['app:1'] })
      device.runtime.behave('app:1', { ignoresTerm: true })
      let count = 1
      let pods = [app('app-1', 'app:1')]
      const check = () => {
        const now = running(device)
        if (now.length > 1) throw new Error(`${now.join(' and ')} run at once`)
      }
      device.runtime.onEvent(check)
      await device.start()
      await device.want(pods)
      for (const { what, ms } of moves) {
        if (what === 'update') pods = [...pods, after(app(`app-${++count}`, 'app:1'), ...pods)]
        if (what === 'hand over') pods = pods.map((one, place) => (place < pods.length - 1 ? goes(one) : one))
        if (what === 'update' || what === 'hand over') await device.want(pods)
        if (what === 'crash') device.runtime.containers().forEach(({ id }) => device.runtime.exit(id, 1))
        if (what === 'agent') await device.crash()
        if (what === 'reboot') device.runtime.reboot('exited')
        await device.run(ms)
        check()
      }
      pods = pods.map((one, place) => (place < pods.length - 1 ? goes(one) : one))
      await device.want(pods)
      await device.run(60_000 * 10)
      if (running(device).join() !== `app-${count}`)
        throw new Error(`${running(device).join(' and ')} instead of app-${count}`)
      await device.stop()
    })
    await fc.assert(property, { numRuns: 60 })
    t.pass('held')
  },
)
