// sqlite-journal.ts - the store's journal in one SQLite file: checked when it is loaded, refused when it has lost something
import { mkdirSync, statSync } from 'node:fs'
import { dirname } from 'node:path'
import type { Log } from '../../shared/log.ts'
import type { Random } from '../../shared/random.ts'
import { createHighWaterMark } from './high-water-mark.ts'
import {
  FIRST_REVISION,
  JournalError,
  nextEpoch,
  type Journal,
  type JournalContents,
  type JournalMeta,
} from './journal.ts'
import { setAside } from './set-aside.ts'
import { openSqlite, type Sqlite } from './sqlite-open.ts'
import { createSqliteRows, type SqliteRows } from './sqlite-rows.ts'
import { asJournalError, damaged, isDamage, lostTail } from './sqlite-trouble.ts'

export interface SqliteJournalDeps {
  /** Its high-water mark lies beside it, as `<path>.mark`. */
  path: string
  random: Random
  log: Log
  /** Go on with what is left after a loss, once somebody has decided so: under a new epoch and far higher revisions. */
  acceptLoss?: boolean
}

interface Opened {
  db: Sqlite
  rows: SqliteRows
}

export interface SqliteJournal extends Journal {
  /** A copy of all that was appended, whole and as of one moment, as a new file at this path. */
  backup(path: string): Promise<void>
}

export function createSqliteJournal({ path, random, log, acceptLoss = false }: SqliteJournalDeps): SqliteJournal {
  const mark = createHighWaterMark(`${path}.mark`)
  let opened: Opened | undefined
  let meta: JournalMeta | undefined

  function load(): JournalContents {
    mkdirSync(dirname(path), { recursive: true, mode: 0o700 })
    const marked = mark.read()
    if (isEmpty(path) && marked) {
      const error = damaged(path, 'it is empty or missing, but its high-water mark says that it held data')
      if (!acceptLoss) throw error
      log.warn({ path, error }, 'the loss of the whole store was accepted')
    }
    opened = open()
    const contents = check(opened.rows, marked)
    meta = contents.meta
    mark.open()
    mark.write(meta)
    return contents
  }

  function open(): Opened {
    try {
      return openRows(path)
    } catch (error) {
      if (!acceptLoss || !isDamage(error)) throw error
      const asidePath = setAside(path, 'damaged')
      log.warn({ path, asidePath, error }, 'the store could not be read and was set aside, its loss was accepted')
      return openRows(path)
    }
  }

  function check(rows: SqliteRows, marked: JournalMeta | undefined): JournalContents {
    const found = rows.readMeta()
    if (!found) {
      if (marked && !acceptLoss) throw damaged(path, 'it holds nothing, but its high-water mark says that it held data')
      return begin(rows, marked)
    }
    const { rows: whole, damage } = rows.read()
    if (marked && marked.hubUid !== found.hubUid) {
      throw new JournalError(
        'not ours',
        `${path} and ${path}.mark belong to different hubs: one of them was copied here`,
      )
    }
    if (!marked) log.warn({ path }, 'the high-water mark is missing: a lost tail of the store would not be noticed')
    const isBehind = marked !== undefined && (marked.epoch > found.epoch || marked.revision > found.revision)
    if (damage.length === 0 && !isBehind) return { meta: found, rows: whole }
    const error = damage.length > 0 ? damaged(path, damage.join('; ')) : lostTail(path, found, marked ?? found)
    if (!acceptLoss) throw error
    log.warn({ path, error }, 'the loss of a part of the store was accepted')
    const next = afterLoss(found, marked ?? found)
    rows.reset(next, whole)
    return { meta: next, rows: whole, loss: damage.length > 0 ? 'rows' : 'tail' }
  }

  /** A new file: of a new hub, or of one that has lost everything. */
  function begin(rows: SqliteRows, marked: JournalMeta | undefined): JournalContents {
    const first = marked ? afterLoss(marked, marked) : { hubUid: random.uuid(), epoch: 1, revision: FIRST_REVISION }
    rows.reset(first, [])
    return { meta: first, rows: [], ...(marked && { loss: 'rows' as const }) }
  }

  return {
    async load() {
      try {
        return load()
      } catch (error) {
        opened?.db.close()
        opened = undefined
        throw asJournalError(error, path)
      }
    },
    async append(batch) {
      if (!opened || !meta) throw new Error('the journal is not open')
      opened.rows.append(batch)
      meta = { ...meta, revision: batch.revision, epoch: batch.epoch ?? meta.epoch }
      mark.write(meta)
    },
    async backup(target) {
      if (!opened) throw new Error('the journal is not open')
      await opened.db.backup(target)
    },
    async close() {
      mark.close()
      opened?.db.close()
      opened = undefined
    },
  }
}

function openRows(path: string): Opened {
  const db = openSqlite(path)
  try {
    return { db, rows: createSqliteRows(db) }
  } catch (error) {
    db.close()
    throw error
  }
}

const afterLoss = (found: JournalMeta, marked: JournalMeta): JournalMeta => ({
  hubUid: found.hubUid,
  ...nextEpoch(found, marked),
})

const isEmpty = (path: string) => (statSync(path, { throwIfNoEntry: false })?.size ?? 0) === 0
