// ballast.ts - room on the disk that is ours already: given up when it is full, so that what matters most can be written
import { createCipheriv } from 'node:crypto'
import { closeSync, fsyncSync, openSync, rmSync, statSync, writeSync } from 'node:fs'

/** Some desired states at their usual size, with SQLite's log; what a small device can spare. */
export const BALLAST_BYTES = 4 * 1024 * 1024
const CHUNK_BYTES = 256 * 1024

export interface Ballast {
  readonly bytes: number
  isThere(): boolean
  make(): void
  /** Whether there was any. */
  release(): boolean
}

export function createBallast(file: string, bytes: number = BALLAST_BYTES): Ballast {
  const isThere = () => statSync(file, { throwIfNoEntry: false })?.size === bytes
  return {
    bytes,
    isThere,
    make() {
      // Bytes without a pattern: a file system that compresses would keep no room for zeros.
      const noise = createCipheriv('aes-128-ctr', Buffer.alloc(16), Buffer.alloc(16))
      const handle = openSync(file, 'w', 0o600)
      try {
        for (let written = 0; written < bytes;) {
          const chunk = noise.update(Buffer.alloc(Math.min(CHUNK_BYTES, bytes - written)))
          for (let at = 0; at < chunk.length;) at += writeSync(handle, chunk, at)
          written += chunk.length
        }
        fsyncSync(handle)
      } catch (error) {
        rmSync(file, { force: true })
        throw error
      } finally {
        closeSync(handle)
      }
    },
    release() {
      const wasThere = statSync(file, { throwIfNoEntry: false }) !== undefined
      rmSync(file, { force: true })
      return wasThere
    },
  }
}
