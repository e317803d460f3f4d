// inbox.test.ts - checks that no lost, repeated, reordered, replayed or forged message changes what a device runs
import { generateKeyPairSync } from 'node:crypto'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import fc from 'fast-check'
import t from 'tap'
import { createCache } from '../../../agent/cache/create-cache.ts'
import { createHeldState } from '../../../agent/link/held-state.ts'
import { createInbox } from '../../../agent/link/inbox.ts'
import { createStateVerifier } from '../../../agent/link/state-verifier.ts'
import { systemClock } from '../../../shared/clock.ts'
import { canonicalJson } from '../../../shared/hash.ts'
import { silentLog } from '../../../shared/log.ts'
import { dictionaryOf, STATIC_DICTIONARY, type Dictionary } from '../../../shared/protocol/dictionary.ts'
import { seal } from '../../../shared/protocol/envelope.ts'
import { createSigner, createVerifier } from '../../../shared/protocol/signing.ts'
import { topicOf } from '../../../shared/protocol/topics.ts'

function signing() {
  const { privateKey, publicKey } = generateKeyPairSync('ed25519')
  return { signer: createSigner(privateKey), pem: publicKey.export({ type: 'spki', format: 'pem' }).toString() }
}
const hub = signing()
const newer = signing()
const stranger = signing()

const bodyOf = (epoch: number, revision: number, rest: object = {}) =>
  Buffer.from(
    canonicalJson({
      type: 'state',
      node: 'till',
      epoch,
      revision,
      pods: [],
      configMaps: {},
      secrets: {},
      settings: { beatEveryMs: 10_000 },
      ...rest,
    }),
  )

const stateOf = (
  body: Buffer,
  { signer } = hub,
  dictionary: Dictionary | undefined = STATIC_DICTIONARY,
  node = 'till',
) => seal({ topic: topicOf(node, 'state'), body, dictionary, signer })

function device(t: { teardown(end: () => unknown): void }, dir = mkdtempSync(join(tmpdir(), 'holdfast-inbox-'))) {
  const signingKeys = [hub.pem, newer.pem]
  const verify = createStateVerifier({ nodeName: 'till', signingKeys })
  const cache = createCache({ dir, clock: systemClock, log: silentLog, clockIsSet: () => true, verify })
  void cache.start()
  let [heldTimes, plainTimes] = [0, 0]
  const inbox = createInbox({
    node: 'till',
    verifier: createVerifier(signingKeys),
    cache,
    held: createHeldState(cache),
    clock: systemClock,
    log: silentLog,
    takeKeys: () => ({ kind: 'refused', why: 'no keys are taken here' }),
    onHeld: () => heldTimes++,
    onAck() {},
    onCall() {},
    wantPlain: () => plainTimes++,
  })
  const stop = () => cache.stop()
  t.teardown(() => {
    void stop()
    rmSync(dir, { recursive: true, force: true })
  })
  return {
    cache,
    inbox,
    dir,
    stop,
    take: (packet: Buffer) => inbox.take('state', packet),
    heldTimes: () => heldTimes,
    plainTimes: () => plainTimes,
  }
}

t.test('Whatever arrives in whatever order, the newest state is held and the number never goes back', async (t) => {
  const arrivals = fc.array(fc.record({ epoch: fc.nat({ max: 2 }), revision: fc.nat({ max: 4 }) }), {
    minLength: 1,
    maxLength: 8,
  })
  fc.assert(
    fc.property(arrivals, (numbers) => {
      const teardowns: (() => unknown)[] = []
      const { cache, take } = device({ teardown: (end) => void teardowns.push(end) })
      let highest = -1
      let isFine = true
      for (const { epoch, revision } of numbers) {
        take(stateOf(bodyOf(epoch, revision)))
        highest = Math.max(highest, epoch * 10 + revision)
        const held = cache.held()
        isFine &&= held.epoch * 10 + held.revision === highest
      }
      for (const end of teardowns) end()
      return isFine
    }),
    { numRuns: 15 },
  )
  t.pass('held for all')
})

