// same-json.test.ts - what is the same stays the very same object, and a copy is nobody else's
import fc from 'fast-check'
import t from 'tap'
import { sameJson, shareSame } from '../../../hub/store/same-json.ts'
import { jsonCopy } from '../../../shared/json-copy.ts'

t.test('A copy says the same and shares nothing', async (t) => {
  fc.assert(
    fc.property(fc.jsonValue(), (value) => {
      const copy = jsonCopy(value)
      const isOwn = value === null || typeof value !== 'object' || copy !== value
      return isOwn && JSON.stringify(copy) === JSON.stringify(value)
    }),
  )
  const inner = { deep: [{ a: 1 }] }
  const copy = jsonCopy(inner)
  t.not(copy.deep[0], inner.deep[0])
  const strange: unknown = JSON.parse('{"__proto__": {"a": {"b": 1}}}')
  t.equal(JSON.stringify(jsonCopy(strange)), '{"__proto__":{"a":{"b":1}}}')
})

t.test('What an update says again is the part that was there, all that is new is its own', async (t) => {
  const old = { spec: { labels: { a: 'b' }, sizes: [1, { of: 2 }], gone: 1 }, status: { ready: true } }
  const next = { spec: { labels: { a: 'b' }, sizes: [1, { of: 2 }] }, status: { ready: true } }
  const shared = shareSame<object>(next, old)
  t.equal(shared, next)
  t.notOk(next.spec === old.spec, 'a field is gone from it')
  t.equal(next.spec.labels, old.spec.labels)
  t.equal(next.spec.sizes, old.spec.sizes)
  t.equal(next.status, old.status)
  t.equal(shareSame(jsonCopy(old), old), old)
  t.equal(shareSame({ a: 1, b: undefined }, { a: 1 }).a, 1, 'undefined is as good as absent')
})

t.test('Sharing never changes what is said, and ends in the old one exactly when both are the same JSON', async () => {
  fc.assert(
    fc.property(fc.jsonValue(), fc.jsonValue(), fc.boolean(), (a, b, again) => {
      const old = a
      const next = again ? jsonCopy(a) : jsonCopy(b)
      const text = JSON.stringify(next)
      const shared = shareSame(next, old)
      return JSON.stringify(shared) === text || sameJson(JSON.parse(text), shared)
        ? (shared === old) === sameJson(JSON.parse(text), old)
        : false
    }),
  )
})
