// cache.test.ts - what the agent keeps survives restarts; what is damaged is noticed, set aside and made anew
import {
  closeSync,
  existsSync,
  openSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
  writeSync,
} from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import type { Cache, ContainerHistory } from '../../../agent/cache/cache.ts'
import { createCache, type CacheDeps } from '../../../agent/cache/create-cache.ts'
import { createLog, silentLog } from '../../../shared/log.ts'
import type { DesiredState, NewJournalEntry } from '../../../shared/protocol/messages.ts'
import { pod } from '../../support/builders.ts'
import { fastDir } from '../../support/fast-dir.ts'
import { createManualClock } from '../../support/manual-clock.ts'

const WEB = pod('web')

const state = (revision: number, epoch = 1): DesiredState => ({
  type: 'state',
  node: 'node-1',
  epoch,
  revision,
  pods: [WEB],
  configMaps: {},
  secrets: { 'default/key': { data: { a: 'c2VjcmV0' } } },
  settings: { beatEveryMs: 10_000 },
})
/** Stands for the hub's signature: what starts with the right word is genuine. */
const signed = (desired: DesiredState) => Buffer.from(`genuine ${JSON.stringify(desired)}`)
const verify = (bytes: Uint8Array): DesiredState | undefined => {
  const text = Buffer.from(bytes).toString()
  return text.startsWith('genuine ') ? (JSON.parse(text.slice(8)) as DesiredState) : undefined
}

function open(dir: string, rest: Partial<CacheDeps> = {}): Cache {
  const cache = createCache({
    dir,
    clock: createManualClock(),
    log: silentLog,
    clockIsSet: () => true,
    verify,
    ...rest,
  })
  void cache.start()
  return cache
}
const closed = (cache: Cache) => void cache.stop()

const event = (message: string, severity: 'Normal' | 'Warning' = 'Normal'): NewJournalEntry => ({
  body: { kind: 'event', severity, reason: 'Test', message },
})
const history: ContainerHistory = {
  podUid: WEB.metadata.uid,
  container: 'app',
  attempt: 3,
  restarts: 3,
  crashes: 2,
  last: { exitCode: 1, reason: 'Error', containerId: 'abc' },
}
const said = (cache: Cache) =>
  cache
    .peekJournal(100)
    .map(({ body }) => (body.kind === 'gap' ? `gap ${body.dropped}` : `${body.reason}: ${body.message}`))

/** A cache with a bit of everything in it, closed. */
function filled(dir: string) {
  const cache = open(dir)
  cache.commitDesired(state(7), signed(state(7)))
  cache.saveHistory(history)
  cache.setValue('session', '12')
  cache.appendJournal(event('one'))
  closed(cache)
}

t.test('Everything that was kept is there after a restart', async (t) => {
  const dir = join(fastDir(t), 'cache')
  filled(dir)
  const cache = open(dir)
  t.teardown(() => closed(cache))
  t.same(cache.desired(), state(7))
  t.same(cache.held(), { epoch: 1, revision: 7 })
  t.same(cache.histories(WEB.metadata.uid), [history])
  t.same(cache.knownPods(), [WEB.metadata.uid])
  t.equal(cache.getValue('session'), '12')
  t.same(said(cache), ['Test: one'])
  t.equal(statSync(dir).mode & 0o777, 0o700, 'nobody else reads secrets')
  t.equal(statSync(join(dir, 'state.signed')).mode & 0o777, 0o600)
  cache.forgetPod(WEB.metadata.uid)
  t.same(cache.knownPods(), [])
})

t.test('A fresh device holds nothing, and whoever asks is told so', async (t) => {
  const cache = open(fastDir(t))
  t.teardown(() => closed(cache))
  t.equal(cache.desired(), undefined)
  t.same(cache.held(), { epoch: 0, revision: 0 })
  t.equal(cache.report(), undefined)
  t.same(said(cache), [])
  let told = 0
  const forget = cache.onDesired(() => void told++)
  cache.onDesired(() => {
    throw new Error('a listener that fails')
  })
  cache.commitDesired(state(1), signed(state(1)))
  forget()
  cache.commitDesired(state(2), signed(state(2)))
  t.equal(told, 1)
})

