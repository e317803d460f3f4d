// fate.test.ts - what becomes of a pod whose device is not heard of, policy by policy
import t from 'tap'
import { fateOf, type Fate, type FateInput } from '../../../../hub/controllers/disconnect/fate.ts'
import type { Pod } from '../../../../shared/kinds/object.ts'
import { meta, pod } from '../../../support/builders.ts'

const owner = (kind: string) => ({ apiVersion: 'apps/v1', kind, name: 'web', uid: 'owner', controller: true })

function one(said: Record<string, string> = {}, { kind = 'ReplicaSet', going = false, status = {} } = {}): Pod {
  const annotations = Object.fromEntries(Object.entries(said).map(([key, value]) => [`holdfast.dev/${key}`, value]))
  const metadata = meta('web', {
    annotations,
    ...(kind && { ownerReferences: [owner(kind)] }),
    ...(going && { deletionTimestamp: '2026-11-20T12:00:00Z' }),
  })
  return pod('web', {}, { metadata, status: { phase: 'Running', startTime: '2026-11-20T11:00:00Z', ...status } })
}

const aside = { conditions: [{ type: 'holdfast.dev/Disconnected', status: 'True' }] }
const lost: Omit<FateInput, 'pod'> = { leftMs: Infinity, lostLeftMs: 0, stopsInMs: Infinity }
const stay = (lookAgainInMs: number): Fate => ({ do: 'stay', lookAgainInMs })

const table: [string, Pod, Partial<FateInput>, Fate][] = [
  ['the toleration runs', one(), { lostLeftMs: 5_000 }, stay(5_000)],
  ['replace', one(), {}, { do: 'put aside' }],
  ['replace, and put aside already', one({}, { status: aside }), {}, stay(Infinity)],
  ['replace, never heard to run', one({}, { status: { startTime: undefined } }), {}, { do: 'evict' }],
  ['replace, of an owner that is not ours', one({}, { kind: 'Game' }), {}, { do: 'evict' }],
  ['replace, of nobody', one({}, { kind: '' }), {}, stay(Infinity)],
  ['it has ended', one({}, { status: { phase: 'Succeeded' } }), {}, stay(Infinity)],
  ['it tolerates for ever', one(), { lostLeftMs: Infinity }, stay(Infinity)],
  ['wait', one({ 'on-disconnect': 'wait' }), {}, stay(Infinity)],
  ['wait, singleton', one({ 'on-disconnect': 'wait', singleton: 'true' }), {}, stay(Infinity)],
  ['stop, not yet stopped', one({ 'on-disconnect': 'stop' }), { stopsInMs: 7_000 }, stay(7_000)],
  ['stop, stopped', one({ 'on-disconnect': 'stop' }), { stopsInMs: 0 }, { do: 'take away' }],
  ['stop, stopped before it had to go', one({ 'on-disconnect': 'stop' }), { stopsInMs: 0, lostLeftMs: 9 }, stay(9)],
  ['singleton, not yet stopped', one({ singleton: 'true' }), { stopsInMs: 1 }, stay(1)],
  ['singleton, stopped', one({ singleton: 'true' }, { kind: 'StatefulSet' }), { stopsInMs: -1 }, { do: 'take away' }],
  ['singleton of nobody', one({ singleton: 'true' }, { kind: '' }), { stopsInMs: 0 }, stay(Infinity)],
  ['told to go', one({}, { going: true }), {}, stay(Infinity)],
  ['told to go, singleton', one({ singleton: 'true' }, { going: true }), { stopsInMs: 3 }, stay(3)],
  [
    'told to go, singleton, stopped',
    one({ singleton: 'true' }, { going: true }),
    { stopsInMs: 0 },
    { do: 'take away' },
  ],
  [
    'told to go, its device is there',
    one({ singleton: 'true' }, { going: true }),
    { lostLeftMs: undefined, stopsInMs: 0 },
    stay(Infinity),
  ],
  ['another taint, its device is there', one(), { leftMs: 0, lostLeftMs: undefined }, { do: 'evict' }],
  [
    'another taint, singleton, its device is away',
    one({ singleton: 'true' }),
    { leftMs: 0, stopsInMs: 5 },
    { do: 'evict' },
  ],
  ['another taint runs', one({ 'on-disconnect': 'wait' }), { leftMs: 4_000 }, stay(4_000)],
]

t.test('What becomes of a pod whose device is not heard of', async (t) => {
  for (const [title, given, rest, expected] of table) t.same(fateOf({ pod: given, ...lost, ...rest }), expected, title)
})
