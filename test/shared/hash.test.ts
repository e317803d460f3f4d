// hash.test.ts - what means the same gets the same name, what does not gets another
import { isDeepStrictEqual } from 'node:util'
import fc from 'fast-check'
import t from 'tap'
import { canonicalJson, fnv32, rendezvousOrder, templateHash, withoutEmpty } from '../../shared/hash.ts'
import { template } from '../support/builders.ts'

t.test('The order of keys does not change a hash', async (t) => {
  t.equal(canonicalJson({ b: 1, a: [{ d: 1, c: undefined }] }), '{"a":[{"d":1}],"b":1}')
  t.equal(templateHash({ a: 1, b: 2 }), templateHash({ b: 2, a: 1 }))
})

t.test('Canonical JSON says what was said, with every key in order', async (t) => {
  const inOrder = (value: unknown): boolean => {
    if (typeof value !== 'object' || value === null) return true
    const keys = Object.keys(value)
    // Numbers come first and in their own order, whatever one does.
    const words = keys.filter((key) => !/^\d+$/.test(key))
    const isSorted = Array.isArray(value) || words.every((key, index) => index === 0 || words[index - 1]! < key)
    return isSorted && Object.values(value).every(inOrder)
  }
  fc.assert(
    fc.property(fc.jsonValue(), (value) => {
      const before = JSON.stringify(value)
      const text = canonicalJson(value)
      const read: unknown = JSON.parse(text)
      return isDeepStrictEqual(read, JSON.parse(before)) && inOrder(read) && JSON.stringify(value) === before
    }),
  )
  t.equal(canonicalJson(JSON.parse('{"b":1,"__proto__":{"z":1,"y":2}}')), '{"__proto__":{"y":2,"z":1},"b":1}')
  t.equal(
    canonicalJson(JSON.parse('{"__proto__":{"z":1,"y":2},"b":{"d":1,"c":2}}')),
    '{"__proto__":{"y":2,"z":1},"b":{"c":2,"d":1}}',
  )
  t.equal(canonicalJson(undefined), 'null')
})

t.test('Spelling out nothing does not roll out a Deployment', async (t) => {
  const plain = template('web:1')
  const wordy = template('web:1', {
    hostNetwork: false,
    volumes: [],
    nodeName: '',
    containers: [{ name: 'app', image: 'web:1', args: [], tty: false }],
  })
  t.equal(templateHash(wordy), templateHash(plain))
})

t.test('A zero that says something does change the hash', async (t) => {
  const of = (securityContext: object) => templateHash({ spec: { securityContext } })
  t.not(of({ runAsUser: 0 }), of({}))
  t.not(of({ allowPrivilegeEscalation: false }), of({}))
  t.not(templateHash({ metadata: { labels: { a: '' } } }), templateHash({ metadata: { labels: {} } }))
  t.not(templateHash({ volumes: [{ name: 'a', emptyDir: {} }] }), templateHash({ volumes: [{ name: 'a' }] }))
  t.not(templateHash(template('web:1')), templateHash(template('web:2')))
  t.not(templateHash(template(), 1), templateHash(template()))
  t.match(templateHash(template()), /^[bcdfghjklmnpqrstvwxz2456789]{1,10}$/)
})

t.test('Taking out nothing twice is taking it out once', async (t) => {
  fc.assert(
    fc.property(
      fc.jsonValue(),
      (value) => canonicalJson(withoutEmpty(withoutEmpty(value))) === canonicalJson(withoutEmpty(value)),
    ),
  )
  t.equal(fnv32(''), 0x811c9dc5)
  t.equal(fnv32('a'), 0xe40c292c)
})

t.test('When a member leaves, only its own keys move', async (t) => {
  fc.assert(
    fc.property(fc.string(), fc.uniqueArray(fc.string(), { minLength: 2, maxLength: 8 }), (key, members) => {
      const order = rendezvousOrder(key, members)
      const gone = order.at(-1)
      const rest = rendezvousOrder(key, members.filter((member) => member !== gone).toReversed())
      return canonicalJson(rest) === canonicalJson(order.slice(0, -1))
    }),
  )
  t.pass()
})
