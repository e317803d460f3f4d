// availability.ts - when a ready pod has been ready for long enough to count as available
import type { Pod } from '../../shared/kinds/object.ts'
import { isReady, readySince } from './pod-state.ts'
import type { Stopwatch } from './stopwatch.ts'

export type Availability = 'available' | 'not ready' | { inMs: number }

export interface AvailabilityJudge {
  of(pod: Pod, minReadySeconds: number): Availability
  forget(podUid: string): void
}

/** One judge for all controllers, so that they never disagree about the same pod. */
export function createAvailabilityJudge(stopwatch: Stopwatch): AvailabilityJudge {
  return {
    of(pod, minReadySeconds) {
      // Asked before the short way out: the watch must see every pod unready to know when it turns ready.
      const since = readySince(pod)
      const readyMs = stopwatch.elapsedMs(pod.metadata.uid, since, since)
      if (readyMs === undefined || !isReady(pod)) return 'not ready'
      const leftMs = minReadySeconds * 1000 - readyMs
      return leftMs <= 0 ? 'available' : { inMs: leftMs }
    },
    forget: (podUid) => stopwatch.forget(podUid),
  }
}

/** The next moment at which one of these pods turns available by the passing of time alone. */
export function nextAvailableInMs(judgements: readonly Availability[]): number | undefined {
  const waits = judgements.flatMap((judged) => (typeof judged === 'object' ? [judged.inMs] : []))
  return waits.length > 0 ? Math.min(...waits) : undefined
}
