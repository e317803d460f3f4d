// node-status.test.ts - checks that a judged node looks as Kubernetes' tools expect it
import t from 'tap'
import { judgeConditions, markNode } from '../../../hub/fleet/node-status.ts'
import type { Node } from '../../../shared/kinds/object.ts'
import { node } from '../../support/builders.ts'

const wallMs = Date.UTC(2026, 10, 20, 12)
const taints = (given: Node) => (given.spec.taints ?? []).map(({ key, effect }) => `${key}:${effect}`)
const condition = (given: Node, wanted: string) => given.status?.conditions?.find(({ type }) => type === wanted)

t.test('An unreachable node is tainted, unknown, and still the same when it is judged again', async (t) => {
  const pressured = node('till')
  pressured.status?.conditions?.push({ type: 'DiskPressure', status: 'False' })
  const verdict = { state: 'Unreachable', sinceWallMs: wallMs, lastHeardWallMs: wallMs - 40_000 } as const
  const once = judgeConditions(markNode(pressured, verdict, wallMs), verdict, wallMs)
  t.same(taints(once), ['node.kubernetes.io/unreachable:NoSchedule', 'node.kubernetes.io/unreachable:NoExecute'])
  t.match(condition(once, 'Ready'), { status: 'Unknown', reason: 'NodeStatusUnknown' })
  t.match(condition(once, 'DiskPressure'), { status: 'Unknown' })
  t.match(once.metadata.annotations, {
    'holdfast.dev/state': 'Unreachable',
    'holdfast.dev/state-since': '2026-11-20T12:00:00Z',
    'holdfast.dev/last-beat': '2026-11-20T11:59:20Z',
  })
  const later = wallMs + 60_000
  t.same(judgeConditions(markNode(once, verdict, later), verdict, later), once, 'time alone writes nothing')
})

t.test('It says when it was heard last and by what, not when somebody noticed the silence', async (t) => {
  const online = { state: 'Online', lastHeardWallMs: wallMs } as const
  const first = judgeConditions(markNode(node('till'), online, wallMs), online, wallMs)
  first.status?.conditions?.push({ type: 'DiskPressure', status: 'False', lastHeartbeatTime: '2026-11-20T12:00:00Z' })
  t.equal(first.metadata.annotations?.['holdfast.dev/last-witness'], undefined, 'a beat costs no write')
  const heardMs = wallMs + 100_000
  const beat = { what: 'beat', atWallMs: heardMs } as const
  const silent = { state: 'Unreachable', lastHeardWallMs: heardMs, lastWitness: beat } as const
  const lost = judgeConditions(markNode(first, silent, heardMs + 40_000), silent, heardMs + 40_000)
  t.match(condition(lost, 'Ready'), {
    lastHeartbeatTime: '2026-11-20T12:01:40Z',
    lastTransitionTime: '2026-11-20T12:02:20Z',
  })
  t.match(condition(lost, 'DiskPressure'), { status: 'Unknown', lastHeartbeatTime: '2026-11-20T12:00:00Z' })
  t.equal(lost.metadata.annotations?.['holdfast.dev/last-witness'], 'beat at 2026-11-20T12:01:40Z')
  const jumped = { ...silent, lastHeardWallMs: 5, lastWitness: { ...beat, atWallMs: 5 } }
  t.same(judgeConditions(markNode(lost, jumped, 45), jumped, 45), lost, 'a clock that is set writes nothing')
  const broke = { ...silent, lastWitness: { what: 'link broke', atWallMs: heardMs + 60_000 } } as const
  const told = markNode(lost, broke, heardMs + 61_000).metadata.annotations
  t.match(told, {
    'holdfast.dev/state-since': '2026-11-20T12:02:20Z',
    'holdfast.dev/last-beat': '2026-11-20T12:01:40Z',
    'holdfast.dev/last-witness': 'link broke at 2026-11-20T12:02:40Z',
  })
  const back = markNode(lost, online, heardMs + 90_000).metadata.annotations
  t.equal(back?.['holdfast.dev/last-witness'], undefined)
})

