// revocations.ts - keys that may never speak again, in a file beside the store: a backup that is put back must not let them in again
import { appendFileSync, closeSync, existsSync, fsyncSync, openSync, readFileSync } from 'node:fs'
import { dirname } from 'node:path'
import { rfc3339, type Clock } from '../../shared/clock.ts'
import type { Log } from '../../shared/log.ts'
import type { Service } from '../../shared/service.ts'

export interface Revocations extends Service {
  has(keyFingerprint: string): boolean
  /** On the disk when it returns; a disk that refuses is asked again with the next one. */
  add(revoked: { keyFingerprint: string; node: string }): void
  /** Whether all that was revoked before this epoch began is known here. */
  survived(loss: { epoch: number; kind: 'tail' | 'rows' }): boolean
}

export interface RevocationsDeps {
  /** In memory only without it. */
  path?: string
  clock: Clock
  log: Log
}

/** In the hub's data folder, outside of every backup. */
export const REVOCATIONS_FILE = 'revocations'

/** One line each: `revoked <fingerprint> <node> <when>`, and `restored <epoch>` when a backup was put in beside it. */
const REVOKED = /^revoked ([0-9a-f]{64}) /
const RESTORED = /^restored (\d+)$/

export function createRevocations({ path, clock, log }: RevocationsDeps): Revocations {
  const revoked = new Set<string>()
  const restoredEpochs = new Set<number>()
  let unwritten: string[] = []
  let wasThere = false

  function write(line: string): void {
    if (path === undefined) return
    unwritten.push(line)
    try {
      append(path, unwritten)
      unwritten = []
    } catch (error) {
      // The store has it too; only a backup would not.
      log.error({ path, error }, 'a revocation could not be written beside the store')
    }
  }

  return {
    start() {
      if (path === undefined) return
      wasThere = existsSync(path)
      if (!wasThere) append(path, [])
      for (const line of readFileSync(path, 'utf8').split('\n')) {
        const fingerprint = REVOKED.exec(line)?.[1]
        const epoch = RESTORED.exec(line)?.[1]
        if (fingerprint) revoked.add(fingerprint)
        else if (epoch) restoredEpochs.add(Number(epoch))
        else if (line !== '') log.warn({ path, line }, 'a line beside the store says nothing about a revocation')
      }
    },
    stop() {},
    has: (keyFingerprint) => revoked.has(keyFingerprint),
    add({ keyFingerprint, node }) {
      if (revoked.has(keyFingerprint)) return
      revoked.add(keyFingerprint)
      write(`revoked ${keyFingerprint} ${node} ${rfc3339(clock.wallMs())}`)
    },
    // Without the line the file may be as old as the store, as in a snapshot of the whole machine.
    survived: ({ epoch, kind }) => wasThere && (kind === 'rows' || restoredEpochs.has(epoch)),
  }
}

/** A backup was put in place on a disk that still has the file: what it says is newer than the backup. */
export function noteRestored(path: string, epoch: number): boolean {
  if (!existsSync(path)) return false
  append(path, [`restored ${epoch}`])
  return true
}

/** A line that the power cut in two must not swallow the one after it. */
function append(path: string, lines: readonly string[]): void {
  const isNew = !existsSync(path)
  const isTorn = !isNew && /[^\n]$/.test(readFileSync(path, 'utf8'))
  const file = openSync(path, 'a', 0o600)
  try {
    appendFileSync(file, (isTorn ? '\n' : '') + lines.map((line) => `${line}\n`).join(''))
    fsyncSync(file)
  } finally {
    closeSync(file)
  }
  if (isNew) syncFolder(dirname(path))
}

function syncFolder(path: string): void {
  const folder = openSync(path, 'r')
  try {
    fsyncSync(folder)
  } finally {
    closeSync(folder)
  }
}
