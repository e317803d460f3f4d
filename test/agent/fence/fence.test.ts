// fence.test.ts - who may run until when, over renewals, silence, restarts of the agent and of the device
import t, { type Test } from 'tap'
import { createFence, type Fence } from '../../../agent/fence/fence.ts'
import type { Pod } from '../../../shared/kinds/object.ts'
import { silentLog } from '../../../shared/log.ts'
import { meta, pod } from '../../support/builders.ts'
import { createManualClock } from '../../support/manual-clock.ts'

const only = (name: string, lostAfter = '20s') =>
  pod(
    name,
    { terminationGracePeriodSeconds: 5 },
    {
      metadata: meta(name, {
        uid: name,
        annotations: { 'holdfast.dev/singleton': 'true', 'holdfast.dev/lost-after': lostAfter },
      }),
    },
  )

function rig(t: Test, pods: readonly Pod[]) {
  const clock = createManualClock()
  const device = {
    bootId: 'boot-1',
    nowMs: 1_000_000,
    orders: undefined as string | undefined,
    ensured: 0,
    isFull: false,
  }
  const boot = { nowMs: () => device.nowMs, bootId: () => device.bootId }
  const process = {
    orders: () => device.orders,
    order(text: string | undefined) {
      if (device.isFull) throw new Error('no space left on device')
      device.orders = text
    },
    ensure: () => void device.ensured++,
  }
  const changed: string[] = []
  let seq = 0
  const start = async (whyNot?: string): Promise<Fence> => {
    const agent = { pid: 1, startTicks: '1' }
    const fence = createFence({ pods: () => pods, boot, process, agent, whyNot: () => whyNot, clock, log: silentLog })
    fence.onChange((podUid) => changed.push(podUid))
    await fence.start()
    t.teardown(() => fence.stop())
    return fence
  }
  return {
    device,
    changed,
    start,
    /** Timers and the monotonic clock stand still, time since boot goes on. */
    sleep: (ms: number) => void (device.nowMs += ms),
    async pass(ms: number) {
      device.nowMs += ms
      await clock.advance(ms)
    },
    /** A beat that the hub answers after a while. */
    async renew(fence: Fence, { afterMs = 0, pods: named = pods.map(({ metadata }) => metadata.uid) } = {}) {
      fence.sending(7, ++seq)
      device.nowMs += afterMs
      await clock.advance(afterMs)
      fence.granted(7, { seq, pods: named })
    },
  }
}

t.test('Nothing runs before the hub has been heard; then for as long as it is', async (t) => {
  const web = only('web')
  const { start, renew, pass, changed } = rig(t, [web])
  const fence = await start()
  t.equal(fence.mayRun(web), false)
  t.equal(fence.mayRun(pod('other')), true, 'what may run twice needs no leave')
  await renew(fence)
  t.equal(fence.mayRun(web), true)
  await pass(19_000)
  t.equal(fence.mayRun(web), true)
  await renew(fence)
  await pass(19_000)
  t.equal(fence.mayRun(web), true)
  await pass(2_000)
  t.equal(fence.mayRun(web), false)
  t.same(changed, ['web', 'web'], 'told once each time')
})

t.test('It counts from the sending of the beat, however late the answer is', async (t) => {
  const web = only('web')
  const { start, renew, pass } = rig(t, [web])
  const fence = await start()
  await renew(fence, { afterMs: 15_000 })
  t.equal(fence.mayRun(web), true)
  await pass(5_000)
  t.equal(fence.mayRun(web), false)
})

t.test('Answers to nothing that was asked, to other sessions, and about other pods change nothing', async (t) => {
  const web = only('web')
  const { start, renew } = rig(t, [web])
  const fence = await start()
  fence.granted(7, { seq: 99, pods: ['web'] })
  fence.sending(7, 1)
  fence.granted(8, { seq: 1, pods: ['web'] })
  await renew(fence, { pods: ['another'] })
  t.equal(fence.mayRun(web), false)
})

t.test('What a hub only renews goes on while it has not run out, and is not started by that', async (t) => {
  const web = only('web')
  const { start, renew, pass, device } = rig(t, [web])
  const fence = await start()
  const renewOnly = (seq: number) => fence.granted(7, { seq, pods: [], renewed: ['web'] })
  fence.sending(7, 100)
  renewOnly(100)
  t.equal(fence.mayRun(web), false)
  await renew(fence)
  await pass(19_000)
  fence.sending(7, 101)
  renewOnly(101)
  await pass(19_000)
  t.equal(fence.mayRun(web), true)
  await pass(2_000)
  fence.sending(7, 102)
  renewOnly(102)
  t.equal(fence.mayRun(web), false, 'it had run out')
  t.ok(device.orders)
})