const damage: Record<string, (dir: string) => void> = {
  'its header is overwritten': (dir) => overwrite(join(dir, 'agent.sqlite'), 0, 100),
  'its first page is torn': (dir) => overwrite(join(dir, 'agent.sqlite'), 100, 3_000),
  'it is empty': (dir) => {
    dropWal(dir)
    truncateSync(join(dir, 'agent.sqlite'), 0)
  },
  'it is gone': (dir) => {
    dropWal(dir)
    rmSync(join(dir, 'agent.sqlite'))
  },
  'it is cut in half': (dir) =>
    truncateSync(join(dir, 'agent.sqlite'), Math.floor(statSync(join(dir, 'agent.sqlite')).size / 2)),
  'one bit of a row has flipped': flipInRow,
  'it is something else': (dir) => {
    dropWal(dir)
    writeFileSync(join(dir, 'agent.sqlite'), 'this is no database, it is a poem')
  },
}

for (const [what, harm] of Object.entries(damage)) {
  t.test(`When the store is damaged (${what}) the state comes back from the signed copy beside it`, async (t) => {
    const dir = join(fastDir(t), 'cache')
    filled(dir)
    harm(dir)
    const cache = open(dir)
    t.teardown(() => closed(cache))
    t.same(cache.desired(), state(7))
    t.equal(cache.getValue('session'), '12', 'a session number never goes back')
    t.match(said(cache).at(-1), /^StoreRebuilt: .*The desired state 1\/7 came back/)
    t.ok((cache.peekJournal(100).at(-1)?.seq ?? 0) > 1, 'no journal number is used twice')
    closed(cache)
    const again = open(dir)
    t.teardown(() => closed(again))
    t.same(again.desired(), state(7), 'and it stays')
    t.equal(said(again).filter((line) => line.startsWith('StoreRebuilt')).length, 1, 'one damage is told once')
  })
}

t.test('What is damaged is set aside to be looked at, a few of them at most', async (t) => {
  const dir = join(fastDir(t), 'cache')
  filled(dir)
  for (let count = 0; count < 6; count++) {
    overwrite(join(dir, 'agent.sqlite'), 0, 100)
    closed(open(dir))
  }
  t.equal(readdirSync(dir).filter((name) => /damaged-\d+$/.test(name)).length, 3)
})

t.test(
  'With the store lost and the signed copy forged, older or gone, nothing is wanted, so nothing is stopped',
  async (t) => {
    const copies: Record<string, (file: string) => void> = {
      forged: (file) => writeFileSync(file, `forged ${JSON.stringify(state(9))}`),
      older: (file) => writeFileSync(file, signed(state(6))),
      gone: (file) => rmSync(file),
      empty: (file) => writeFileSync(file, ''),
    }
    for (const [what, change] of Object.entries(copies)) {
      const dir = join(fastDir(t), 'cache')
      filled(dir)
      truncateSync(join(dir, 'agent.sqlite'), 0)
      change(join(dir, 'state.signed'))
      const cache = open(dir)
      t.equal(cache.desired(), undefined, what)
      t.match(said(cache), [/nothing is stopped/])
      closed(cache)
    }
  },
)

t.test('A damaged mark is no reason to distrust a sound store', async (t) => {
  const dir = join(fastDir(t), 'cache')
  filled(dir)
  overwrite(join(dir, 'mark'), 3, 20)
  const cache = open(dir)
  t.teardown(() => closed(cache))
  t.same(cache.held(), { epoch: 1, revision: 7 })
})

t.test('A lost write-ahead log is noticed by the mark, though SQLite says that all is well', async (t) => {
  const dir = join(fastDir(t), 'cache')
  const cache = open(dir)
  cache.commitDesired(state(1), signed(state(1)))
  cache.commitDesired(state(2), signed(state(2)))
  // As a power cut on a bad card leaves it: the main file without its log.
  const main = readFileSync(join(dir, 'agent.sqlite'))
  closed(cache)
  writeFileSync(join(dir, 'agent.sqlite'), main)
  const again = open(dir)
  t.teardown(() => closed(again))
  t.same(again.held(), { epoch: 1, revision: 2 })
})

