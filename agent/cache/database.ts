// database.ts - the agent's SQLite file: opened so that a commit survives a power cut, a checksum on every row
import Sqlite from 'better-sqlite3'
import { journalChecksum, rowChecksum } from './row-checksum.ts'

/** Thrown when the file is not what we wrote: the caller sets it aside and builds a new one. */
export class DamagedDatabase extends Error {
  override readonly name = 'DamagedDatabase'
}

export interface Row {
  key: string
  body: Buffer
}

export interface JournalRow {
  seq: number
  /** What goes first when there is no room: the lower. */
  rank: number
  body: Buffer
}

export interface Database {
  rows(kind: string): Row[]
  put(kind: string, key: string, body: Uint8Array): void
  delete(kind: string, key: string): void
  /** The oldest of those with a larger number. */
  journal(limit: number, after?: number): JournalRow[]
  addJournal(row: JournalRow): void
  /** The oldest rows of the lowest rank, gap records left out. */
  oldestOfLowestRank(limit: number, below: number): JournalRow[]
  journalOfRank(rank: number): JournalRow[]
  deleteJournal(seqs: readonly number[]): void
  deleteJournalUpTo(seq: number): JournalRow[]
  /** All or nothing, and durable when it returns. */
  transact(work: () => void): void
  close(): void
}

/** SQLite before this one can corrupt a WAL when it is reset. */
const SQLITE_VERSION_MIN = [3, 51, 3] as const
/** KiB; better-sqlite3's default of 16 MB is a third of the agent's whole memory. */
const PAGE_CACHE_KIB = 256
/** A log of this size is written back: a device's disk is small, and this log is what grows first. */
const CHECKPOINT_PAGES = 128
/** A newer agent may have changed what rows mean: its file is set aside whole, and what we understand is read from it. */
const SCHEMA_VERSION = 1

export const SCHEMA = `
  CREATE TABLE IF NOT EXISTS kept (
    kind TEXT NOT NULL, key TEXT NOT NULL, body BLOB NOT NULL, sum BLOB NOT NULL, PRIMARY KEY (kind, key)
  ) WITHOUT ROWID;
  CREATE TABLE IF NOT EXISTS journal (seq INTEGER PRIMARY KEY, rank INTEGER NOT NULL, body BLOB NOT NULL, sum BLOB NOT NULL);
  CREATE INDEX IF NOT EXISTS journal_rank ON journal (rank, seq);
`

/** Throws DamagedDatabase, or SQLite's own error when the disk refuses. */
export function openDatabase(file: string): Database {
  return damageNamed(() => {
    const sqlite = new Sqlite(file)
    try {
      checkVersion(sqlite)
      sqlite.pragma('journal_mode = WAL')
      makeTables(sqlite)
      // WAL means NORMAL in this build, whatever the pragma says right after the switch: set it late, and look.
      sqlite.pragma('synchronous = FULL')
      sqlite.pragma(`cache_size = -${PAGE_CACHE_KIB}`)
      sqlite.pragma(`wal_autocheckpoint = ${CHECKPOINT_PAGES}`)
      sqlite.prepare('SELECT count(*) FROM kept').get()
      if (sqlite.pragma('synchronous', { simple: true }) !== 2) throw new Error('SQLite does not keep synchronous=FULL')
      return tables(sqlite)
    } catch (error) {
      sqlite.close()
      throw error
    }
  })
}

/** For a disk that takes nothing: as good as a file until the power goes. */
export function openMemoryDatabase(): Database {
  const sqlite = new Sqlite(':memory:')
  makeTables(sqlite)
  return tables(sqlite)
}

function makeTables(sqlite: Sqlite.Database) {
  const version = sqlite.pragma('user_version', { simple: true })
  if (typeof version === 'number' && version > SCHEMA_VERSION)
    throw new DamagedDatabase(`it was written by a newer agent (format ${version}, this one knows ${SCHEMA_VERSION})`)
  // A table that has vanished from a finished file is damage, and must not be made again in silence.
  if (version === SCHEMA_VERSION) return
  sqlite.exec(SCHEMA)
  sqlite.pragma(`user_version = ${SCHEMA_VERSION}`)
}

