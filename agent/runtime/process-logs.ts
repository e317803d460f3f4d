// process-logs.ts - the output of plain processes is kept in two bounded files: cut in time, and less of it on a full disk
import { copyFileSync, existsSync, readdirSync, renameSync, rmSync, statSync, truncateSync } from 'node:fs'
import { join } from 'node:path'
import { processFolder } from './process-record.ts'

/** Two files of this size a container: what `kubectl logs` needs, and what a small card can spare. */
const LOG_BYTES_MAX = 5 << 20

/** Copy, then cut back, because the program holds the file open; what it writes in between is lost. */
export function rotateLog(folder: string): void {
  const { log, olderLog } = processFolder(folder)
  if (sizeOf(log) <= LOG_BYTES_MAX) return
  const copy = () => copyFileSync(log, `${olderLog}.new`)
  try {
    copy()
  } catch (error) {
    if (!isFull(error)) throw error
    // No room for three: the oldest goes first, not after.
    rmSync(olderLog, { force: true })
    copy()
  }
  renameSync(`${olderLog}.new`, olderLog)
  truncateSync(log)
}

/** The disk is full, and what the agent must know comes first. Below `root` each process has its folder. */
export function dropOlderLogs(root: string): void {
  if (!existsSync(root)) return
  for (const name of readdirSync(root)) {
    const { olderLog } = processFolder(join(root, name))
    for (const path of [`${olderLog}.new`, olderLog]) rmSync(path, { force: true })
  }
}

const isFull = (error: unknown) => error instanceof Error && 'code' in error && error.code === 'ENOSPC'

const sizeOf = (path: string) => statSync(path, { throwIfNoEntry: false })?.size ?? 0
