// fate.ts - what becomes of one pod of a tainted node, by its own policy; pure
//
// Kubernetes deletes the pods of a node that is not heard of. Here a device without its hub is normal and its work goes
// on, so that the word "deleted" would promise what nobody can do, and could not be taken back when the device returns.
// - A pod that may be doubled (`replace`) is put aside: it keeps its object, its Ready is False, `kubectl get` shows
//   NodeLost, it counts for nobody's replicas, and so its ReplicaSet starts a spare at the moment at which Kubernetes
//   would; also when its device is there and the runtime does not answer. When the device is back, returns.ts lets the
//   pod's policy choose who stays. With the defaults the ready spare does, as in Kubernetes; a spare that never became
//   ready does not end an original that served all the time.
// - A pod that runs under a lease (`stop`, singletons) is taken away whole, without waiting for its device, as soon as
//   the device has provably stopped it: as Kubernetes does for nodes with its out-of-service taint. Its owner then makes
//   the next one. What was told to go meanwhile is waited for in the same way.
// - Of owners that are not ours nobody knows whether they count a pod that is put aside: theirs are deleted, as ever.
// - A pod that nobody would start anew stays: taking it away would only lose work.
import { disconnectPolicyOf, isDisconnected, isFenced } from '../../../shared/disconnect-policy.ts'
import type { Pod } from '../../../shared/kinds/object.ts'
import { REPLICA_SET } from '../../../shared/kinds/replica-set.ts'
import { isUnheardOf } from '../../../shared/last-known.ts'
import { controllerOf } from '../claim.ts'
import { hasFinished } from '../pod-state.ts'

export type Fate =
  | { do: 'stay'; lookAgainInMs: number }
  /** Delete it, as Kubernetes does: it goes when its device has stopped it. */
  | { do: 'evict' }
  /** It is thought to go on where it is, and counts no longer. */
  | { do: 'put aside' }
  /** It has provably stopped: its object goes at once. */
  | { do: 'take away' }

export interface FateInput {
  pod: Pod
  /** How long it tolerates the node's taints but the one for unreachable nodes. */
  leftMs: number
  /** How long it tolerates that its device, or its runtime there, is not heard of; undefined when it is. */
  lostLeftMs: number | undefined
  /** Until its device has provably stopped it. */
  stopsInMs: number
}

export function fateOf({ pod, leftMs, lostLeftMs, stopsInMs }: FateInput): Fate {
  const isGoing = pod.metadata.deletionTimestamp !== undefined
  if (isGoing && lostLeftMs !== undefined) return whenStopped(stopsInMs, Infinity)
  if (isGoing) return stay(Infinity)
  if (leftMs <= 0) return { do: 'evict' }
  if (lostLeftMs === undefined || hasFinished(pod) || isDisconnected(pod)) return stay(leftMs)
  if (disconnectPolicyOf(pod).onDisconnect === 'wait' || !controllerOf(pod)) return stay(leftMs)
  if (lostLeftMs > 0) return stay(Math.min(leftMs, lostLeftMs))
  if (isFenced(pod)) return whenStopped(stopsInMs, leftMs)
  const mayBeKept = controllerOf(pod)?.kind === REPLICA_SET.kind && !isUnheardOf(pod)
  return mayBeKept ? { do: 'put aside' } : { do: 'evict' }
}

const stay = (lookAgainInMs: number): Fate => ({ do: 'stay', lookAgainInMs })

const whenStopped = (stopsInMs: number, leftMs: number): Fate =>
  stopsInMs <= 0 ? { do: 'take away' } : stay(Math.min(stopsInMs, leftMs))
