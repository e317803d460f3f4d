// node-conditions.test.ts - when a device says that it runs out of something, and when that this is over
import t from 'tap'
import { nodeConditions, type Headroom } from '../../../agent/reconcile/node-conditions.ts'
import type { NodeCondition } from '../../../shared/kinds/object.ts'

const MIB = 1024 * 1024
const held = { epoch: 1, revision: 1 }
const saying = (headroom: Headroom, previous: readonly NodeCondition[] = []) =>
  nodeConditions({
    ...{ headroom, previous, held, unavailable: [], messages: {}, wallMs: 0 },
    store: { place: 'disk', onDisk: held, journalDropped: 0 },
  })
const is = (conditions: readonly NodeCondition[], wanted: string) =>
  conditions.find(({ type }) => type === wanted)?.status

for (const [type, few, some, enough] of [
  [
    'MemoryPressure',
    { memoryAvailableBytes: 99 * MIB },
    { memoryAvailableBytes: 101 * MIB },
    { memoryAvailableBytes: 121 * MIB },
  ],
  [
    'DiskPressure',
    { diskAvailableBytes: 9, diskTotalBytes: 100 },
    { diskAvailableBytes: 11, diskTotalBytes: 100 },
    { diskAvailableBytes: 13, diskTotalBytes: 100 },
  ],
  ['PIDPressure', { pidsAvailable: 199 }, { pidsAvailable: 201 }, { pidsAvailable: 241 }],
] as const)
  t.test(`${type} does not come and go with every move around its threshold`, async (t) => {
    t.equal(is(saying(some), type), 'False')
    const pressed = saying(few, saying(some))
    t.equal(is(pressed, type), 'True')
    const still = saying(some, pressed)
    t.equal(is(still, type), 'True')
    t.equal(is(saying(enough, still), type), 'False')
    t.equal(is(saying(some, saying(enough, still)), type), 'False')
  })

t.test('A large disk with room for any image is not full, though less than a tenth of it is left', async (t) => {
  const GIB = 1024 * MIB
  const left = (gib: number) => saying({ diskAvailableBytes: gib * GIB, diskTotalBytes: 500 * GIB })
  t.equal(is(left(6), 'DiskPressure'), 'False')
  t.equal(is(left(4), 'DiskPressure'), 'True')
})
