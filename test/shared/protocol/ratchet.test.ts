// ratchet.test.ts - checks that nothing but a newer state is ever taken, whatever arrives in whatever order
import fc from 'fast-check'
import t from 'tap'
import { compare, judge, type Mark } from '../../../shared/protocol/ratchet.ts'

const small = fc.nat({ max: 3 })
const mark: fc.Arbitrary<Mark> = fc.record({
  keyRank: fc.nat({ max: 1 }),
  epoch: small,
  revision: small,
  digest: fc.constantFrom('a', 'b'),
})

t.test('What is held only ever moves forward, in any order of arrival', async (t) => {
  fc.assert(
    fc.property(fc.array(mark, { minLength: 1, maxLength: 30 }), (arrivals) => {
      let held: Mark | undefined
      for (const incoming of arrivals) {
        const verdict = judge(held, incoming)
        if (held && verdict === 'take' && compare(incoming, held) <= 0) return false
        if (held && verdict === 'same' && incoming.digest !== held.digest) return false
        if (held && verdict === 'conflict' && compare(incoming, held) !== 0) return false
        if (verdict === 'take') held = incoming
      }
      const newest = arrivals.toSorted(compare).at(-1)
      return held !== undefined && newest !== undefined && compare(held, newest) === 0
    }),
  )
  t.pass('held for all')
})

t.test('The same number with other bytes is a conflict, and neither the first nor the second time taken', async (t) => {
  const held = { keyRank: 0, epoch: 1, revision: 7, digest: 'a' }
  t.equal(judge(held, { ...held, digest: 'b' }), 'conflict')
  t.equal(judge(held, held), 'same')
})

t.test("A stolen key's huge number dies with the key", async (t) => {
  const stolen = { keyRank: 0, epoch: 99, revision: 999_999, digest: 'x' }
  t.equal(judge(stolen, { keyRank: 1, epoch: 1, revision: 1, digest: 'a' }), 'take')
  t.equal(judge({ keyRank: 1, epoch: 1, revision: 1, digest: 'a' }, stolen), 'older')
})
