// ingest.test.ts - checks what the hub believes of a device: its own pods, sound statuses, each journal entry once
import t from 'tap'
import * as v from 'valibot'
import { createJournalIngest } from '../../../hub/fleet/ingest-journal.ts'
import { createReportIngest } from '../../../hub/fleet/ingest-report.ts'
import { mergedStatus, readPodStatus } from '../../../hub/fleet/reported-status.ts'
import type { Occurrence } from '../../../hub/store/events.ts'
import { createObjects } from '../../../hub/store/objects.ts'
import { systemClock } from '../../../shared/clock.ts'
import { NAMESPACE } from '../../../shared/kinds/namespace.ts'
import { NODE } from '../../../shared/kinds/node.ts'
import { POD } from '../../../shared/kinds/pod.ts'
import { silentLog } from '../../../shared/log.ts'
import * as messages from '../../../shared/protocol/messages.ts'
import type { JournalEntry, NodeReport } from '../../../shared/protocol/messages.ts'
import { systemRandom } from '../../../shared/random.ts'
import { facts } from '../../support/fleet-rig.ts'
import { startedStore } from '../../support/store.ts'

async function rig(t: { teardown(end: () => unknown): void }) {
  const store = await startedStore()
  t.teardown(() => store.stop())
  const objects = createObjects({ store, namespaces: NAMESPACE, clock: systemClock, random: systemRandom })
  objects.create(NAMESPACE, { apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'default' }, spec: {} })
  objects.create(NODE, { apiVersion: 'v1', kind: 'Node', metadata: { name: 'till' }, spec: {} })
  const pod = (name: string, nodeName: string) =>
    objects.create(POD, {
      apiVersion: 'v1',
      kind: 'Pod',
      metadata: { name, namespace: 'default' },
      spec: { nodeName, containers: [{ name: 'a', image: 'b' }] },
    })
  const told: Occurrence[] = []
  const newHub = () =>
    createJournalIngest({ store, objects, events: { record: (occurrence) => void told.push(occurrence) } })
  return {
    store,
    objects,
    pod,
    told,
    newHub,
    reports: createReportIngest({ objects, clock: systemClock, log: silentLog }),
  }
}

const entry = (seq: number, body: Partial<Extract<JournalEntry['body'], { kind: 'event' }>> = {}): JournalEntry => ({
  seq,
  atMs: 1_000 * seq,
  clockSet: true,
  body: { kind: 'event', severity: 'Normal', reason: 'Tried', message: `try ${seq}`, ...body },
})
const textsOf = (told: readonly Occurrence[]) => told.map(({ message }) => message)

t.test('A journal that is sent again, after a restart of the hub too, is in effect once and in order', async (t) => {
  const { newHub, told } = await rig(t)
  const first = newHub()
  t.equal(await first.take('till', 'j1', [entry(2), entry(1)]), 2)
  const second = newHub()
  t.equal(await second.take('till', 'j1', [entry(1), entry(2), entry(3)]), 3)
  t.same(textsOf(told), ['try 1', 'try 2', 'try 3'])
})

t.test('A device that lost its cache and counts anew is heard', async (t) => {
  const { newHub, told } = await rig(t)
  const journal = newHub()
  await journal.take('till', 'j1', [entry(50)])
  t.equal(await journal.take('till', 'j2', [entry(1)]), 1)
  t.same(textsOf(told), ['try 50', 'try 1'])
})

t.test("Events about pods of others are told as the device's own words", async (t) => {
  const { newHub, told, pod } = await rig(t)
  const [mine, foreign] = [pod('mine', 'till'), pod('foreign', 'shop')]
  const about = ({ metadata: { uid, name } }: typeof mine) => ({ pod: { uid, namespace: 'default', name } })
  await newHub().take('till', 'j1', [entry(1, about(mine)), entry(2, about(foreign))])
  t.match(told[0], { about: { kind: 'Pod', name: 'mine' }, host: 'till', atMs: 1_000 })
  t.match(told[1], { about: { kind: 'Node', name: 'till' }, message: 'pod default/foreign: try 2' })
})

