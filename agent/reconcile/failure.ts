// failure.ts - how long to wait after something went wrong once more; pure but for the clock
import { exponentialMs } from '../../shared/backoff.ts'
import type { Clock } from '../../shared/clock.ts'
import type { Failure } from './pod-memory.ts'

/** What is wrong with a spec or a volume seldom mends itself within a second, and often within a minute. */
const RETRY = { baseMs: 2_000, maxMs: 300_000 }

export function failed(
  reason: string,
  message: string,
  before: Failure | undefined,
  clock: Pick<Clock, 'monoMs'>,
): Failure {
  const count = (before?.count ?? 0) + 1
  return { reason, message, count, retryAtMonoMs: clock.monoMs() + exponentialMs(count - 1, RETRY) }
}
