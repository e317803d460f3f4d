// data-folder.ts - makes the folder that a program keeps its data in, or says in one line why it cannot; the disk is an argument
import type * as fs from 'node:fs'
import { dirname, resolve } from 'node:path'

export type FolderMaker = Pick<typeof fs, 'mkdirSync' | 'statSync'>

/** Only the program itself reads what lies there: keys and secrets. */
const MODE = 0o700

/** Throws what a person can act on. */
export function prepareDataFolder(dataDir: string, disk: FolderMaker): void {
  try {
    makeMissing(resolve(dataDir), disk)
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error)
    throw new Error(`cannot use ${dataDir}: ${why}; choose a folder with --data-dir`, { cause: error })
  }
}

/** Step by step: where a file system takes no folders, such as /proc, Node's own `recursive` tries for ever. */
function makeMissing(folder: string, disk: FolderMaker): void {
  const parent = dirname(folder)
  if (parent !== folder) makeMissing(parent, disk)
  const found = disk.statSync(folder, { throwIfNoEntry: false })
  if (found?.isDirectory()) return
  if (found) throw new Error(`${folder} is no folder`)
  try {
    disk.mkdirSync(folder, { mode: MODE })
  } catch (error) {
    // Somebody else was faster.
    if (disk.statSync(folder, { throwIfNoEntry: false })?.isDirectory()) return
    throw new Error(`no folder can be made in ${parent}: ${reasonOf(error)}`, { cause: error })
  }
}

const REASONS = new Map([
  ['EACCES', 'this user may not write there'],
  ['EPERM', 'this user may not write there'],
  ['EROFS', 'it is mounted read-only'],
  ['ENOSPC', 'the disk is full'],
  ['ENOENT', 'it takes none'],
])

function reasonOf(error: unknown): string {
  const { code } = { code: '', ...(typeof error === 'object' ? error : {}) }
  return REASONS.get(code) ?? (error instanceof Error ? error.message : String(error))
}