t.test('A time from a clock that nobody set is not believed, and a gap is told', async (t) => {
  const { newHub, told } = await rig(t)
  const gap: JournalEntry = { seq: 2, atMs: 0, clockSet: false, body: { kind: 'gap', dropped: 7 } }
  await newHub().take('till', 'j1', [{ ...entry(1), clockSet: false }, gap])
  t.equal(told[0]?.atMs, undefined)
  t.same(told[0]?.annotations, { 'holdfast.dev/clock-not-set': '1970-01-01T00:00:01Z' })
  t.match(told[1], { severity: 'Warning', reason: 'JournalGap', message: /^7 entries/ })
})

t.test('A time that no calendar has does not stop the journal', async (t) => {
  const { newHub, told } = await rig(t)
  const times = [1e300, -1e300, 8.64e15]
  const entries = times.map((atMs, index) => ({ ...entry(index + 1), atMs, clockSet: index !== 0 }))
  t.equal(await newHub().take('till', 'j1', entries), 3)
  t.equal(told.length, 3)
})

t.test('Events and how far the journal was read are written together or not at all', async (t) => {
  const { store, objects } = await rig(t)
  const before = store.revision
  const journal = createJournalIngest({
    store,
    objects,
    events: {
      record() {
        objects.modify(NODE, undefined, 'till', (node) => ({ ...node, spec: { ...node.spec, unschedulable: true } }))
        throw new Error('the hub dies here')
      },
    },
  })
  await t.rejects(journal.take('till', 'j1', [entry(1)]))
  t.equal(store.revision, before)
})

const report = (pods: NodeReport['pods']): NodeReport => ({ pods, conditions: [], observed: { epoch: 1, revision: 1 } })

t.test('One pod that makes no sense does not keep the others from the truth', async (t) => {
  const { reports, objects, pod } = await rig(t)
  const [good, bad] = [pod('good', 'till'), pod('bad', 'till')]
  const reported = ({ metadata: { uid, name } }: typeof good, status: object) => ({
    uid,
    name,
    namespace: 'default',
    status,
  })
  reports.report('till', report([reported(bad, { phase: 'Dancing' }), reported(good, { phase: 'Running' })]))
  t.equal(objects.get(POD, 'default', 'good')?.status?.phase, 'Running')
  t.not(objects.get(POD, 'default', 'bad')?.status?.phase, 'Dancing')
  t.same(reports.counters, { foreign: 0, refused: 1 })
})

t.test(
  'Of a pod that was put aside because its runtime does not answer a device says nothing new before it does',
  async (t) => {
    const { reports, objects, pod } = await rig(t)
    const { metadata } = pod('web', 'till')
    const aside = { type: 'holdfast.dev/Disconnected', status: 'True' }
    const lost = { phase: 'Running', reason: 'NodeLost', conditions: [aside] } as const
    objects.modify(POD, 'default', 'web', (current) => ({ ...current, status: { ...lost, conditions: [aside] } }), {
      subresource: 'status',
    })
    const said = { uid: metadata.uid, name: 'web', namespace: 'default', status: { phase: 'Running' } } as const
    const reasonAfter = (...conditions: NodeReport['conditions']) => {
      reports.report('till', { ...report([said]), conditions })
      return objects.get(POD, 'default', 'web')?.status?.reason
    }
    t.equal(reasonAfter({ type: 'holdfast.dev/runtime-docker', status: 'False' }), 'NodeLost')
    t.equal(
      reasonAfter({ type: 'holdfast.dev/runtime-process', status: 'False' }),
      undefined,
      'another is its business',
    )
  },
)

t.test('"Stopped" removes only a pod that was to go, only the very one, only its own', async (t) => {
  const { reports, objects, pod } = await rig(t)
  const [stays, foreign, goes] = [pod('stays', 'till'), pod('foreign', 'shop'), pod('goes', 'till')]
  objects.delete(POD, 'default', 'foreign')
  objects.delete(POD, 'default', 'goes')
  const status = { phase: 'Running' } as const
  const stopped = ({ metadata: { uid, name } }: typeof goes) => ({
    uid,
    name,
    namespace: 'default',
    status,
    stopped: true,
  })
  reports.report('till', report([stopped(stays), stopped(foreign), { ...stopped(goes), uid: 'former' }]))
  for (const name of ['stays', 'foreign', 'goes']) t.ok(objects.get(POD, 'default', name), name)
  reports.report('till', report([stopped(goes)]))
  t.notOk(objects.get(POD, 'default', 'goes'))
})

