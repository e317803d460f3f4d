// decisions.test.ts - the small decisions that controllers share, as tables
import t from 'tap'
import { createAvailabilityJudge } from '../../../hub/controllers/availability.ts'
import { claim } from '../../../hub/controllers/claim.ts'
import { withCondition } from '../../../hub/controllers/conditions.ts'
import { withDaemonTolerations, withDefaultTolerations } from '../../../hub/controllers/default-tolerations.ts'
import { rollingBounds, scaled } from '../../../hub/controllers/int-or-percent.ts'
import { createStopwatch } from '../../../hub/controllers/stopwatch.ts'
import { allowedMs, leftMsUnder } from '../../../hub/controllers/taint-plan.ts'
import { newestAnnotations } from '../../../hub/controllers/deployment/annotations.ts'
import type { Pod } from '../../../shared/kinds/object.ts'
import { deployment, meta, pod, ready, replicaSet, stored, withLabels } from '../../support/builders.ts'
import { createManualClock } from '../../support/manual-clock.ts'

const WALL = Date.UTC(2026, 10, 20, 12)

t.test('Percentages round up for a surge and down for what may be missing', async (t) => {
  t.equal(scaled('25%', 10, 'up'), 3)
  t.equal(scaled('25%', 10, 'down'), 2)
  t.equal(scaled(4, 10, 'up'), 4)
  t.same(rollingBounds('25%', '25%', 3), { maxSurge: 1, maxUnavailable: 0 })
  t.same(rollingBounds(0, '10%', 3), { maxSurge: 0, maxUnavailable: 1 }, 'never both nothing')
  t.same(rollingBounds('100%', 0, 5), { maxSurge: 5, maxUnavailable: 0 })
})

t.test('A stopwatch ignores the wall, except for what was so before the hub started', async (t) => {
  const clock = createManualClock(WALL)
  const stopwatch = createStopwatch(clock)
  t.equal(stopwatch.elapsedMs('old', 'Ready', '2026-11-20T11:59:50Z'), 10_000, 'all that is known is what was written')
  t.equal(stopwatch.elapsedMs('new', undefined), undefined)
  t.equal(
    stopwatch.elapsedMs('new', 'Ready', '1970-01-01T00:00:00Z'),
    0,
    'seen to begin: the device may think it is 1970',
  )
  await clock.advance(5_000)
  clock.setWall(0)
  t.equal(stopwatch.elapsedMs('new', 'Ready', '1970-01-01T00:00:00Z'), 5_000)
  t.equal(stopwatch.elapsedMs('new', 'Ready again'), 0)
  t.equal(stopwatch.elapsedMs('future', 'Ready', '2100-01-01T00:00:00Z'), 0)
})

t.test('A pod is available when it has been ready for long enough, and a relapse starts anew', async (t) => {
  const clock = createManualClock(WALL)
  const judge = createAvailabilityJudge(createStopwatch(clock))
  const waiting = pod('web')
  const running = ready(waiting, 'node-1', '2026-11-20T12:00:00Z')
  t.equal(judge.of(waiting, 10), 'not ready')
  t.same(judge.of(running, 10), { inMs: 10_000 })
  await clock.advance(10_000)
  t.equal(judge.of(running, 10), 'available')
  t.equal(judge.of(waiting, 10), 'not ready')
  t.same(judge.of(running, 10), { inMs: 10_000 })
  t.equal(judge.of(running, 0), 'available')
})

t.test('Conditions keep their times until something changes', async (t) => {
  const at = (time: string, status: string, reason: string) => ({
    type: 'Available',
    status,
    reason,
    lastTransitionTime: time,
    lastUpdateTime: time,
  })
  const first = at('t1', 'True', 'A')
  t.same(withCondition([first], at('t2', 'True', 'A')), [first])
  t.same(withCondition([first], at('t2', 'True', 'B')), [{ ...at('t2', 'True', 'B'), lastTransitionTime: 't1' }])
  t.same(withCondition([first], at('t2', 'False', 'C')), [at('t2', 'False', 'C')])
})

