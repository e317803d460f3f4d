// runtime-watch.ts - keeps the picture of one runtime fresh: its events, a list now and then, and patience when it is down
import { fullJitterMs, type BackoffLimits } from '../../shared/backoff.ts'
import type { Clock, Timer } from '../../shared/clock.ts'
import type { Log } from '../../shared/log.ts'
import type { Random } from '../../shared/random.ts'
import type { Service } from '../../shared/service.ts'
import type { Runtime, RuntimeEvent } from '../runtime/runtime.ts'
import type { Observer } from './observer.ts'

export interface RuntimeWatch extends Service {
  isUp(): boolean
  /** What was said when it did not answer. */
  error(): string | undefined
  lost(error: Error): void
}

export interface RuntimeWatchDeps {
  runtime: Runtime
  observer: Observer
  clock: Clock
  random: Random
  log: Log
  /** A whole list has come in; `afterGap`: what happened before it was not watched. */
  onListed(afterGap: boolean): void
  onChanged(podUid: string): void
  onLost(): void
}

/** Events can be lost; what they missed shows here at the latest. */
const RELIST_EVERY_MS = 30_000
const RETRY: BackoffLimits = { baseMs: 1_000, maxMs: 30_000 }
/** Full jitter may be nothing at all; a runtime that is down must not be asked in a tight loop. */
const RETRY_MIN_MS = 250

export function createRuntimeWatch(deps: RuntimeWatchDeps): RuntimeWatch {
  const { runtime, observer, clock, log } = deps
  let state: 'new' | 'up' | 'down' = 'new'
  let said: string | undefined
  let attempts = 0
  let isLooking = false
  let lookAgain = false
  let hasGap = true
  let timer: Timer | undefined
  let stopListening: (() => void) | undefined
  let isStopped = false

  const look = async () => {
    if (isStopped) return
    if (isLooking) return void (lookAgain = true)
    isLooking = true
    try {
      do {
        lookAgain = false
        const afterGap = hasGap
        hasGap = false
        await observer.relist(runtime)
        // Whoever is stopping must not begin everything anew with what it hears now.
        if (isStopped) return
        if (state === 'down') log.info({ runtime: runtime.name }, 'the runtime answers again')
        state = 'up'
        attempts = 0
        deps.onListed(afterGap)
      } while (lookAgain && !isStopped)
      schedule(RELIST_EVERY_MS)
    } catch (error) {
      down(error)
    } finally {
      isLooking = false
    }
  }
  const schedule = (ms: number) => {
    timer?.cancel()
    if (!isStopped) timer = clock.after(ms, lookNow)
  }
  // `look` answers every error itself.
  const lookNow = () => void look()
  const down = (error: unknown) => {
    if (isStopped) return
    hasGap = true
    said = error instanceof Error ? error.message : String(error)
    if (state !== 'down') {
      log.error({ runtime: runtime.name, error }, 'the runtime does not answer')
      state = 'down'
      deps.onLost()
    }
    schedule(RETRY_MIN_MS + fullJitterMs(attempts++, RETRY, deps.random))
  }
  const onEvent = (event: RuntimeEvent) => {
    switch (event.kind) {
      case 'changed':
        return void observer.refresh(runtime, [event.id]).then(() => deps.onChanged(event.podUid), down)
      case 'relist':
        hasGap = true
        return lookNow()
      case 'unavailable':
        return down(new Error(event.error))
    }
  }
  return {
    start() {
      stopListening = runtime.onEvent(onEvent)
      lookNow()
    },
    stop() {
      isStopped = true
      stopListening?.()
      timer?.cancel()
    },
    isUp: () => state === 'up',
    error: () => (state === 'down' ? said : undefined),
    lost: down,
  }
}
