// rebalance-outcome.ts - what has become of a move: still under way, done, or brought back by the scheduler; pure
import type { Pod } from './kinds/object.ts'
import { groupOf, isOutOfReach, isSteady, type Move } from './rebalance.ts'

export type Outcome = 'under way' | 'moved' | 'came back'

/** `before`: uids of the group's pods at the moment of the eviction. */
export function outcomeOf(move: Move, before: ReadonlySet<string>, pods: readonly Pod[]): Outcome {
  const group = pods.filter((pod) => groupOf(pod) === move.groupUid && !isOutOfReach(pod))
  // Deleted or scaled down meanwhile: nobody replaces what has gone.
  if (group.length === 0) return 'moved'
  const fresh = group.filter(({ metadata }) => !before.has(metadata.uid))
  const isGone = !group.some(({ metadata }) => metadata.uid === move.podUid)
  if (!isGone || fresh.length === 0 || !group.every(isSteady)) return 'under way'
  return fresh.some(({ spec }) => spec.nodeName === move.from) ? 'came back' : 'moved'
}

export const uidsOf = (pods: readonly Pod[], groupUid: string): Set<string> =>
  new Set(pods.filter((pod) => groupOf(pod) === groupUid).map(({ metadata }) => metadata.uid))
