// small-disk.ts - a file system of a few megabytes that can be filled and made read-only; for root only
import { execFileSync } from 'node:child_process'
import { mkdtempSync, rmSync, statfsSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { skipFor } from './require.ts'

export interface SmallDisk {
  readonly dir: string
  /** Nothing, or this much, is left. */
  fill(leftBytes?: number): void
  /** What filled it goes. */
  clear(): void
  /** Whoever has a file open goes on with it as it was: a program sees the change when it is started anew. */
  setReadOnly(isReadOnly: boolean): void
  remove(): void
}

const mount = (...args: string[]) => execFileSync('mount', args, { stdio: 'pipe' })
/** Out of the tree at once, whoever has a file open in it. */
const unmount = (dir: string) => execFileSync('umount', ['-l', dir])
const isFull = (error: unknown) => error instanceof Error && 'code' in error && error.code === 'ENOSPC'

/** Why tests with one cannot run here; undefined when they can. */
export const skipSmallDisk = (): string | undefined => skipFor('mount', whyNot())

function whyNot(): string | undefined {
  if (process.getuid?.() !== 0) return 'only root can mount a file system'
  try {
    createSmallDisk(1024 * 1024).remove()
    return undefined
  } catch {
    return 'no file system can be mounted here' // a container without the right to
  }
}

export function createSmallDisk(bytes: number): SmallDisk {
  const dir = mkdtempSync(join(tmpdir(), 'holdfast-small-disk-'))
  mount('-t', 'tmpfs', '-o', `size=${bytes},mode=700`, 'tmpfs', dir)
  const filler = join(dir, 'filler')
  let isCovered = false
  // A mount over the mount: the kernel refuses to make one read-only into which somebody writes.
  function setReadOnly(isReadOnly: boolean): void {
    if (isReadOnly === isCovered) return
    if (isReadOnly) {
      mount('--bind', dir, dir)
      mount('-o', 'remount,bind,ro', dir)
    } else unmount(dir)
    isCovered = isReadOnly
  }
  return {
    dir,
    setReadOnly,
    fill(leftBytes = 0) {
      const { bavail, bsize } = statfsSync(dir)
      try {
        writeFileSync(`${filler}-${bavail}`, Buffer.alloc(Math.max(0, bavail * bsize - leftBytes), 1))
      } catch (error) {
        // Whoever else writes there has taken some of it: it is full all the same.
        if (!isFull(error)) throw error
      }
    },
    clear() {
      execFileSync('sh', ['-c', 'rm -f "$0"/filler-*', dir])
    },
    remove() {
      setReadOnly(false)
      unmount(dir)
      rmSync(dir, { recursive: true, force: true })
    },
  }
}
