// sqlite-restore.ts - puts a backup in the place of the store: in a new epoch, so that nobody takes its numbers for those of before
import { copyFileSync, mkdirSync, renameSync, rmSync, statSync } from 'node:fs'
import { dirname } from 'node:path'
import { createHighWaterMark } from './high-water-mark.ts'
import { JournalError, nextEpoch, type JournalMeta } from './journal.ts'
import { setAside } from './set-aside.ts'
import { openSqlite, type Sqlite } from './sqlite-open.ts'
import { createSqliteRows } from './sqlite-rows.ts'
import { asJournalError } from './sqlite-trouble.ts'

export interface Restored {
  meta: JournalMeta
  objects: number
  /** Where the store is now that was there before; absent when there was none. */
  asidePath?: string
}

/** Throws JournalErrors, and has then changed nothing. */
export function restoreSqlite(path: string, backup: string): Restored {
  mkdirSync(dirname(path), { recursive: true, mode: 0o700 })
  const isThere = (file: string) => (statSync(file, { throwIfNoEntry: false })?.size ?? 0) > 0
  if (!isThere(backup)) throw new JournalError('not usable', `there is no backup at ${backup}`)
  if (isThere(path)) checkUnused(path)
  const mark = createHighWaterMark(`${path}.mark`)
  const marked = mark.read()
  const coming = `${path}.restoring`
  try {
    copyFileSync(backup, coming)
    const { meta, objects } = renumber(coming, backup, marked)
    const asidePath = isThere(path) ? setAside(path, 'before-restore') : undefined
    renameSync(coming, path)
    mark.open()
    // Both slots: no older mark may be left that is ahead of what is there now.
    mark.write(meta)
    mark.write(meta)
    mark.close()
    return { meta, objects, ...(asidePath && { asidePath }) }
  } finally {
    for (const suffix of ['', '-wal', '-shm']) rmSync(coming + suffix, { force: true })
  }
}

/** A hub that runs holds its file: it would go on writing to the one that is set aside. */
function checkUnused(path: string): void {
  let db: Sqlite | undefined
  try {
    db = openSqlite(path)
  } catch (error) {
    const known = asJournalError(error, path)
    // A damaged store is a good reason to restore one.
    if (known instanceof JournalError && known.trouble === 'in use') throw known
  } finally {
    db?.close()
  }
}

function renumber(
  coming: string,
  backup: string,
  marked: JournalMeta | undefined,
): { meta: JournalMeta; objects: number } {
  const db = openCopy(coming, backup)
  try {
    const rows = createSqliteRows(db)
    const found = rows.readMeta()
    if (!found) throw new JournalError('damaged', `the backup ${backup} holds nothing`)
    if (marked && marked.hubUid !== found.hubUid)
      throw new JournalError('not ours', `the backup ${backup} is of another hub than the one in this folder`)
    const { rows: whole, damage } = rows.read()
    if (damage.length > 0) throw new JournalError('damaged', `the backup ${backup} is damaged: ${damage.join('; ')}`)
    const meta = { hubUid: found.hubUid, ...nextEpoch(found, marked ?? found) }
    rows.reset(meta, whole)
    return { meta, objects: whole.length }
  } finally {
    db.close()
  }
}

function openCopy(coming: string, backup: string): Sqlite {
  try {
    return openSqlite(coming)
  } catch (error) {
    throw asJournalError(error, backup)
  }
}