function tables(sqlite: Sqlite.Database): Database {
  const rows = sqlite.prepare<[string], StoredRow>('SELECT key, body, sum FROM kept WHERE kind = ? ORDER BY key')
  const put = sqlite.prepare('INSERT OR REPLACE INTO kept (kind, key, body, sum) VALUES (?, ?, ?, ?)')
  const drop = sqlite.prepare('DELETE FROM kept WHERE kind = ? AND key = ?')
  const journal = sqlite.prepare<[number, number], StoredEntry>(
    'SELECT * FROM journal WHERE seq > ? ORDER BY seq LIMIT ?',
  )
  const oldest = sqlite.prepare<[number, number], StoredEntry>(
    'SELECT * FROM journal WHERE rank = (SELECT min(rank) FROM journal WHERE rank < ?) ORDER BY seq LIMIT ?',
  )
  const ofRank = sqlite.prepare<[number], StoredEntry>('SELECT * FROM journal WHERE rank = ? ORDER BY seq')
  const upTo = sqlite.prepare<[number], StoredEntry>('SELECT * FROM journal WHERE seq <= ? ORDER BY seq')
  const add = sqlite.prepare('INSERT INTO journal (seq, rank, body, sum) VALUES (?, ?, ?, ?)')
  const dropEntry = sqlite.prepare('DELETE FROM journal WHERE seq = ?')
  const dropUpTo = sqlite.prepare('DELETE FROM journal WHERE seq <= ?')
  const transact = (work: () => void) => damageNamed(() => sqlite.transaction(work)())
  const entries = (stored: StoredEntry[]) => stored.map(checkedEntry)
  return {
    rows: (kind) => damageNamed(() => rows.all(kind).map((row) => checkedRow(kind, row))),
    put: (kind, key, body) => void damageNamed(() => put.run(kind, key, body, rowChecksum(kind, key, body))),
    delete: (kind, key) => void damageNamed(() => drop.run(kind, key)),
    journal: (limit, after = 0) => damageNamed(() => entries(journal.all(after, limit))),
    addJournal: ({ seq, rank, body }) => void add.run(seq, rank, body, journalChecksum(seq, body)),
    oldestOfLowestRank: (limit, below) => damageNamed(() => entries(oldest.all(below, limit))),
    journalOfRank: (rank) => damageNamed(() => entries(ofRank.all(rank))),
    deleteJournal: (seqs) => transact(() => seqs.forEach((seq) => dropEntry.run(seq))),
    deleteJournalUpTo(seq) {
      const gone = damageNamed(() => entries(upTo.all(seq)))
      damageNamed(() => dropUpTo.run(seq))
      return gone
    },
    transact,
    close: () => void sqlite.close(),
  }
}

export type StoredRow = Row & { sum: Buffer }
export type StoredEntry = JournalRow & { sum: Buffer }

/** Throws DamagedDatabase. */
export const checkedRow = (kind: string, { key, body, sum }: StoredRow): Row => {
  if (!rowChecksum(kind, key, body).equals(sum)) throw new DamagedDatabase(`row ${kind}/${key} is not what was written`)
  return { key, body }
}

export const checkedEntry = ({ seq, rank, body, sum }: StoredEntry): JournalRow => {
  if (!journalChecksum(seq, body).equals(sum)) throw new DamagedDatabase(`journal entry ${seq} is not what was written`)
  return { seq, rank, body }
}

function checkVersion(sqlite: Sqlite.Database) {
  const version = String(sqlite.prepare<[], string>('SELECT sqlite_version()').pluck().get())
  const parts = version.split('.').map(Number)
  const order = SQLITE_VERSION_MIN.map((wanted, at) => (parts[at] ?? 0) - wanted).find((difference) => difference !== 0)
  if (order !== undefined && order < 0)
    throw new Error(`SQLite ${version} is too old: ${SQLITE_VERSION_MIN.join('.')} is needed`)
}

const DAMAGE_CODES = /^SQLITE_(NOTADB|CORRUPT|FORMAT|IOERR_SHORT_READ)/

function damageNamed<T>(work: () => T): T {
  try {
    return work()
  } catch (error) {
    if (error instanceof Sqlite.SqliteError && DAMAGE_CODES.test(error.code)) throw new DamagedDatabase(error.message)
    // A schema that is not ours, such as a table without its column: the file was changed under us.
    if (error instanceof Sqlite.SqliteError && error.code === 'SQLITE_ERROR') throw new DamagedDatabase(error.message)
    throw error
  }
}
