// envelope.test.ts - checks that only what was signed is opened, and that nobody can make us inflate a bomb
import { generateKeyPairSync } from 'node:crypto'
import fc from 'fast-check'
import t from 'tap'
import { dictionaryOf, STATIC_DICTIONARY } from '../../../shared/protocol/dictionary.ts'
import { open, seal, withoutDictionary } from '../../../shared/protocol/envelope.ts'
import { createAssembler, PACKET_BYTES_MAX, splitParts } from '../../../shared/protocol/parts.ts'
import { createSigner, createVerifier } from '../../../shared/protocol/signing.ts'

const pemOf = (key: ReturnType<typeof generateKeyPairSync>['publicKey']) =>
  key.export({ type: 'spki', format: 'pem' }).toString()
const pair = () => generateKeyPairSync('ed25519')
const hub = pair()
const signer = createSigner(hub.privateKey)
const verifier = createVerifier([pemOf(hub.publicKey)])
const topic = 'hf/1/till/state'
const bytesMax = 10_000
const onlyStatic = (id: number) => (id === STATIC_DICTIONARY.id ? STATIC_DICTIONARY.bytes : undefined)
const body = Buffer.from(JSON.stringify({ type: 'state', node: 'till', pods: [] }))

t.test('Everything that is sealed can be opened, with any dictionary or none', async (t) => {
  const dictionaries = fc.constantFrom(undefined, STATIC_DICTIONARY, dictionaryOf(Buffer.from('the message before')))
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 2_000 }), dictionaries, fc.boolean(), (bytes, dictionary, isSigned) => {
      const packet = seal({ topic, body: bytes, dictionary, ...(isSigned && { signer }) })
      const opened = open({
        topic,
        packet,
        bytesMax,
        dictionaries: () => dictionary?.bytes,
        ...(isSigned && { verifier }),
      })
      return opened.ok && Buffer.compare(opened.body, bytes) === 0
    }),
    { numRuns: 50 },
  )
  t.pass('held for all')
})

t.test('A message of any size refers to all of its dictionary', async (t) => {
  const words = (from: number, count: number) =>
    Buffer.from(Array.from({ length: count }, (_, at) => `${from + at};`).join(''))
  for (const count of [1, 500, 1_000, 1_400, 1_500, 1_600, 3_000, 20_000]) {
    const dictionary = dictionaryOf(words(0, count))
    // Ends with what the dictionary begins with: the farthest that a reference may reach.
    const bytes = Buffer.concat([words(100_000, count), dictionary.bytes.subarray(0, 500)])
    const opened = open({
      topic,
      packet: seal({ topic, body: bytes, dictionary }),
      bytesMax: 1_000_000,
      dictionaries: () => dictionary.bytes,
    })
    t.ok(opened.ok && opened.body.equals(bytes), `${count} words`)
  }
})

t.test('A message with any bit changed, or cut short, is refused', async (t) => {
  const packet = seal({ topic, body, dictionary: STATIC_DICTIONARY, signer })
  const refuses = (bytes: Buffer) => {
    const opened = open({ topic, packet: bytes, bytesMax, dictionaries: onlyStatic, verifier })
    // Deflate has bits that mean nothing: then the bytes inside are still the ones that were signed.
    return !opened.ok || opened.body.equals(body)
  }
  for (let bit = 0; bit < packet.length * 8; bit++) {
    const changed = Buffer.from(packet)
    changed[bit >> 3]! ^= 1 << (bit & 7)
    if (!refuses(changed)) t.fail(`bit ${bit} may change`)
  }
  for (let length = 0; length < packet.length; length++)
    if (!refuses(packet.subarray(0, length))) t.fail(`cut at ${length}`)
  t.pass('all refused')
})

t.test('What another key has signed, or what was signed for another node or purpose, is refused', async (t) => {
  const why = (packet: Buffer) => {
    const opened = open({ topic, packet, bytesMax, dictionaries: onlyStatic, verifier })
    return opened.ok ? 'opened' : opened.why
  }
  t.equal(why(seal({ topic, body, signer })), 'opened')
  t.equal(why(seal({ topic, body, signer: createSigner(pair().privateKey) })), 'unknown key')
  t.equal(why(seal({ topic: 'hf/1/other/state', body, signer })), 'bad signature')
  t.equal(why(seal({ topic: 'hf/1/till/call', body, signer })), 'bad signature')
  t.equal(why(seal({ topic, body })), 'unsigned')
})

t.test('An unknown dictionary is said to be unknown, so that the receiver can ask', async (t) => {
  const packet = seal({ topic, body, dictionary: dictionaryOf(Buffer.from('never seen')), signer })
  t.match(open({ topic, packet, bytesMax, dictionaries: onlyStatic, verifier }), {
    ok: false,
    why: 'unknown dictionary',
  })
})

t.test('A small packet that inflates to gigabytes is stopped at the limit', async (t) => {
  const packet = seal({ topic, body: Buffer.alloc(50_000_000) })
  t.ok(packet.length < 60_000)
  t.match(open({ topic, packet, bytesMax: 1_000_000, dictionaries: onlyStatic }), { ok: false, why: 'too large' })
})

t.test('What is kept can be verified without the dictionary that it came with', async (t) => {
  const dictionary = dictionaryOf(Buffer.from('the state before'))
  const packet = seal({ topic, body, dictionary, signer })
  const kept = withoutDictionary(packet, body)
  t.match(open({ topic, packet: kept, bytesMax, dictionaries: () => undefined, verifier }), { ok: true })
})

t.test('A large message crosses in parts, in any order, and nonsense parts do nothing', async (t) => {
  const whole = Buffer.from(Array.from({ length: 1_000_000 }, (_, at) => (at * 7919) % 251))
  whole[0] = 2
  const parts = splitParts(whole)
  t.ok(parts.length > 1 && parts.every(({ length }) => length <= PACKET_BYTES_MAX))
  const assembler = createAssembler()
  const results = parts.toReversed().map((part) => assembler.add(part))
  t.ok(results.at(-1)?.equals(whole))
  t.ok(results.slice(0, -1).every((result) => result === undefined))
  for (const nonsense of [[3], [3, 0, 0, 0, 0, 0, 9, 0, 1, 1], [3, 0, 0, 0, 0, 0, 0, 255, 255, 1]]) {
    t.equal(assembler.add(Buffer.from(nonsense)), undefined)
  }
})

t.test('The message before this one makes a whole state cost what a change costs', async (t) => {
  const state = (image: string) =>
    Buffer.from(
      JSON.stringify({
        pods: Array.from({ length: 6 }, (_, at) => ({
          name: `pod-${at}-${at * 7919}`,
          image,
          uid: `${at}a9f-${at * 104729}`,
        })),
      }),
    )
  const [before, after] = [state('web:1'), state('web:2')]
  const delta = seal({ topic, body: after, dictionary: dictionaryOf(before) })
  t.ok(delta.length < seal({ topic, body: after }).length / 2, `${delta.length} bytes`)
})
