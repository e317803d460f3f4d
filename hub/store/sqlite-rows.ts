// sqlite-rows.ts - what the store's file holds, read with all its checks, and written a batch at a time
import type { JournalBatch, JournalMeta, JournalRow } from './journal.ts'
import { combine, rowSum, sumText, type Sum } from './row-checksum.ts'
import type { Sqlite } from './sqlite-open.ts'

export interface SqliteRows {
  /** Undefined in a file that was just made. */
  readMeta(): JournalMeta | undefined
  /** The rows that are whole, and in words what is wrong with the rest. */
  read(): { rows: JournalRow[]; damage: string[] }
  /** Keeps only these, under this meta: after a damage that was accepted, and in a new file. */
  reset(meta: JournalMeta, rows: readonly JournalRow[]): void
  append(batch: JournalBatch): void
}

interface StoredRow {
  resource: string
  key: string
  revision: number
  body: string
  sum: string
}

interface StoredMeta {
  hub_uid: string
  epoch: number
  revision: number
  sum: string
}

export function createSqliteRows(db: Sqlite): SqliteRows {
  const selectMeta = db.prepare<[], StoredMeta>('SELECT hub_uid, epoch, revision, sum FROM meta')
  const insertMeta = db.prepare('INSERT INTO meta (id, hub_uid, epoch, revision, sum) VALUES (1, ?, ?, ?, ?)')
  const updateMeta = db.prepare('UPDATE meta SET epoch = ?, revision = ?, sum = ?')
  const select = db.prepare<[], StoredRow>('SELECT resource, key, revision, body, sum FROM objects')
  const selectSum = db
    .prepare<[string, string], string>('SELECT sum FROM objects WHERE resource = ? AND key = ?')
    .pluck()
  const upsert = db.prepare(
    'INSERT OR REPLACE INTO objects (resource, key, revision, body, sum) VALUES (?, ?, ?, ?, ?)',
  )
  const remove = db.prepare('DELETE FROM objects WHERE resource = ? AND key = ?')
  let total: Sum = 0n
  let meta: JournalMeta | undefined

  function writeRow(row: JournalRow) {
    const { resource, key, revision, body } = row
    const earlier = selectSum.get(resource, key)
    if (earlier !== undefined) total = combine(total, BigInt(`0x${earlier}`))
    if (body === undefined) return remove.run(resource, key)
    const sum = rowSum(row)
    total = combine(total, sum)
    return upsert.run(resource, key, revision, body, sumText(sum))
  }

  return {
    readMeta() {
      const stored = selectMeta.get()
      meta = stored && { hubUid: stored.hub_uid, epoch: stored.epoch, revision: stored.revision }
      return meta
    },
    read() {
      const damage = quickCheck(db)
      const rows: JournalRow[] = []
      total = 0n
      for (const { sum, ...row } of select.iterate()) {
        const actual = rowSum(row)
        total = combine(total, actual)
        if (sumText(actual) === sum) rows.push(row)
        else damage.push(`the row of ${row.resource} ${row.key} does not match its checksum`)
      }
      const isComplete = meta !== undefined && selectMeta.get()?.sum === storeSum(meta, total)
      if (damage.length === 0 && !isComplete) damage.push('rows are missing, or its revision does not belong to them')
      return { rows, damage }
    },
    reset(next, rows) {
      db.transaction(() => {
        db.exec('DELETE FROM objects; DELETE FROM meta')
        total = 0n
        for (const row of rows) writeRow(row)
        insertMeta.run(next.hubUid, next.epoch, next.revision, storeSum(next, total))
      }).immediate()
      meta = next
    },
    append(batch) {
      if (!meta) throw new Error('the rows must be read before some are appended')
      const next = { ...meta, revision: batch.revision, epoch: batch.epoch ?? meta.epoch }
      const before = total
      try {
        db.transaction(() => {
          for (const row of batch.rows) writeRow(row)
          updateMeta.run(next.epoch, next.revision, storeSum(next, total))
        }).immediate()
      } catch (error) {
        total = before
        throw error
      }
      meta = next
    },
  }
}

/** Covers the rows, that none has vanished, and the meta. */
const storeSum = ({ hubUid, epoch, revision }: JournalMeta, rows: Sum): string =>
  sumText(combine(rows, rowSum({ resource: 'meta', key: hubUid, revision, body: String(epoch) })))

/** Finds torn pages, which SQLite would otherwise go on writing to. */
function quickCheck(db: Sqlite): string[] {
  const answers = db.prepare<[], string>('PRAGMA quick_check(3)').pluck().all()
  return answers.filter((answer) => answer !== 'ok').map((answer) => `SQLite's quick_check says: ${answer}`)
}
