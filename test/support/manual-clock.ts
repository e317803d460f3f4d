// manual-clock.ts - a clock that stands still until a test moves it
import type { Clock, Timer } from '../../shared/clock.ts'

export interface ManualClock extends Clock {
  /** Runs all timers that fall due on the way, each at its own moment, and lets promises settle in between. */
  advance(ms: number): Promise<void>
  /** The device's wall clock is set by somebody; the monotonic one does not notice. */
  setWall(ms: number): void
  readonly pending: number
}

interface Entry {
  atMs: number
  order: number
  everyMs: number | undefined
  run: () => void
}

export function createManualClock(startWallMs = Date.UTC(2026, 10, 20, 12)): ManualClock {
  let monoMs = 1_000
  let wallOffsetMs = startWallMs - monoMs
  let nextOrder = 0
  const entries = new Set<Entry>()

  const add = (ms: number, everyMs: number | undefined, run: () => void): Timer => {
    const entry = { atMs: monoMs + Math.max(0, ms), order: nextOrder++, everyMs, run }
    entries.add(entry)
    return { cancel: () => void entries.delete(entry) }
  }
  const nextDue = (untilMs: number) =>
    [...entries].filter((entry) => entry.atMs <= untilMs).toSorted((a, b) => a.atMs - b.atMs || a.order - b.order)[0]

  return {
    wallMs: () => monoMs + wallOffsetMs,
    monoMs: () => monoMs,
    after: (ms, run) => add(ms, undefined, run),
    every: (ms, run) => add(ms, Math.max(1, ms), run),
    setWall: (ms) => void (wallOffsetMs = ms - monoMs),
    get pending() {
      return entries.size
    },
    async advance(ms) {
      const untilMs = monoMs + ms
      await settled()
      for (let due = nextDue(untilMs); due; due = nextDue(untilMs)) {
        monoMs = due.atMs
        if (due.everyMs === undefined) entries.delete(due)
        else Object.assign(due, { atMs: due.atMs + due.everyMs, order: nextOrder++ })
        due.run()
        await settled()
      }
      monoMs = untilMs
      await settled()
    },
  }
}

/** One turn of the event loop: everything that only waits for promises has run by then. */
const settled = () => new Promise<void>((resolve) => setImmediate(resolve))
