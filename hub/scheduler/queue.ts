// queue.ts - pods that wait for a place: by priority, then by arrival; those that fit nowhere rest until the fleet changes
import type { Clock } from '../../shared/clock.ts'
import { exponentialMs } from '../../shared/backoff.ts'

/** Upstream's: a change of the fleet that helps nobody must not make everybody try again and again. */
const BACKOFF = { baseMs: 1_000, maxMs: 10_000 }

/** What may make a pod fit: something of the fleet or room on it; or other pods, that it wants to be near or level with. */
export type Help = 'room' | 'company'

export interface PodQueue {
  add(key: string, priority: number): void
  /** It fitted nowhere: it rests until a change that may help wakes it, and then for what is left of its back-off. */
  rest(key: string, priority: number, helpedBy: readonly Help[]): void
  remove(key: string): void
  wake(help: Help): void
  take(max: number): string[]
  /** Until the first of those that were woken may try again; undefined when there is none. */
  nextInMs(): number | undefined
  readonly ready: number
  readonly resting: number
}

interface Resting {
  priority: number
  readyAtMs: number
  helpedBy: readonly Help[]
  woken: boolean
}

export function createPodQueue(clock: Clock): PodQueue {
  /** By priority; each set keeps the order of arrival. */
  const ready = new Map<number, Set<string>>()
  const resting = new Map<string, Resting>()
  const attempts = new Map<string, number>()
  let readyCount = 0

  function dequeue(key: string): void {
    for (const [priority, keys] of ready) {
      if (!keys.delete(key)) continue
      readyCount--
      if (keys.size === 0) ready.delete(priority)
    }
  }

  function enqueue(key: string, priority: number): void {
    const keys = ready.get(priority) ?? new Set<string>()
    if (keys.has(key)) return
    dequeue(key)
    ready.set(priority, keys.add(key))
    readyCount++
  }

  function release(): void {
    const nowMs = clock.monoMs()
    for (const [key, { priority, readyAtMs, woken }] of resting) {
      if (!woken || readyAtMs > nowMs) continue
      resting.delete(key)
      enqueue(key, priority)
    }
  }

  return {
    add(key, priority) {
      if (!resting.has(key)) enqueue(key, priority)
    },
    rest(key, priority, helpedBy) {
      const times = attempts.get(key) ?? 0
      attempts.set(key, times + 1)
      resting.set(key, { priority, helpedBy, readyAtMs: clock.monoMs() + exponentialMs(times, BACKOFF), woken: false })
    },
    remove(key) {
      dequeue(key)
      resting.delete(key)
      attempts.delete(key)
    },
    wake(help) {
      for (const entry of resting.values()) entry.woken ||= entry.helpedBy.includes(help)
    },
    take(max) {
      release()
      const taken: string[] = []
      for (const priority of [...ready.keys()].toSorted((a, b) => b - a)) {
        for (const key of ready.get(priority) ?? []) {
          if (taken.length === max) return taken
          taken.push(key)
          dequeue(key)
        }
      }
      return taken
    },
    nextInMs() {
      const waits = [...resting.values()]
        .filter(({ woken }) => woken)
        .map(({ readyAtMs }) => readyAtMs - clock.monoMs())
      return waits.length > 0 ? Math.max(0, Math.min(...waits)) : undefined
    },
    get ready() {
      return readyCount
    },
    get resting() {
      return resting.size
    },
  }
}
