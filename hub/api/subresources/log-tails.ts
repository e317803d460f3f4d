// log-tails.ts - the last lines that passed through the hub on their way to a reader: what is left to show while a device is away
import type { Clock } from '../../../shared/clock.ts'

/** Some hundred lines of one container. */
export const TAIL_BYTES_MAX = 32 * 1024
/** With the above 4 MiB in all; whose logs were read longest ago go first. */
export const TAILS_MAX = 128

export interface LogTail {
  /** Whole lines, apart from a last one that was still being written. */
  bytes: Buffer
  /** When the last of it passed. */
  atMonoMs: number
}

export interface LogTails {
  /** Takes what passes from now on; the first of it takes the place of what was kept before. */
  record(key: string): (data: Uint8Array) => void
  find(key: string): LogTail | undefined
}

export function createLogTails(clock: Clock): LogTails {
  const tails = new Map<string, LogTail>()

  function keep(key: string, tail: LogTail): void {
    tails.delete(key)
    tails.set(key, tail)
    const [oldest] = tails.keys()
    if (tails.size > TAILS_MAX && oldest !== undefined) tails.delete(oldest)
  }

  return {
    record(key) {
      let mine: Buffer = Buffer.alloc(0)
      return (data) => {
        mine = lastLines(Buffer.concat([mine, data]))
        keep(key, { bytes: mine, atMonoMs: clock.monoMs() })
      }
    },
    find: (key) => tails.get(key),
  }
}

/** Copied when cut, so that a little tail does not keep a large piece alive. */
function lastLines(bytes: Buffer): Buffer {
  if (bytes.length <= TAIL_BYTES_MAX) return bytes
  const cut = bytes.subarray(bytes.length - TAIL_BYTES_MAX)
  const lineEnd = cut.indexOf(NEWLINE)
  return Buffer.from(lineEnd >= 0 && lineEnd < cut.length - 1 ? cut.subarray(lineEnd + 1) : cut)
}

const NEWLINE = 10

/** What of a tail was asked for, as the device itself would choose it; pure. */
export function partOfTail(bytes: Buffer, asked: { tailLines?: number; limitBytes?: number }): Buffer {
  const { tailLines, limitBytes } = asked
  // Every byte is one character of latin1: nothing is lost on the way there and back.
  const lines = bytes.toString('latin1').split(/(?<=\n)/)
  const wanted = tailLines === undefined ? lines : lines.slice(Math.max(0, lines.length - tailLines))
  return Buffer.from(wanted.join(''), 'latin1').subarray(0, limitBytes)
}
