// machine-clock.ts - the clocks of one machine: they drift, somebody sets the wall clock, and timers end with their process
import type { Clock, Timer } from '../../shared/clock.ts'
import type { Timeline } from './timeline.ts'

/** The clock as one process sees it; dead: no timer of it ever fires again. */
export interface LifeClock extends Clock {
  readonly isDead: boolean
  kill(): void
}

export interface MachineClock {
  life(): LifeClock
  wallMs(): number
  /** Somebody, or a bad battery, sets the wall clock. */
  jumpWall(byMs: number): void
}

export interface MachineClockDeps {
  timeline: Timeline
  /** 1.01: it runs one in a hundred too fast. */
  rate: number
  startWallMs: number
}

export function createMachineClock({ timeline, rate, startWallMs }: MachineClockDeps): MachineClock {
  let offsetMs = startWallMs
  const wallMs = () => Math.floor(offsetMs + timeline.nowMs * rate)

  function life(): LifeClock {
    let isDead = false
    const startMs = timeline.nowMs
    const monoMs = () => (timeline.nowMs - startMs) * rate
    // As Node's timers: nothing that waits at all waits for less than a millisecond.
    const after = (ms: number, run: () => void): Timer =>
      timeline.after(ms <= 0 ? 0 : Math.max(1, ms) / rate, () => {
        if (!isDead) run()
      })
    return {
      get isDead() {
        return isDead
      },
      kill: () => void (isDead = true),
      wallMs,
      monoMs,
      after,
      every(ms, run) {
        let timer: Timer
        const again = () => {
          timer = after(Math.max(1, ms), () => {
            again()
            run()
          })
        }
        again()
        return { cancel: () => timer.cancel() }
      },
    }
  }
  return { life, wallMs, jumpWall: (byMs) => void (offsetMs += byMs) }
}
