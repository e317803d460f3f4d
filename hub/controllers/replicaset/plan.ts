// plan.ts - what a ReplicaSet needs next: pods to create, or which pods to delete
import type { Pod, ReplicaSet } from '../../../shared/kinds/object.ts'
import { holdsItsPlace } from '../holds-its-place.ts'
import { isActive } from '../pod-state.ts'
import { deletionOrder } from './ranking.ts'
import { placesToFill } from './spares.ts'
import { isDisconnected } from '../../../shared/disconnect-policy.ts'

export type ReplicaSetStep =
  /** `places`: the pods that were put aside, in whose place the first of the new ones are started. */
  | { do: 'create'; count: number; places: readonly string[] }
  | { do: 'delete'; pods: readonly Pod[] }
  | { do: 'nothing' }

/** Upstream's burst: one ReplicaSet never holds the hub for longer than this many pods take; the rest follows at once. */
export const BURST_REPLICAS = 500

/** `related` is asked only when something has to go. */
export function planReplicas(
  replicaSet: ReplicaSet,
  pods: readonly Pod[],
  related: () => readonly Pod[],
): ReplicaSetStep {
  if (replicaSet.metadata.deletionTimestamp) return { do: 'nothing' }
  const active = pods.filter(isActive)
  const wanted = replicaSet.spec.replicas ?? 1
  const aside = pods.filter((pod) => isDisconnected(pod) && !pod.metadata.deletionTimestamp)
  // Nobody will be asked who stays: their devices are told to stop them when they are back.
  if (wanted === 0 && aside.length > 0) return { do: 'delete', pods: [...active, ...aside].slice(0, BURST_REPLICAS) }
  const missing = wanted - active.length
  const mayCreate = missing - pods.filter(holdsItsPlace).length
  if (mayCreate > 0) return { do: 'create', count: Math.min(mayCreate, BURST_REPLICAS), places: placesToFill(pods) }
  if (missing >= 0) return { do: 'nothing' }
  const excess = Math.min(-missing, BURST_REPLICAS)
  return { do: 'delete', pods: deletionOrder(active, related().filter(isActive)).slice(0, excess) }
}

/** Pods that wait for a node do not count: one that runs already is worth more, and the surplus goes from those that wait. */
export const isPodMissing = ({ metadata, spec }: ReplicaSet, pods: readonly Pod[]): boolean =>
  !metadata.deletionTimestamp && pods.filter((pod) => isActive(pod) && pod.spec.nodeName).length < (spec.replicas ?? 1)

/** 1, 2, 4 ...: a refusal that all creations would meet is met once, not five hundred times. */
export function slowStartBatches(count: number): number[] {
  const batches: number[] = []
  for (let size = 1, left = count; left > 0; size *= 2) {
    const batch = Math.min(size, left)
    batches.push(batch)
    left -= batch
  }
  return batches
}
