// reconcile-loop.ts - the loop under every controller: a queue of keys without duplicates, retries with back-off, one at a time per key
import { exponentialMs, type BackoffLimits } from '../../shared/backoff.ts'
import type { Clock, Timer } from '../../shared/clock.ts'
import type { Log } from '../../shared/log.ts'
import type { Random } from '../../shared/random.ts'
import type { Service } from '../../shared/service.ts'
import { StatusError } from '../../shared/kinds/status-error.ts'
import type { Unwatch } from './store.ts'

/** Nothing: done until something changes. A throw: again with exponential back-off. */
export type Outcome = void | { againAfterMs: number }

/** Where keys come from; tells of everything that is there, then of every change. See watchInto. */
export interface KeySource {
  start(add: (key: string) => void): Unwatch
}

export interface ReconcileLoopDeps {
  name: string
  clock: Clock
  log: Log
  random: Random
  watch?: readonly KeySource[]
  reconcile(key: string): Outcome | Promise<Outcome>
}

export interface ReconcileCounters {
  /** Reconciles that ended well, those among them that asked to be called again, and those that threw. */
  readonly done: number
  readonly again: number
  readonly failed: number
  /** Now: keys that may run, keys that run, keys that wait for a time. */
  readonly ready: number
  readonly active: number
  readonly waiting: number
}

export interface ReconcileLoop extends Service {
  add(key: string): void
  addAfter(key: string, ms: number): void
  readonly counters: ReconcileCounters
}

/** Keys taken in one turn of the event loop: more would keep API requests waiting. */
const KEYS_PER_TURN = 64
/** Asynchronous reconciles under way at once; synchronous ones never overlap. */
const ACTIVE_MAX = 8
/** The longest costs nothing, and is short enough that a person who mended the cause sees it taken up. */
const RETRY: BackoffLimits = { baseMs: 20, maxMs: 60_000 }

/** Half to all of the doubled time: failing keys spread out instead of coming back together. */
const retryDelayMs = (attempt: number, random: Random) =>
  Math.round(exponentialMs(attempt, RETRY) * (0.5 + random.float() / 2))

export function createReconcileLoop(deps: ReconcileLoopDeps): ReconcileLoop {
  const { clock, random } = deps
  const log = deps.log.child({ controller: deps.name })
  const ready = new Set<string>()
  const active = new Set<string>()
  const waiting = new Map<string, { dueMs: number; timer: Timer }>()
  const failures = new Map<string, number>()
  const count = { done: 0, again: 0, failed: 0 }
  let isRunning = false
  let turn: Timer | undefined
  let unwatch: Unwatch[] = []
  let onIdle: (() => void) | undefined

  function add(key: string) {
    waiting.get(key)?.timer.cancel()
    waiting.delete(key)
    ready.add(key)
    requestTurn()
  }

  function addAfter(key: string, ms: number) {
    if (ready.has(key)) return
    const dueMs = clock.monoMs() + ms
    const earlier = waiting.get(key)
    if (earlier && earlier.dueMs <= dueMs) return
    earlier?.timer.cancel()
    waiting.set(key, { dueMs, timer: clock.after(ms, () => add(key)) })
  }

  function requestTurn() {
    if (isRunning && !turn) turn = clock.after(0, takeTurn)
  }

  function takeTurn() {
    turn = undefined
    let taken = 0
    for (const key of ready) {
      if (taken === KEYS_PER_TURN || active.size >= ACTIVE_MAX) break
      // A key that runs already stays in the queue and runs once more when it has ended.
      if (active.has(key)) continue
      ready.delete(key)
      taken++
      run(key)
    }
    if (taken > 0 && ready.size > 0) requestTurn()
  }

  function run(key: string) {
    active.add(key)
    try {
      const outcome = deps.reconcile(key)
      if (outcome instanceof Promise)
        outcome.then(
          (settled) => succeeded(key, settled),
          (error: unknown) => failed(key, error),
        )
      else succeeded(key, outcome)
    } catch (error) {
      failed(key, error)
    }
  }

  function succeeded(key: string, outcome: Outcome) {
    count.done++
    failures.delete(key)
    if (outcome) {
      count.again++
      if (isRunning) addAfter(key, outcome.againAfterMs)
    }
    ended(key)
  }

  function failed(key: string, error: unknown) {
    const times = (failures.get(key) ?? 0) + 1
    const retryMs = retryDelayMs(times - 1, random)
    count.failed++
    failures.set(key, times)
    // Somebody else was faster: reading again settles it, nobody needs to know.
    const isRace = error instanceof StatusError && error.code === 409
    log[isRace ? 'debug' : 'warn']({ key, times, retryMs, error }, 'reconcile failed')
    if (isRunning) addAfter(key, retryMs)
    ended(key)
  }

  function ended(key: string) {
    active.delete(key)
    if (active.size === 0) onIdle?.()
    if (ready.size > 0) requestTurn()
  }

  return {
    add,
    addAfter,
    get counters() {
      return { ...count, ready: ready.size, active: active.size, waiting: waiting.size }
    },
    start() {
      isRunning = true
      unwatch = (deps.watch ?? []).map((source) => source.start(add))
      if (ready.size > 0) requestTurn()
    },
    /** Resolves when the reconciles that are under way have ended. */
    async stop() {
      isRunning = false
      turn?.cancel()
      turn = undefined
      for (const end of unwatch.splice(0)) end()
      for (const { timer } of waiting.values()) timer.cancel()
      waiting.clear()
      ready.clear()
      if (active.size > 0) await new Promise<void>((resolve) => (onIdle = resolve))
    },
  }
}
