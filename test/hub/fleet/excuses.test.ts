// excuses.test.ts - checks that the hub blames no device for its own absence, and does not look away for ever either
import t from 'tap'
import { createExcuses } from '../../../hub/fleet/excuses.ts'
import { createJudge } from '../../../hub/fleet/judge.ts'
import { judgeNode, limitsFor } from '../../../hub/fleet/node-state.ts'
import { createObjects } from '../../../hub/store/objects.ts'
import { NAMESPACE } from '../../../shared/kinds/namespace.ts'
import { NODE } from '../../../shared/kinds/node.ts'
import { silentLog } from '../../../shared/log.ts'
import { systemRandom } from '../../../shared/random.ts'
import { createManualClock } from '../../support/manual-clock.ts'
import { startedStore } from '../../support/store.ts'

const limits = limitsFor(1_000)
const LEASE_MS = limits.leaseMs

t.test('While devices are kept waiting, and for a lease after, nobody is judged lost', async (t) => {
  const excuses = createExcuses(limits)
  t.equal(excuses.untilMs(), 0)
  excuses.note(10_000)
  t.equal(excuses.untilMs(), 10_000 + LEASE_MS)
  const life = { hubStartedMs: 0, lastHeardMs: 6_500 }
  t.equal(judgeNode(life, 12_000, limits).state, 'Unreachable')
  t.match(judgeNode({ ...life, excusedUntilMs: excuses.untilMs() }, 12_000, limits), {
    state: 'Late',
    lookAgainMs: 10_000 + LEASE_MS,
  })
  t.equal(judgeNode({ ...life, excusedUntilMs: excuses.untilMs() }, 14_000, limits).state, 'Unreachable')
})

t.test('A crowd that never ends excuses for five leases, and the next one anew', async (t) => {
  const excuses = createExcuses(limits)
  for (let nowMs = 0; nowMs <= 100_000; nowMs += 1_000) excuses.note(nowMs)
  t.equal(excuses.untilMs(), 5 * LEASE_MS)
  excuses.note(200_000)
  t.equal(excuses.untilMs(), 200_000 + LEASE_MS)
})

t.test('A hub that was stopped for a while hears everybody first; a little late is not stopped', async (t) => {
  const excuses = createExcuses(limits)
  excuses.woke(undefined, 50_000)
  excuses.woke(49_500, 50_000)
  t.equal(excuses.untilMs(), 0)
  excuses.woke(20_000, 50_000)
  t.equal(excuses.untilMs(), 50_000 + LEASE_MS)
})

t.test(
  'A hub whose machine was asleep hears everybody first, however short the sleep seemed to its timers',
  async (t) => {
    const excuses = createExcuses(limits)
    excuses.slept(5_000, 10_000)
    excuses.slept(5_020, 11_000)
    t.equal(excuses.untilMs(), 0, 'what it slept before it began is nothing to it, and rounding is no sleep')
    excuses.slept(3_605_020, 11_500)
    t.equal(excuses.untilMs(), 11_500 + LEASE_MS)
    excuses.slept(3_605_020, 20_000)
    t.equal(excuses.untilMs(), 11_500 + LEASE_MS, 'it is over')
  },
)

t.test('An excuse brings nobody back who was lost before', async (t) => {
  const clock = createManualClock()
  const store = await startedStore({ clock })
  t.teardown(async () => {
    const stopped = store.stop()
    await clock.advance(1)
    await stopped
  })
  const objects = createObjects({ store, namespaces: NAMESPACE, clock, random: systemRandom })
  objects.create(NODE, { apiVersion: 'v1', kind: 'Node', metadata: { name: 'till' }, spec: {} })
  const events = { record: () => undefined }
  let sleptMs = 0
  const judge = createJudge({
    ...{ objects, events, clock, log: silentLog },
    beatEveryMs: () => 1_000,
    hangUp: () => undefined,
    sleptMs: () => sleptMs,
  })
  const state = () => objects.get(NODE, undefined, 'till')?.metadata.annotations?.['holdfast.dev/state']
  judge.heard('till', 'hello', 1)
  judge.reconcile('till')
  await clock.advance(2_500)
  judge.reconcile('till')
  await clock.advance(1_500)
  judge.reconcile('till')
  t.equal(state(), 'Unreachable')
  judge.excuse()
  judge.reconcile('till')
  t.equal(state(), 'Unreachable')
  judge.heard('till', 'hello', 2)
  judge.reconcile('till')
  t.equal(state(), 'Online')
  await clock.advance(5_000)
  judge.excuse()
  judge.reconcile('till')
  t.equal(state(), 'Late', 'now it is our fault')
  // Until that excuse is over.
  for (let second = 0; second < 5; second++) {
    judge.heard('till', 'hello', 3)
    judge.reconcile('till')
    await clock.advance(1_000)
  }
  sleptMs = 3_600_000
  judge.linkLost('till', 3)
  judge.reconcile('till')
  await clock.advance(2_000)
  judge.reconcile('till')
  t.equal(state(), 'Late', 'all links broke while our machine was asleep')
  await clock.advance(2_000)
  judge.reconcile('till')
  t.equal(state(), 'Unreachable')
})