t.test('A repeated state is acknowledged again and changes nothing', async (t) => {
  const { take, inbox, heldTimes } = device(t)
  const packet = stateOf(bodyOf(1, 5))
  take(packet)
  take(packet)
  t.match(inbox.counters, { taken: 1, repeated: 1 })
  t.equal(heldTimes(), 2)
})

t.test(
  'A device that lost its store takes back what it held, and nothing older or other under that number',
  async (t) => {
    const dir = mkdtempSync(join(tmpdir(), 'holdfast-inbox-'))
    const first = device(t, dir)
    first.take(stateOf(bodyOf(1, 5)))
    void first.stop()
    for (const name of ['agent.sqlite', 'state.signed']) rmSync(join(dir, name))

    const { take, cache, inbox } = device(t, dir)
    t.equal(cache.desired(), undefined)
    t.match(cache.floor(), { epoch: 1, revision: 5 })
    take(stateOf(bodyOf(1, 4)))
    take(stateOf(bodyOf(0, 900)))
    take(stateOf(bodyOf(1, 5, { settings: { beatEveryMs: 1_000 } })))
    t.equal(cache.desired(), undefined)
    t.match(inbox.counters, { taken: 0, older: 2, conflicting: 1 })
    take(stateOf(bodyOf(1, 5)))
    t.same(cache.held(), { epoch: 1, revision: 5 })
    take(stateOf(bodyOf(1, 6)))
    t.same(cache.held(), { epoch: 1, revision: 6 })
  },
)

t.test('Forged, foreign, unsigned and garbled states change nothing and are told once', async (t) => {
  const { take, inbox, cache } = device(t)
  take(stateOf(bodyOf(1, 5)))
  const body = bodyOf(1, 6)
  const packets = [
    stateOf(body, stranger),
    seal({ topic: topicOf('till', 'state'), body }),
    stateOf(body, hub, undefined, 'other'),
    stateOf(bodyOf(1, 6, { node: 'other' })),
    stateOf(Buffer.from('{"type":"state"}')),
    stateOf(Buffer.from('not JSON')),
    stateOf(body).subarray(0, 60),
    Buffer.alloc(0),
    Buffer.from([9, 9, 9]),
  ]
  for (const packet of packets) take(packet)
  t.same(cache.held(), { epoch: 1, revision: 5 })
  t.match(inbox.counters, { taken: 1, refused: packets.length })
  t.same(inbox.counters.causes, { forged: 3, foreign: 1, nonsense: 2, truncated: 3 })
  t.match(inbox.trouble(), { refused: /3 forged, 1 foreign/ })
  t.equal(cache.peekJournal(10).length, 1)
})

t.test('The same number with other bytes is an alarm, and what was there stays', async (t) => {
  const { take, inbox, cache } = device(t)
  take(stateOf(bodyOf(1, 5)))
  take(stateOf(bodyOf(1, 5, { settings: { beatEveryMs: 1 } })))
  t.equal(cache.desired()?.settings.beatEveryMs, 10_000)
  t.equal(inbox.counters.conflicting, 1)
  t.match(inbox.trouble(), { conflict: /1\/5/ })
  take(stateOf(bodyOf(1, 6)))
  t.equal(inbox.trouble().conflict, undefined, 'a newer one settles it')
  t.match(cache.peekJournal(1)[0]?.body, { reason: 'StateConflict' })
})

t.test('A newer key outranks the numbers of an older one', async (t) => {
  const { take, cache } = device(t)
  take(stateOf(bodyOf(9, 999)))
  take(stateOf(bodyOf(1, 1), newer))
  t.same(cache.held(), { epoch: 1, revision: 1 })
  take(stateOf(bodyOf(9, 1_000)))
  t.same(cache.held(), { epoch: 1, revision: 1 })
})

