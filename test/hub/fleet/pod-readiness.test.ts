// pod-readiness.test.ts - checks what the hub says of the pods of a device that is not heard of, and who is believed when it returns
import t from 'tap'
import { createReportIngest } from '../../../hub/fleet/ingest-report.ts'
import { createJudge, type Judge } from '../../../hub/fleet/judge.ts'
import type { Occurrence } from '../../../hub/store/events.ts'
import { createObjects } from '../../../hub/store/objects.ts'
import { NAMESPACE } from '../../../shared/kinds/namespace.ts'
import { NODE } from '../../../shared/kinds/node.ts'
import type { PodStatus } from '../../../shared/kinds/object.ts'
import { POD } from '../../../shared/kinds/pod.ts'
import { silentLog } from '../../../shared/log.ts'
import { systemRandom } from '../../../shared/random.ts'
import { createManualClock, type ManualClock } from '../../support/manual-clock.ts'
import { startedStore } from '../../support/store.ts'

/** Long enough, looked at as often as the loop does. */
async function silence(clock: ManualClock, judge: Judge): Promise<void> {
  for (let second = 0; second < 6; second++) {
    judge.reconcile('till')
    await clock.advance(1_000)
  }
}

const running: PodStatus = {
  phase: 'Running',
  podIP: '10.1.0.5',
  startTime: '2026-11-20T11:00:00Z',
  conditions: [
    { type: 'ContainersReady', status: 'True', lastTransitionTime: '2026-11-20T11:00:01Z' },
    { type: 'Ready', status: 'True', lastTransitionTime: '2026-11-20T11:00:01Z' },
  ],
  containerStatuses: [
    { name: 'a', image: 'b', imageID: 'c', containerID: 'docker://d', ready: true, restartCount: 2, state: {} },
  ],
}

async function rig(t: { teardown(end: () => unknown): void }) {
  const clock = createManualClock()
  const store = await startedStore({ clock })
  t.teardown(async () => {
    const stopped = store.stop()
    await clock.advance(1)
    await stopped
  })
  const objects = createObjects({ store, namespaces: NAMESPACE, clock, random: systemRandom })
  objects.create(NAMESPACE, { apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'default' }, spec: {} })
  objects.create(NODE, { apiVersion: 'v1', kind: 'Node', metadata: { name: 'till' }, spec: {} })
  const told: Occurrence[] = []
  const events = { record: (occurrence: Occurrence) => void told.push(occurrence) }
  const newJudge = () =>
    createJudge({ objects, events, clock, log: silentLog, beatEveryMs: () => 1_000, hangUp: () => undefined })
  const reports = createReportIngest({ objects, clock, log: silentLog })
  const pod = (name: string) =>
    objects.create(POD, {
      apiVersion: 'v1',
      kind: 'Pod',
      metadata: { name, namespace: 'default' },
      spec: { nodeName: 'till', containers: [{ name: 'a', image: 'b' }] },
    })
  const report = ({ metadata: { name, uid } }: ReturnType<typeof pod>, status: PodStatus) =>
    reports.report('till', {
      pods: [{ uid, namespace: 'default', name, status }],
      conditions: [],
      observed: { epoch: 1, revision: 1 },
    })
  const statusOf = (name: string) => objects.get(POD, 'default', name)?.status
  const readyOf = (name: string) => statusOf(name)?.conditions?.find(({ type }) => type === 'Ready')
  return { clock, objects, told, judge: newJudge(), newJudge, pod, report, statusOf, readyOf }
}

t.test('Pods of a device that falls silent are not ready, with the rest of their status as it was last', async (t) => {
  const { clock, judge, told, pod, report, statusOf, readyOf } = await rig(t)
  const web = pod('web')
  judge.heard('till', 'hello', 1)
  judge.reconcile('till')
  report(web, running)
  t.equal(readyOf('web')?.status, 'True')
  await clock.advance(3_000)
  judge.reconcile('till')
  t.equal(readyOf('web')?.status, 'True', 'late is not lost')

  await clock.advance(2_000)
  judge.reconcile('till')
  t.match(readyOf('web'), { status: 'False', reason: 'NodeNotReady', message: /^device till was last heard of at 20/ })
  const { conditions: _, ...others } = statusOf('web') ?? {}
  const { conditions: __, ...before } = running
  t.match(others, before)
  t.equal(told.filter(({ reason, about }) => reason === 'NodeNotReady' && about.kind === 'Pod').length, 1)
  const { lastTransitionTime } = readyOf('web') ?? {}
  await clock.advance(60_000)
  judge.reconcile('till')
  t.equal(readyOf('web')?.lastTransitionTime, lastTransitionTime, 'since when stays')
  t.equal(told.filter(({ reason, about }) => reason === 'NodeNotReady' && about.kind === 'Pod').length, 1)
})

