// reconnect.test.ts - how long a device waits before it tries again: spread out, and back within the lease that a restarted hub gives
import fc from 'fast-check'
import t from 'tap'
import { waitMsAfter } from '../../../agent/link/reconnect.ts'
import { limitsFor } from '../../../hub/fleet/node-state.ts'

const lost = { kind: 'network', message: 'gone' } as const

t.test(
  'However long the hub was away, a device tries again within the lease that a hub gives after its start',
  async (t) => {
    const tries = fc.property(
      fc.nat(1_000),
      fc.integer({ min: 1_000, max: 3_600_000 }),
      fc.double({ min: 0, max: 0.999, noNaN: true }),
      (attempt, beatEveryMs, chance) => {
        const waitMs = waitMsAfter(lost, attempt, { beatEveryMs, random: { float: () => chance } })
        return waitMs >= 0 && waitMs < limitsFor(beatEveryMs).leaseMs && waitMs <= 60_000
      },
    )
    t.doesNotThrow(() => fc.assert(tries))
  },
)

t.test('The waits grow, and chance spreads them over their whole length', async (t) => {
  const at = (attempt: number, chance: number) =>
    waitMsAfter(lost, attempt, { beatEveryMs: 10_000, random: { float: () => chance } })
  t.equal(at(0, 0.5), 500)
  t.equal(at(3, 0.5), 4_000)
  t.equal(at(20, 0.5), 15_000, 'half of three beats')
  t.equal(at(20, 0), 0)
})

t.test('Who is taken for a copy of itself comes again when the hub can know better, and once only', async (t) => {
  const at = (attempt: number, beatEveryMs: number) =>
    waitMsAfter({ kind: 'duplicate', message: 'no' }, attempt, { beatEveryMs, random: { float: () => 0.5 } })
  t.equal(at(0, 10_000), 20_000, 'whoever was silent for one and a half beats counts no more')
  t.equal(at(0, 3_600_000), 60_000)
  t.equal(at(1, 10_000), 90_000)
})

t.test('Who was sent away waits for a person: a minute or two', async (t) => {
  const waitMs = waitMsAfter({ kind: 'identity', message: 'no' }, 0, {
    beatEveryMs: 1_000,
    random: { float: () => 0.5 },
  })
  t.equal(waitMs, 90_000)
})
