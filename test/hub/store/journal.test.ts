// journal.test.ts - every journal keeps what it was given, and SQLite's finds every damage before it does harm
import {
  copyFileSync,
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import Database from 'better-sqlite3'
import t, { type Test } from 'tap'
import type { Journal, JournalRow } from '../../../hub/store/journal.ts'
import { createMemoryJournal } from '../../../hub/store/memory-journal.ts'
import { openSqlite } from '../../../hub/store/sqlite-open.ts'
import { createSqliteJournal } from '../../../hub/store/sqlite-journal.ts'
import { silentLog } from '../../../shared/log.ts'
import { systemRandom } from '../../../shared/random.ts'

const row = (name: string, revision: number, body: string | undefined = `{"n":${revision}}`): JournalRow => ({
  resource: 'configmaps',
  key: `default/${name}`,
  revision,
  ...(body && { body }),
})
const gone = (name: string, revision: number) => ({ resource: 'configmaps', key: `default/${name}`, revision })
const byKey = (rows: readonly JournalRow[]) => [...rows].sort((a, b) => (a.key < b.key ? -1 : 1))

function folder(t: Pick<Test, 'teardown'>): string {
  const path = mkdtempSync(join(tmpdir(), 'holdfast-store-'))
  t.teardown(() => rmSync(path, { recursive: true }))
  return path
}

const sqlite = (path: string, acceptLoss = false) =>
  createSqliteJournal({ path, random: systemRandom, log: silentLog, acceptLoss })

/** The same promises for all: the store relies on nothing else. */
function contract(name: string, open: (t: Pick<Test, 'teardown'>) => { journal: Journal; again: () => Journal }) {
  t.test(`${name} keeps the last of each row, forgets what was removed, and goes on where it was`, async (t) => {
    const { journal, again } = open(t)
    const { meta, rows } = await journal.load()
    t.same(rows, [])
    t.match(meta, { epoch: 1, revision: 1, hubUid: /^[0-9a-f-]{36}$/ })
    await journal.append({ revision: 3, rows: [row('a', 2), row('b', 3)] })
    await journal.append({
      revision: 6,
      rows: [row('a', 4), gone('b', 5), row('c', 6, '{"text":"\u00e4\\u0000\u{1f600}"}')],
    })
    await journal.append({ revision: 7, rows: [gone('never-there', 7)] })
    await journal.close()
    const next = again()
    const loaded = await next.load()
    t.same(loaded.meta, { ...meta, revision: 7 })
    t.same(byKey(loaded.rows), [row('a', 4), row('c', 6, '{"text":"\u00e4\\u0000\u{1f600}"}')])
    await next.append({ revision: 8, rows: [row('d', 8)] })
    await next.close()
  })
}

contract('A journal in memory', () => {
  const journal = createMemoryJournal({ random: systemRandom })
  return { journal, again: () => journal }
})
contract('A journal in SQLite', (t) => {
  const path = join(folder(t), 'deep', 'hub.db')
  return { journal: sqlite(path), again: () => sqlite(path) }
})

t.test('SQLite waits for the disk on every commit, and says whose file it is', async (t) => {
  const db = openSqlite(join(folder(t), 'hub.db'))
  t.teardown(() => db.close())
  t.equal(db.pragma('synchronous', { simple: true }), 2)
  t.equal(db.pragma('journal_mode', { simple: true }), 'wal')
  t.equal(db.pragma('application_id', { simple: true }), 0x486f6c64)
})

t.test('A second hub on the same store is told so', async (t) => {
  const path = join(folder(t), 'hub.db')
  const first = sqlite(path)
  await first.load()
  await t.rejects(sqlite(path).load(), { name: 'JournalError', trouble: 'in use', message: /stop it first/ })
  await first.close()
})

/** A store with a full WAL beside it, as a crash leaves it, and a mark that knows all of it. */
async function crashed(t: Pick<Test, 'teardown'>, { checkpointed = false } = {}) {
  const live = join(folder(t), 'hub.db')
  const journal = sqlite(live)
  const { meta } = await journal.load()
  for (let revision = 2; revision <= 60; revision++) {
    const body = JSON.stringify({ revision, pad: 'x'.repeat(400) })
    await journal.append({ revision, rows: [row(`object-${revision}`, revision, body)] })
  }
  if (checkpointed) await journal.close()
  const path = join(folder(t), 'hub.db')
  for (const suffix of ['', '-wal', '.mark']) {
    if (existsSync(live + suffix)) copyFileSync(live + suffix, path + suffix)
  }
  if (!checkpointed) await journal.close()
  return { path, meta }
}

/** Refused as it is, twice; with the option everything that is left is there, under numbers that nobody has seen. */
async function refusedUntilAccepted(
  t: Test,
  path: string,
  hubUid: string,
  left: (rows: number) => boolean,
  message: RegExp,
) {
  for (let attempt = 0; attempt < 2; attempt++) {
    await t.rejects(sqlite(path).load(), { name: 'JournalError', message })
  }
  await t.rejects(sqlite(path).load(), { message: /Restore a backup .*--accept-loss/ })
  const journal = sqlite(path, true)
  const { meta, rows } = await journal.load()
  t.match(meta, { hubUid, epoch: 2 })
  t.ok(meta.revision > 60, 'revisions never go back')
  t.ok(left(rows.length), `${rows.length} rows are left`)
  await journal.append({ revision: meta.revision + 1, rows: [row('new', meta.revision + 1)] })
  await journal.close()
  const after = sqlite(path)
  t.equal((await after.load()).rows.length, rows.length + 1, 'from now on it opens as any other')
  await after.close()
}

t.test('After a crash everything that was acknowledged is there', async (t) => {
  const { path, meta } = await crashed(t)
  const journal = sqlite(path)
  const loaded = await journal.load()
  t.same(loaded.meta, { ...meta, revision: 60 })
  t.equal(loaded.rows.length, 59)
  await journal.close()
})

t.test('A store whose WAL was removed is refused', async (t) => {
  const { path, meta } = await crashed(t)
  t.ok(statSync(`${path}-wal`).size > 0)
  rmSync(`${path}-wal`)
  await refusedUntilAccepted(t, path, meta.hubUid, (rows) => rows < 59, /lost its newest data|is damaged/)
})

t.test('A store whose WAL was cut or has a flipped bit is refused', async (t) => {
  for (const harm of [
    (wal: string) => truncateSync(wal, Math.floor(statSync(wal).size / 2)),
    (wal: string) => flip(wal, Math.floor(statSync(wal).size / 2)),
  ]) {
    const { path, meta } = await crashed(t)
    harm(`${path}-wal`)
    await refusedUntilAccepted(t, path, meta.hubUid, (rows) => rows > 0 && rows < 59, /ends at epoch 1, revision \d+/)
  }
})

t.test('A flipped bit in one object is found, and costs only that object', async (t) => {
  const { path, meta } = await crashed(t, { checkpointed: true })
  // Pages that were reorganised leave dead copies of their rows behind: flip them all, so that the live one is among them.
  const bytes = readFileSync(path)
  for (let at = bytes.indexOf('{"revision":30,'); at >= 0; at = bytes.indexOf('{"revision":30,', at + 1))
    flip(path, at + 40)
  await refusedUntilAccepted(t, path, meta.hubUid, (rows) => rows === 58, /object-\d+ does not match its checksum/)
})

t.test('A row that has vanished without a trace is missed', async (t) => {
  const { path, meta } = await crashed(t, { checkpointed: true })
  const db = new Database(path)
  db.exec("DELETE FROM objects WHERE key = 'default/object-7'")
  db.close()
  await refusedUntilAccepted(t, path, meta.hubUid, (rows) => rows === 58, /rows are missing/)
})

t.test('A store with a broken header or torn pages is set aside, never overwritten', async (t) => {
  for (const harm of [
    (path: string) => writeFileSync(path, Buffer.concat([Buffer.alloc(100), readFileSync(path).subarray(100)])),
    (path: string) => truncateSync(path, 4096 + 2048),
  ]) {
    const { path, meta } = await crashed(t, { checkpointed: true })
    harm(path)
    await refusedUntilAccepted(t, path, meta.hubUid, () => true, /is damaged/)
  }
})

t.test('A store that is empty or gone is refused while its mark says that it held data', async (t) => {
  for (const harm of [(path: string) => truncateSync(path, 0), (path: string) => rmSync(path)]) {
    const { path, meta } = await crashed(t, { checkpointed: true })
    harm(path)
    await refusedUntilAccepted(t, path, meta.hubUid, (rows) => rows === 0, /is empty or missing/)
  }
})

t.test('A lost or torn mark does not keep a good store from opening', async (t) => {
  const { path } = await crashed(t, { checkpointed: true })
  rmSync(`${path}.mark`)
  const journal = sqlite(path)
  t.equal((await journal.load()).rows.length, 59)
  await journal.close()
  flip(`${path}.mark`, 3)
  flip(`${path}.mark`, 515)
  const again = sqlite(path)
  t.equal((await again.load()).meta.revision, 60)
  await again.close()
})

t.test("Another program's database, a newer store and another hub's mark are left alone", async (t) => {
  const path = join(folder(t), 'other.db')
  const other = new Database(path)
  other.exec('CREATE TABLE precious (x)')
  other.close()
  const before = readFileSync(path)
  await t.rejects(sqlite(path, true).load(), { trouble: 'not ours', message: /another program/ })
  t.ok(readFileSync(path).subarray(100).equals(before.subarray(100)))
  const mine = await crashed(t, { checkpointed: true })
  const yours = await crashed(t, { checkpointed: true })
  copyFileSync(`${yours.path}.mark`, `${mine.path}.mark`)
  await t.rejects(sqlite(mine.path).load(), { trouble: 'not ours', message: /different hubs/ })
  const newer = new Database(yours.path)
  newer.pragma('user_version = 99')
  newer.close()
  await t.rejects(sqlite(yours.path).load(), { trouble: 'not ours', message: /newer Holdfast/ })
})

t.test('A folder that cannot be written is named', async (t) => {
  const path = join(folder(t), 'file')
  writeFileSync(path, '')
  await t.rejects(sqlite(join(path, 'hub.db')).load(), { code: /EEXIST|ENOTDIR/ })
  t.same(readdirSync(join(path, '..')), ['file'])
})

function flip(path: string, at: number) {
  const bytes = readFileSync(path)
  bytes[at] = (bytes[at] ?? 0) ^ 1
  writeFileSync(path, bytes)
}