t.test('An owner takes only what matches and belongs to nobody', async (t) => {
  const owner = stored(replicaSet('web'))
  const reference = (uid: string) => ({
    ownerReferences: [{ apiVersion: 'apps/v1', kind: 'ReplicaSet', name: 'x', uid, controller: true }],
  })
  const owned = (name: string, uid: string, app: string): Pod =>
    withLabels({ ...pod(name), metadata: meta(name, reference(uid)) }, { app })
  const mine = owned('mine', owner.metadata.uid, 'web')
  const lost = owned('lost', owner.metadata.uid, 'debug')
  const theirs = owned('theirs', 'other', 'web')
  const orphan = withLabels(pod('orphan'), { app: 'web' })
  const dying = withLabels(
    { ...pod('dying'), metadata: meta('dying', { deletionTimestamp: '2026-11-20T12:00:00Z' }) },
    { app: 'web' },
  )
  const isWeb = (labels: Readonly<Record<string, string>>) => labels['app'] === 'web'
  t.same(claim(owner, isWeb, [mine, lost, theirs, orphan, dying]), { mine: [mine], adopt: [orphan], release: [lost] })
  const going = stored(replicaSet('web'), { uid: owner.metadata.uid, deletionTimestamp: '2026-11-20T12:00:00Z' })
  t.same(claim(going, isWeb, [mine, lost, orphan]), { mine: [mine, lost], adopt: [], release: [] })
})

t.test('Pods that say nothing stay for the default time, pods that say something keep it', async (t) => {
  const seconds = (given: Pod) =>
    (given.spec.tolerations ?? []).map(({ key, tolerationSeconds }) => [key, tolerationSeconds])
  t.same(seconds(withDefaultTolerations(pod('web'), 60)), [
    ['node.kubernetes.io/not-ready', 60],
    ['node.kubernetes.io/unreachable', 60],
  ])
  const own = pod('web', {
    tolerations: [{ key: 'node.kubernetes.io/unreachable', operator: 'Exists', tolerationSeconds: 5 }],
  })
  t.same(seconds(withDefaultTolerations(own, 60)), [
    ['node.kubernetes.io/unreachable', 5],
    ['node.kubernetes.io/not-ready', 60],
  ])
  const all = pod('web', { tolerations: [{ operator: 'Exists' }] })
  t.equal(withDefaultTolerations(all, 60), all)
  const daemon = { ...pod('log'), spec: withDaemonTolerations(pod('log').spec) }
  t.equal(withDefaultTolerations(daemon, 60), daemon, 'pods of a DaemonSet stay for ever')
  t.same(withDaemonTolerations(daemon.spec), daemon.spec, 'and get theirs only once')
})

t.test('With several taints the shortest toleration counts; without one the pod goes at once', async (t) => {
  const taint = (key: string) => ({ key, effect: 'NoExecute' })
  const tolerating = (...list: [string, number?][]) =>
    pod('web', {
      tolerations: list.map(([key, tolerationSeconds]) => ({
        key,
        operator: 'Exists',
        effect: 'NoExecute',
        tolerationSeconds,
      })),
    })
  t.equal(allowedMs([], taint('a')), 0)
  t.equal(allowedMs(tolerating(['a']).spec.tolerations ?? [], taint('a')), Infinity)
  const left = (given: Pod, ...keys: string[]) => leftMsUnder(given, keys.map(taint), () => 4_000)
  t.equal(left(tolerating(['a', 60], ['b', 10]), 'a', 'b'), 6_000)
  t.equal(left(tolerating(['a', 60]), 'a', 'b'), -4_000)
  t.equal(left(tolerating(['a']), 'a'), Infinity)
})

t.test('The newest ReplicaSet has the highest number and remembers the earlier ones', async (t) => {
  const made = stored(deployment('web'), {
    annotations: { team: 'shop', 'kubectl.kubernetes.io/last-applied-configuration': '{}' },
  })
  t.same(newestAnnotations(made, undefined, 1), { team: 'shop', 'deployment.kubernetes.io/revision': '1' })
  const set = (annotations: Record<string, string>) => stored(replicaSet('web'), { annotations })
  const again = newestAnnotations(
    made,
    set({ 'deployment.kubernetes.io/revision': '2', 'deployment.kubernetes.io/revision-history': '1' }),
    5,
  )
  t.match(again, { 'deployment.kubernetes.io/revision': '5', 'deployment.kubernetes.io/revision-history': '1,2' })
  t.match(
    newestAnnotations(made, set({ 'deployment.kubernetes.io/revision': '7' }), 5),
    { 'deployment.kubernetes.io/revision': '7' },
    'numbers never go back',
  )
})