t.test('A node that comes back loses our taints and keeps those of people', async (t) => {
  const theirs = { key: 'dedicated', effect: 'NoSchedule' as const, value: 'till' }
  const gone = markNode(node('till', { spec: { taints: [theirs] } }), { state: 'Dead' }, wallMs)
  t.equal(taints(gone).length, 3)
  const back = judgeConditions(markNode(gone, { state: 'Online' }, wallMs), { state: 'Online' }, wallMs)
  t.same(back.spec.taints, [theirs])
  t.match(condition(back, 'Ready'), { status: 'True', reason: 'KubeletReady' })
  t.equal(back.metadata.annotations?.['holdfast.dev/last-beat'], undefined)
})

t.test('A device whose runtime does not answer is online and not ready', async (t) => {
  const reportedReady = {
    type: 'Ready',
    status: 'False',
    reason: 'RuntimeUnavailable',
    message: 'docker does not answer',
  } as const
  const verdict = { state: 'Online', reportedReady } as const
  const judged = judgeConditions(markNode(node('till'), verdict, wallMs), verdict, wallMs)
  t.match(condition(judged, 'Ready'), reportedReady)
  t.same(taints(judged), ['node.kubernetes.io/not-ready:NoSchedule', 'node.kubernetes.io/not-ready:NoExecute'])
})

t.test('A cordoned node has the taint that kubectl shows, a node that was never seen says so', async (t) => {
  t.same(taints(markNode(node('till', { spec: { unschedulable: true } }), { state: 'Online' }, wallMs)), [
    'node.kubernetes.io/unschedulable:NoSchedule',
  ])
  t.match(condition(judgeConditions(node('till'), { state: 'Never seen' }, wallMs), 'Ready'), {
    reason: 'NodeStatusNeverUpdated',
  })
})

const under = (status: string, ...types: string[]) => types.map((type) => ({ type, status }))
const PRESSURES = ['MemoryPressure', 'DiskPressure', 'PIDPressure']

t.test('A device that runs out of something takes nothing new and keeps what it has', async (t) => {
  const online = { state: 'Online' } as const
  const pressed = markNode(node('till', { conditions: under('True', ...PRESSURES) }), online, wallMs)
  t.same(taints(pressed), [
    'node.kubernetes.io/memory-pressure:NoSchedule',
    'node.kubernetes.io/disk-pressure:NoSchedule',
    'node.kubernetes.io/pid-pressure:NoSchedule',
  ])
  t.same(markNode(pressed, online, wallMs + 60_000), pressed, 'time alone writes nothing')
  t.same(taints(markNode(node('till', { conditions: under('False', ...PRESSURES) }), online, wallMs)), [])
  const { spec } = pressed
  t.same(taints(markNode(node('till', { spec, conditions: under('False', ...PRESSURES) }), online, wallMs)), [])
})

t.test('A device that was away under pressure takes nothing new before it has said that it has room', async (t) => {
  const full = markNode(node('till', { conditions: under('True', 'DiskPressure') }), { state: 'Online' }, wallMs)
  const away = markNode(judgeConditions(full, { state: 'Dead' }, wallMs), { state: 'Dead' }, wallMs)
  t.match(condition(away, 'DiskPressure'), { status: 'Unknown' })
  t.equal(taints(away)[0], 'node.kubernetes.io/unreachable:NoSchedule', 'which is what people are told first')
  const back = markNode(judgeConditions(away, { state: 'Online' }, wallMs), { state: 'Online' }, wallMs)
  t.same(taints(back), ['node.kubernetes.io/disk-pressure:NoSchedule'])
  const unknown = markNode(node('till', { conditions: under('Unknown', 'DiskPressure') }), { state: 'Online' }, wallMs)
  t.same(taints(unknown), [], 'of one that never said anything nothing is made up')
})

t.test('The disk hears of a beat every five minutes, not every ten seconds', async (t) => {
  const at = (ms: number) => ({ state: 'Online', lastHeardWallMs: ms }) as const
  const first = judgeConditions(node('till'), at(wallMs), wallMs)
  t.same(judgeConditions(first, at(wallMs + 299_000), wallMs + 299_000), first)
  t.match(condition(judgeConditions(first, at(wallMs + 301_000), wallMs + 301_000), 'Ready'), {
    lastHeartbeatTime: '2026-11-20T12:05:01Z',
  })
})