t.test('The journal is bounded: the oldest of what matters least goes first, and a gap counts it', async (t) => {
  const cache = open(fastDir(t), { journalEntriesMax: 5 })
  t.teardown(() => closed(cache))
  cache.appendJournal(event('early warning', 'Warning'))
  for (let count = 1; count <= 8; count++) cache.appendJournal(event(`n${count}`))
  t.same(said(cache), ['Test: early warning', 'gap 5', 'Test: n6', 'Test: n7', 'Test: n8'])
  const seqs = cache.peekJournal(10).map(({ seq }) => seq)
  t.same(
    seqs,
    seqs.toSorted((a, b) => a - b),
  )
  cache.ackJournal(seqs[2] ?? 0)
  t.same(said(cache), ['Test: n7', 'Test: n8'])
})

t.test('What goes first is what merely informs, then events, then changes of state; alarms stay', async (t) => {
  const cache = open(fastDir(t), { journalEntriesMax: 40 })
  t.teardown(() => closed(cache))
  const classes = ['alarm', 'change', 'event', 'info'] as const
  const tell = (kind: (typeof classes)[number]) =>
    cache.appendJournal({ body: { kind: 'event', class: kind, severity: 'Normal', reason: kind, message: '' } })
  for (let round = 0; round < 10; round++) for (const kind of classes) tell(kind)
  const left = () => {
    const bodies = cache.peekJournal(100).map(({ body }) => body)
    const count = (reason: string) => bodies.filter((body) => body.kind === 'event' && body.reason === reason).length
    const gone = bodies.reduce((sum, body) => sum + (body.kind === 'gap' ? body.dropped : 0), 0)
    return { ...Object.fromEntries(classes.map((kind) => [kind, count(kind)])), gone }
  }
  t.same(left(), { alarm: 10, change: 10, event: 10, info: 10, gone: 0 })
  for (let more = 0; more < 6; more++) tell('alarm')
  t.match(left(), { alarm: 16, change: 10, event: 10, info: 3, gone: 7 })
  for (let more = 0; more < 20; more++) tell('alarm')
  t.match(left(), { alarm: 36, info: 0, event: 0 })
  t.equal(cache.peekJournal(100).length, 40)
})

t.test('The journal is bounded in bytes too', async (t) => {
  const cache = open(fastDir(t), { journalBytesMax: 2_000 })
  t.teardown(() => closed(cache))
  for (let count = 0; count < 50; count++) cache.appendJournal(event('x'.repeat(100)))
  const kept = cache.peekJournal(100)
  t.ok(JSON.stringify(kept).length < 3_000)
  const dropped = kept.reduce((sum, { body }) => sum + (body.kind === 'gap' ? body.dropped : 1), 0)
  t.equal(dropped, 50, 'nothing is lost uncounted')
})

t.test('A disk that refuses leaves the agent running from memory, and says so once', async (t) => {
  const lines: string[] = []
  const clock = createManualClock()
  const log = createLog({ clock, level: 'warn', write: (line) => void lines.push(line) })
  const cache = open(fastDir(t), { clock, log })
  closed(cache)
  for (let count = 0; count < 3; count++) cache.saveHistory({ ...history, attempt: count })
  t.equal(cache.histories(history.podUid)[0]?.attempt, 2)
  t.equal(lines.length, 1)
  t.throws(() => cache.commitDesired(state(9), signed(state(9))), 'what cannot be kept is not acknowledged')
  t.equal(cache.desired(), undefined)
})

function overwrite(file: string, from: number, length: number) {
  const handle = openSync(file, 'r+')
  writeSync(handle, Buffer.alloc(length, 0x5a), 0, length, from)
  closeSync(handle)
}

function dropWal(dir: string) {
  for (const suffix of ['-wal', '-shm']) rmSync(join(dir, `agent.sqlite${suffix}`), { force: true })
}

function flipInRow(dir: string) {
  const file = join(dir, 'agent.sqlite')
  const bytes = readFileSync(file)
  const at = bytes.indexOf('"beatEveryMs"')
  if (at < 0 || existsSync(`${file}-wal`)) throw new Error('the row is not where the test looks for it')
  bytes.writeUInt8(bytes.readUInt8(at + 2) ^ 1, at + 2)
  writeFileSync(file, bytes)
}