t.test('A pod that has ended does not come back to life, and what the hub wrote stays', async (t) => {
  t.equal(mergedStatus({ phase: 'Failed' }, { phase: 'Running' }), undefined)
  const scheduled = { type: 'PodScheduled', status: 'True' }
  t.same(
    mergedStatus(
      { qosClass: 'Burstable', conditions: [scheduled] },
      { phase: 'Running', qosClass: 'Guaranteed', conditions: [{ ...scheduled, status: 'False' }] },
    ),
    {
      phase: 'Running',
      qosClass: 'Burstable',
      conditions: [scheduled],
    },
  )
})

t.test('Unknown fields, wrong types and endless texts of a device go no further', async (t) => {
  t.same(readPodStatus({ phase: 'Running', extra: { a: 1 } }), { ok: true, status: { phase: 'Running' } })
  for (const status of [
    null,
    [],
    { phase: 7 },
    { phase: 'Running', message: 'x'.repeat(5_000) },
    { phase: 'Running', containerStatuses: 'x' },
  ]) {
    t.equal(readPodStatus(status).ok, false)
  }
})

t.test('A time or a number that Go clients cannot read is not taken from a device', async (t) => {
  const container = { name: 'a', image: 'b', imageID: 'c', ready: true, restartCount: 0 }
  const terminated = { exitCode: 137, signal: 9, startedAt: '0001-01-01T00:00:00Z', finishedAt: null }
  const sound = {
    phase: 'Running',
    startTime: '2026-11-20T12:00:00.123456789+02:00',
    containerStatuses: [{ ...container, lastState: { terminated } }],
  }
  t.same(readPodStatus(sound), { ok: true, status: sound })
  for (const startTime of ['yesterday', '2026-02-30T00:00:00Z', '+011533-07-14T00:00:00Z', '2026-11-20T24:00:00Z', ''])
    t.notOk(readPodStatus({ phase: 'Running', startTime }).ok, startTime)
  for (const change of [{ restartCount: 1e300 }, { restartCount: 2 ** 31 }, { restartCount: -1 }])
    t.notOk(readPodStatus({ phase: 'Running', containerStatuses: [{ ...container, ...change }] }).ok)
  for (const change of [{ exitCode: 1e300 }, { signal: 2 ** 31 }, { exitCode: -(2 ** 31) - 1 }]) {
    const state = { terminated: { ...terminated, ...change } }
    t.notOk(readPodStatus({ phase: 'Running', containerStatuses: [{ ...container, state }] }).ok)
  }
})

t.test('Amounts of a device that no quantity has are no message of an agent', async (t) => {
  const head = { type: 'beat', session: 1, seq: 1, e: 1, r: 1 }
  const beat = { ...head, cpu: 250, mem: 2e9, disk: 3e10, load: 5, up: 9 }
  t.ok(v.is(messages.beat, beat))
  for (const change of [{ cpu: 1e300 }, { cpu: 1e10 }, { mem: 1e300 }, { e: 2 ** 53 }, { up: 0.5 }, { disk: -1 }])
    t.notOk(v.is(messages.beat, { ...beat, ...change }), JSON.stringify(change))
  const { nodeFacts } = messages
  t.ok(v.is(nodeFacts, facts()))
  for (const change of [{ memoryBytes: 1e300 }, { cpus: 1e15 }, { diskBytes: 2 ** 53 }])
    t.notOk(v.is(nodeFacts, facts(change)), JSON.stringify(change))
})

t.test('How much a device writes to its disk is shown on its node', async (t) => {
  const { reports, objects } = await rig(t)
  reports.report('till', { ...report([]), wear: { bytes: 1_260_000, seconds: 86_400 } })
  t.equal(objects.get(NODE, undefined, 'till')?.metadata.annotations?.['holdfast.dev/disk-writes'], '1.3 MB in 24 h')
})
