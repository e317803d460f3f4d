// wear.ts - how much this agent writes to the device's disk: flash has only so many writes in it
import { readFileSync } from 'node:fs'
import type { Clock } from '../../shared/clock.ts'

/** What was written in the last so many seconds, a day at most. */
export interface Wear {
  bytes: number
  seconds: number
}

export interface WearMeter {
  /** The same answer for an hour: it crosses the link, and would otherwise cross it with every look. */
  now(): Wear | undefined
}

const SAMPLE_EVERY_MS = 3_600_000
const SAMPLES_MAX = 25

export function createWearMeter({
  clock,
  read = writtenBytes,
}: {
  clock: Clock
  read?: () => number | undefined
}): WearMeter {
  const startedMs = clock.monoMs()
  let samples: { atMs: number; bytes: number }[] = [{ atMs: startedMs, bytes: 0 }]
  let answer: Wear | undefined
  return {
    now() {
      const atMs = clock.monoMs()
      const last = samples.at(-1)
      const bytes = last && atMs - last.atMs >= SAMPLE_EVERY_MS ? read() : undefined
      if (bytes === undefined) return answer
      samples = [...samples, { atMs, bytes }].slice(-SAMPLES_MAX)
      const first = samples[0] ?? { atMs: startedMs, bytes: 0 }
      answer = { bytes: bytes - first.bytes, seconds: Math.round((atMs - first.atMs) / 1000) }
      return answer
    },
  }
}

/** Of this process since it began, SQLite included, as the kernel counts what goes to the disk. Undefined where it does not. */
function writtenBytes(): number | undefined {
  try {
    const line = /^write_bytes: (\d+)$/m.exec(readFileSync('/proc/self/io', 'utf8'))
    return line ? Number(line[1]) : undefined
  } catch {
    return undefined // a kernel without this account: nothing is said
  }
}
