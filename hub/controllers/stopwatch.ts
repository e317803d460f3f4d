// stopwatch.ts - how long something has been so, counted on the monotonic clock, because wall clocks of devices and hubs jump
import type { Clock } from '../../shared/clock.ts'

export interface Stopwatch {
  /**
   * Milliseconds since `key` went into the state that `mark` names; undefined while it is in none.
   * A state that was there already when the hub started is dated by the time written beside it, as nothing better is known.
   */
  elapsedMs(key: string, mark: string | undefined, writtenAt?: string): number | undefined
  forget(key: string): void
}

interface Reading {
  mark: string | undefined
  startMs: number
}

/** Entries live as long as their objects: owners call `forget` when an object is gone. */
export function createStopwatch(clock: Clock): Stopwatch {
  const readings = new Map<string, Reading>()

  function begin(known: Reading | undefined, writtenAt: string | undefined): number {
    const nowMs = clock.monoMs()
    const writtenMs = known || !writtenAt ? Number.NaN : Date.parse(writtenAt)
    return Number.isNaN(writtenMs) ? nowMs : nowMs - Math.max(0, clock.wallMs() - writtenMs)
  }

  return {
    elapsedMs(key, mark, writtenAt) {
      const known = readings.get(key)
      if (known && known.mark === mark) return mark === undefined ? undefined : clock.monoMs() - known.startMs
      const startMs = begin(known, writtenAt)
      readings.set(key, { mark, startMs })
      return mark === undefined ? undefined : clock.monoMs() - startMs
    },
    forget(key) {
      readings.delete(key)
    },
  }
}
