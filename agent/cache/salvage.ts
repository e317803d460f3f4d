// salvage.ts - reads what a damaged database still says: every row for itself, and only those whose checksums hold
import {
  closeSync,
  copyFileSync,
  existsSync,
  mkdirSync,
  openSync,
  readSync,
  rmSync,
  statSync,
  writeSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import Sqlite from 'better-sqlite3'
import { sha256Hex } from '../../shared/hash.ts'
import { SCHEMA, type JournalRow, type Row, type StoredEntry, type StoredRow } from './database.ts'
import { journalChecksum, rowChecksum } from './row-checksum.ts'

export interface Salvaged {
  kept: readonly (Row & { kind: string })[]
  journal: readonly JournalRow[]
  /** Rows that were seen and could not be believed; how many were not even seen, nobody knows. */
  unreadable: number
}

export const NOTHING: Salvaged = { kept: [], journal: [], unreadable: 0 }

/** What is in memory is gone with the power, and a disk that takes nothing cannot hold a copy. */
const SHARED_MEMORY = '/dev/shm'
const HEADER_BYTES = 100
const PAGE_BYTES = 4096
/** Where the header says how many pages there are: what lies beyond is not looked at. */
const PAGE_COUNT_AT = 28

/** Works on a copy, in memory where there is room: the original stays as it was found, and its disk may take nothing. */
export function salvage(file: string): Salvaged {
  if (!existsSync(file)) return NOTHING
  // The same name each time: what a power cut leaves behind is removed by the next one.
  const name = `holdfast-salvage-${sha256Hex(file).slice(0, 16)}`
  for (const place of [SHARED_MEMORY, tmpdir(), dirname(file)]) {
    const scratch = join(place, name)
    try {
      rmSync(scratch, { recursive: true, force: true })
      mkdirSync(scratch, { mode: 0o700 })
      return bestOf(file, join(scratch, 'copy'))
    } catch (error) {
      // No such place, or no room in it: the next one; with none left there is nothing to be had.
      if (!(error instanceof Error && 'code' in error)) throw error
    } finally {
      rmSync(scratch, { recursive: true, force: true })
    }
  }
  return NOTHING
}

/** As it is; then with a header like all of ours have; then with a whole first page like ours. */
function bestOf(file: string, copy: string): Salvaged {
  let best = NOTHING
  for (const mendedBytes of [0, HEADER_BYTES, PAGE_BYTES]) {
    const found = readCopy(file, copy, mendedBytes)
    if (countOf(found) > countOf(best)) best = found
    if (mendedBytes === 0 && countOf(found) > 0) break
  }
  return best
}

const countOf = ({ kept, journal }: Salvaged) => kept.length + journal.length

function readCopy(file: string, copy: string, mendedBytes: number): Salvaged {
  for (const suffix of ['', '-wal', '-shm']) rmSync(copy + suffix, { force: true })
  copyFileSync(file, copy)
  if (existsSync(`${file}-wal`)) copyFileSync(`${file}-wal`, `${copy}-wal`)
  if (mendedBytes > 0) mendBeginning(copy, mendedBytes)
  let sqlite: Sqlite.Database | undefined
  try {
    sqlite = new Sqlite(copy)
    sqlite.pragma('trusted_schema = OFF')
    sqlite.pragma('cell_size_check = ON')
    return readRows(sqlite)
  } catch (error) {
    // Not a database any more: there is nothing to be had this way.
    if (error instanceof Sqlite.SqliteError) return NOTHING
    throw error
  } finally {
    sqlite?.close()
  }
}

/** Our tables are always made in the same order: the first page of a new file leads to the rows of the old one. */
function mendBeginning(copy: string, bytes: number): void {
  const model = `${copy}-model`
  rmSync(model, { force: true })
  const fresh = new Sqlite(model)
  fresh.pragma('journal_mode = WAL')
  fresh.exec(SCHEMA)
  fresh.pragma('wal_checkpoint(TRUNCATE)')
  fresh.close()
  const beginning = Buffer.alloc(bytes)
  const from = openSync(model, 'r')
  readSync(from, beginning, 0, bytes, 0)
  closeSync(from)
  beginning.writeUInt32BE(Math.floor(statSync(copy).size / PAGE_BYTES), PAGE_COUNT_AT)
  const to = openSync(copy, 'r+')
  writeSync(to, beginning, 0, bytes, 0)
  closeSync(to)
}

type FoundRow = StoredRow & { kind: string }

function readRows(sqlite: Sqlite.Database): Salvaged {
  const kept = fromBothEnds<FoundRow>(sqlite, 'kept', 'kind, key', ({ kind, key }) => `${kind}\0${key}`)
  const journal = fromBothEnds<StoredEntry>(sqlite, 'journal', 'seq', ({ seq }) => String(seq))
  return soundOf(kept, journal)
}

/** Those that can be believed. */
export function soundOf(kept: readonly FoundRow[], journal: readonly StoredEntry[]): Salvaged {
  const goodRows = kept.filter(isSoundRow)
  const goodEntries = journal.filter(isSoundEntry).toSorted((a, b) => a.seq - b.seq)
  return {
    kept: goodRows.map(({ kind, key, body }) => ({ kind, key, body })),
    journal: goodEntries.map(({ seq, rank, body }) => ({ seq, rank, body })),
    unreadable: kept.length + journal.length - goodRows.length - goodEntries.length,
  }
}

/** Up to the page that cannot be read, and from the other end down to it. */
function fromBothEnds<R>(sqlite: Sqlite.Database, table: string, order: string, keyOf: (row: R) => string): R[] {
  const found = new Map<string, R>()
  const columns = order.split(', ')
  for (const direction of ['ASC', 'DESC']) {
    try {
      const by = columns.map((column) => `${column} ${direction}`).join(', ')
      const rows = sqlite.prepare<[], R>(`SELECT * FROM ${table} ORDER BY ${by}`)
      for (const row of rows.iterate()) found.set(keyOf(row), row)
      return [...found.values()]
    } catch (error) {
      // From here on this way is lost; what came before is kept.
      if (!(error instanceof Sqlite.SqliteError)) throw error
    }
  }
  return [...found.values()]
}

const isSoundRow = ({ kind, key, body, sum }: FoundRow) =>
  typeof kind === 'string' && typeof key === 'string' && isSum(sum, body) && rowChecksum(kind, key, body).equals(sum)

const isSoundEntry = ({ seq, rank, body, sum }: StoredEntry) =>
  Number.isInteger(rank) && isSum(sum, body) && journalChecksum(seq, body).equals(sum)

/** A damaged page may hold anything under any name. */
const isSum = (sum: unknown, body: unknown) => Buffer.isBuffer(sum) && Buffer.isBuffer(body)
