// timeline.ts - virtual time: takes one event after another, lets its promises settle, has the rules checked, goes on
import type { Timer } from '../../shared/clock.ts'
import { createHeap } from './heap.ts'
import { settle } from './settle.ts'
import type { Trace } from './trace.ts'

export interface Timeline {
  readonly nowMs: number
  readonly events: number
  /** How much is still to happen, called off or not. */
  readonly waiting: number
  /** After everything that is at hand at that moment. */
  after(ms: number, run: () => void): Timer
  /** Runs events until there is a reason to end; `isOver` is asked after each. */
  run(isOver: () => boolean): Promise<void>
}

/** Work that begets itself without time passing is a loop without an end. */
const EVENTS_PER_MOMENT_MAX = 100_000
/** So many in one turn of the real event loop: signals and timeouts of the machine below stay alive. */
const EVENTS_PER_TURN = 5_000

export function createTimeline({ trace }: { trace: Trace }): Timeline {
  const heap = createHeap()
  let nowMs = 0
  let order = 0
  let events = 0
  let inMoment = 0

  function step(): void {
    const entry = heap.pop()
    if (!entry) throw new Error('nothing is left to happen')
    if (entry.isCancelled) return
    inMoment = entry.atMs === nowMs ? inMoment + 1 : 0
    if (inMoment > EVENTS_PER_MOMENT_MAX) throw new Error(`time stands still at ${nowMs} ms: something begets itself`)
    nowMs = entry.atMs
    trace.nowMs = nowMs
    events++
    entry.run()
    settle()
  }

  return {
    get nowMs() {
      return nowMs
    },
    get events() {
      return events
    },
    get waiting() {
      return heap.size
    },
    after(ms, run) {
      const entry = { atMs: nowMs + Math.max(0, ms), order: order++, isCancelled: false, run }
      heap.push(entry)
      return { cancel: () => void (entry.isCancelled = true) }
    },
    run: (isOver) =>
      new Promise((resolve, reject) => {
        const turn = () => {
          try {
            for (let count = 0; count < EVENTS_PER_TURN; count++) {
              if (isOver()) return resolve()
              step()
            }
            setImmediate(turn)
          } catch (error) {
            reject(error)
          }
        }
        // Not from inside a promise: there nothing could be settled.
        setImmediate(turn)
      }),
  }
}
