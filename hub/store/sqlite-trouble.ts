// sqlite-trouble.ts - SQLite's error codes in words: what is wrong with the store and what to do about it
import Database from 'better-sqlite3'
import { JournalError, type JournalMeta } from './journal.ts'

const WHAT_TO_DO =
  'Restore a backup of the store (holdfast-hub restore FILE), or start the hub once with --accept-loss to go on with what is left.'

export const damaged = (path: string, what: string, cause?: unknown) =>
  new JournalError('damaged', `the store ${path} is damaged: ${what}. ${WHAT_TO_DO}`, cause)

export const lostTail = (path: string, found: JournalMeta, marked: JournalMeta) => {
  const at = ({ epoch, revision }: JournalMeta) => `epoch ${epoch}, revision ${revision}`
  const what = `it ends at ${at(found)}, but its high-water mark says that it had reached ${at(marked)}`
  return new JournalError('behind', `the store ${path} has lost its newest data: ${what}. ${WHAT_TO_DO}`)
}

export function isDamage(error: unknown): boolean {
  return error instanceof Database.SqliteError && /^SQLITE_(NOTADB|CORRUPT)/.test(error.code)
}

export function asJournalError(error: unknown, path: string): unknown {
  if (!(error instanceof Database.SqliteError)) return error
  if (isDamage(error)) return damaged(path, `${error.message} (${error.code})`, error)
  if (/^SQLITE_(BUSY|LOCKED)/.test(error.code)) {
    return new JournalError(
      'in use',
      `another process, probably another hub, uses the store ${path}: stop it first`,
      error,
    )
  }
  const what = `the store ${path} cannot be used: ${error.message} (${error.code})`
  return new JournalError(
    'not usable',
    `${what}. Check the disk's space, its mount options and the file's owner.`,
    error,
  )
}