t.test('An older answer that comes late takes nothing back', async (t) => {
  const web = only('web')
  const { start, pass } = rig(t, [web])
  const fence = await start()
  fence.sending(7, 1)
  await pass(10_000)
  fence.sending(7, 2)
  fence.granted(7, { seq: 2, pods: ['web'] })
  fence.granted(7, { seq: 1, pods: ['web'] })
  await pass(15_000)
  t.equal(fence.mayRun(web), true)
})

t.test('The next agent goes on with the deadlines and containers of the last one', async (t) => {
  const web = only('web')
  const { start, renew, pass, device } = rig(t, [web])
  const first = await start()
  await renew(first)
  first.hold(web, 'docker', 'c1')
  t.match(device.orders, /docker c1 1020 1025 web/)
  t.ok(device.ensured > 0, 'and somebody is there to hear it')
  await first.stop()
  const second = await start()
  t.match(device.orders, /docker c1 1020 1025 web/)
  t.equal(second.mayRun(web), true)
  await pass(20_000)
  t.equal(second.mayRun(web), false)
})

t.test('After a restart of the device nothing runs before the hub has been heard again', async (t) => {
  const web = only('web')
  const { start, renew, device } = rig(t, [web])
  const first = await start()
  await renew(first)
  first.hold(web, 'docker', 'c1')
  await first.stop()
  device.bootId = 'boot-2'
  device.nowMs = 5_000
  const second = await start()
  t.equal(second.mayRun(web), false)
})

t.test('A container is not started when the fence cannot be told, or could not kill it', async (t) => {
  const web = only('web')
  const { start, renew, device } = rig(t, [web])
  const fence = await start()
  await renew(fence)
  device.isFull = true
  t.throws(() => fence.hold(web, 'docker', 'c1'), /no space/)
  const far = await start('its container engine is on another machine')
  device.isFull = false
  t.throws(() => far.hold(web, 'docker', 'c1'), /another machine/)
  t.doesNotThrow(() => far.hold(pod('other'), 'docker', 'c2'))
})

t.test('A device that slept past the deadline lets nothing run when it wakes, before any timer', async (t) => {
  const web = only('web')
  const { start, renew, pass, sleep, changed, device } = rig(t, [web])
  const fence = await start()
  await renew(fence)
  fence.hold(web, 'docker', 'c1')
  fence.sending(7, 50)
  sleep(3_600_000)
  t.equal(fence.mayRun(web), false)
  const [, kill] = /docker c1 \d+ (\d+) web/.exec(device.orders ?? '') ?? []
  t.ok(Number(kill) * 1000 < device.nowMs, 'the fence kills at its first look')
  fence.granted(7, { seq: 50, pods: ['web'] })
  t.equal(fence.mayRun(web), false, 'what was asked before the sleep gives no leave after it')
  await pass(1_000)
  t.same(changed, ['web', 'web'], 'the loop is told within a second')
  await renew(fence)
  t.equal(fence.mayRun(web), true)
})

t.test('A device that slept for less than its lease goes on, with what is left of it', async (t) => {
  const web = only('web')
  const { start, renew, pass, sleep } = rig(t, [web])
  const fence = await start()
  await renew(fence)
  sleep(15_000)
  t.equal(fence.mayRun(web), true)
  await pass(5_000)
  t.equal(fence.mayRun(web), false)
})

t.test('What has ended is no longer guarded; with the last pod the fence may go', async (t) => {
  const web = only('web')
  const { start, renew, device } = rig(t, [web])
  const fence = await start()
  await renew(fence)
  fence.hold(web, 'process', 'c1')
  fence.hold(web, 'process', 'c2')
  fence.sees(web, 'process', ['c2'])
  t.notMatch(device.orders, /c1/)
  t.match(device.orders, /process c2/)
  fence.forget('web')
  t.equal(device.orders, undefined)
})

t.test('Beats are as frequent as the shortest lease needs, and as rare as before when there is none', async (t) => {
  t.equal((await rig(t, [only('web', '20s'), only('db', '40s')]).start()).beatEveryMsMax(), 5_000)
  t.equal((await rig(t, [pod('web')]).start()).beatEveryMsMax(), Infinity)
})