t.test(
  'A state written against the one before is understood, against an unknown one it is asked for plain',
  async (t) => {
    const { take, cache, plainTimes } = device(t)
    take(stateOf(bodyOf(1, 5)))
    take(stateOf(bodyOf(1, 6), hub, dictionaryOf(bodyOf(1, 5))))
    t.same(cache.held(), { epoch: 1, revision: 6 })
    take(stateOf(bodyOf(1, 8), hub, dictionaryOf(bodyOf(1, 7))))
    t.same(cache.held(), { epoch: 1, revision: 6 })
    t.equal(plainTimes(), 1)
  },
)

t.test('After a restart the device still knows its number, its bytes and its key', async (t) => {
  const first = device(t)
  first.take(stateOf(bodyOf(1, 5), newer, dictionaryOf(Buffer.from('x'))))
  first.take(stateOf(bodyOf(1, 6), newer))
  await first.stop()
  const second = device(t, first.dir)
  second.take(stateOf(bodyOf(1, 6), newer))
  second.take(stateOf(bodyOf(5, 7)))
  t.match(second.inbox.counters, { taken: 0, repeated: 1, older: 1 })
  second.take(stateOf(bodyOf(1, 7), newer, dictionaryOf(bodyOf(1, 6))))
  t.same(second.cache.held(), { epoch: 1, revision: 7 })
})

t.test('A disk that does not take a state leaves the old one, unacknowledged', async (t) => {
  const { take, stop, inbox, heldTimes } = device(t)
  await stop()
  take(stateOf(bodyOf(1, 5)))
  t.match(inbox.counters, { taken: 0, uncommitted: 1 })
  t.equal(heldTimes(), 0)
})

t.test(
  'However a message is cut, bent, taken from elsewhere or repeated: what is held stays, and its cause is counted',
  async (t) => {
    const { take, inbox, cache } = device(t)
    take(stateOf(bodyOf(1, 4)))
    const genuine = stateOf(bodyOf(1, 5))
    take(genuine)
    const next = stateOf(bodyOf(1, 6))
    // Codec, dictionary, key and signature; behind them a bit of deflate's padding may mean nothing at all.
    const SIGNED_HEAD_BYTES = 73
    const flipped = (at: number) => {
      const bytes = Buffer.from(next)
      const byte = Math.floor(at / 8)
      bytes[byte] = (bytes[byte] ?? 0) ^ (1 << (at % 8))
      return bytes
    }
    const harm = fc.oneof(
      fc.record({ what: fc.constant('cut'), at: fc.nat({ max: next.length - 1 }) }),
      fc.record({ what: fc.constant('flip'), at: fc.nat({ max: 8 * SIGNED_HEAD_BYTES - 1 }) }),
      fc.record({ what: fc.constantFrom('foreign', 'forged', 'replayed', 'older'), at: fc.nat({ max: 3 }) }),
    )
    const packetOf = ({ what, at }: { what: string; at: number }): Buffer => {
      if (what === 'cut') return next.subarray(0, at)
      if (what === 'flip') return flipped(at)
      if (what === 'foreign') return stateOf(bodyOf(1, 7 + at), hub, undefined, 'other')
      if (what === 'forged') return stateOf(bodyOf(9, 9), stranger)
      return what === 'replayed' ? genuine : stateOf(bodyOf(1, at))
    }
    const total = () => Object.values(inbox.counters.causes).reduce((sum, times) => sum + times, 0)
    fc.assert(
      fc.property(harm, (one) => {
        const before = total()
        take(packetOf(one))
        const { epoch, revision } = cache.held()
        // A bit of the dictionary's id makes it a message that is asked for again, plain; a part waits for the others.
        const isCounted = total() === before + 1 || one.what === 'flip'
        return epoch === 1 && revision === 5 && isCounted
      }),
      { numRuns: 300 },
    )
    const { causes } = inbox.counters
    for (const cause of ['truncated', 'forged', 'replayed', 'older'] as const) t.ok(causes[cause], cause)
    t.ok(cache.peekJournal(1_000).length <= 2, 'a flood of them is told once')
    take(next)
    t.same(cache.held(), { epoch: 1, revision: 6 })
  },
)
