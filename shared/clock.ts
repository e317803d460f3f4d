// clock.ts - time as a port: the only file that reads clocks or sets timers, so that a simulator can be the clock
import { performance } from 'node:perf_hooks'

export interface Timer {
  cancel(): void
}

export interface Clock {
  /** What the wall says; on a device it may be wrong by decades. For people's eyes only, never for a decision. */
  wallMs(): number
  /** Milliseconds since some fixed moment of this process's life; never goes back. What decisions count in. */
  monoMs(): number
  /** With 0 ms: once what this turn of the event loop has at hand is done; as soon as possible, but not in between. */
  after(ms: number, run: () => void): Timer
  every(ms: number, run: () => void): Timer
}

/** Timers longer than this overflow in Node and fire at once. */
const TIMER_MS_MAX = 2 ** 31 - 1

export const systemClock: Clock = {
  wallMs: () => Date.now(),
  monoMs: () => performance.now(),
  after(ms, run) {
    // A timer of 0 ms waits for a whole one; group commits and queues would pay it on every step.
    if (ms <= 0) {
      const immediate = setImmediate(run)
      return { cancel: () => clearImmediate(immediate) }
    }
    const timer = setTimeout(run, Math.min(ms, TIMER_MS_MAX))
    return { cancel: () => clearTimeout(timer) }
  },
  every(ms, run) {
    const timer = setInterval(run, Math.min(ms, TIMER_MS_MAX))
    return { cancel: () => clearInterval(timer) }
  },
}

/** A year has four digits in RFC 3339, and one object whose time Go cannot read breaks every list that it is in. */
const [WALL_MS_MIN, WALL_MS_MAX] = [0, Date.UTC(9999, 11, 31, 23, 59, 59)]

/** The nearest moment that can be written: devices claim anything, and people wait for ever. */
export const writableMs = (wallMs: number): number => Math.min(WALL_MS_MAX, Math.max(WALL_MS_MIN, wallMs))

const isoText = (wallMs: number): string => new Date(writableMs(wallMs)).toISOString()

/** Kubernetes' timestamps: whole seconds, UTC. */
export function rfc3339(wallMs: number): string {
  const text = isoText(wallMs)
  return `${text.slice(0, text.indexOf('.'))}Z`
}

/** MicroTime, for Lease and Event. */
export const rfc3339Micro = (wallMs: number): string => isoText(wallMs).replace('Z', '000Z')

const RFC3339 = /^(\d{4}-\d\d-\d\d)T([01]\d|2[0-3]):\d\d:\d\d(\.\d{1,9})?(Z|[+-]\d\d:\d\d)$/

/** As Go reads it: for JavaScript February has a 30th, and a day an hour 24. */
export function isRfc3339(text: string): boolean {
  const day = RFC3339.exec(text)?.[1]
  if (day === undefined || Number.isNaN(Date.parse(text))) return false
  return new Date(`${day}T00:00:00Z`).toISOString().startsWith(day)
}

/** A promise of the clock's own time, for loops that back off. */
export function sleep(clock: Clock, ms: number, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal?.aborted) return resolve()
    const timer = clock.after(ms, done)
    signal?.addEventListener('abort', done, { once: true })
    function done() {
      timer.cancel()
      signal?.removeEventListener('abort', done)
      resolve()
    }
  })
}