t.test("The device's own word wins at once when it is back, also a bad one", async (t) => {
  const { clock, judge, pod, report, readyOf } = await rig(t)
  const [web, db] = [pod('web'), pod('db')]
  judge.heard('till', 'hello', 1)
  for (const each of [web, db]) report(each, running)
  await silence(clock, judge)
  t.equal(readyOf('db')?.status, 'False')

  judge.heard('till', 'hello', 2)
  report(web, running)
  report(db, { ...running, conditions: [{ type: 'Ready', status: 'False', reason: 'ContainersNotReady' }] })
  judge.reconcile('till')
  t.equal(readyOf('web')?.status, 'True')
  t.equal(readyOf('db')?.reason, 'ContainersNotReady')
})

t.test('Pods that never were ready, or have ended, are left alone', async (t) => {
  const { clock, judge, pod, report, statusOf } = await rig(t)
  const [ended, starting] = [pod('ended'), pod('starting')]
  pod('new')
  judge.heard('till', 'hello', 1)
  report(ended, { ...running, phase: 'Succeeded' })
  report(starting, { ...running, phase: 'Pending', conditions: [{ type: 'Ready', status: 'False' }] })
  const before = ['ended', 'starting', 'new'].map(statusOf)
  await silence(clock, judge)
  t.same(['ended', 'starting', 'new'].map(statusOf), before)
})

t.test(
  'Through restarts of the hub a node says since when it is away, its last beat and its last witness',
  async (t) => {
    const { clock, judge, newJudge, objects } = await rig(t)
    const till = () => objects.get(NODE, undefined, 'till')!
    judge.heard('till', 'hello', 1)
    judge.heard('till', 'report')
    judge.reconcile('till')
    await clock.advance(500)
    judge.linkLost('till', 1)
    await silence(clock, judge)
    const before = judge.view(till())
    t.match(before, { state: 'Unreachable', lastWitness: { what: 'link broke' } })
    t.equal((before.lastWitness?.atWallMs ?? 0) - (before.lastHeardWallMs ?? 0), 500)
    const restarted = newJudge()
    restarted.start()
    restarted.reconcile('till')
    const seconds = ({ sinceWallMs = 0, lastHeardWallMs = 0, lastWitness, state }: typeof before) => ({
      state,
      since: Math.floor(sinceWallMs / 1000),
      beat: Math.floor(lastHeardWallMs / 1000),
      witness: [lastWitness?.what, Math.floor((lastWitness?.atWallMs ?? 0) / 1000)],
    })
    t.same(seconds(restarted.view(till())), seconds(before))
    await clock.advance(200_000)
    restarted.reconcile('till')
    const dead = restarted.view(till())
    t.equal(dead.state, 'Dead')
    t.same(
      { ...seconds(dead), state: '', since: 0 },
      { ...seconds(before), state: '', since: 0 },
      'nobody was heard since',
    )
    t.ok(till().metadata.annotations?.['holdfast.dev/last-beat'])
  },
)

t.test('A hub that was restarted still knows when it last heard of a device', async (t) => {
  const { clock, judge, newJudge, pod, report, readyOf } = await rig(t)
  const web = pod('web')
  judge.heard('till', 'hello', 1)
  judge.reconcile('till')
  report(web, running)
  const heardMs = Math.floor(clock.wallMs() / 1000) * 1000
  await clock.advance(60_000)
  const next = newJudge()
  next.start()
  t.equal(next.lastHeardWallMs('till'), heardMs)
  next.reconcile('till')
  t.equal(readyOf('web')?.status, 'True', 'it judges nobody for the time in which it was away itself')
  await clock.advance(4_000)
  next.reconcile('till')
  t.equal(readyOf('web')?.status, 'False')
})
