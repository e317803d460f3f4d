// taint-plan.ts - how long a pod may stay on a node with taints
import { disconnectPolicyOf } from '../../shared/disconnect-policy.ts'
import type { Node, Pod, Taint, Toleration } from '../../shared/kinds/object.ts'
import { isRuntimeCondition, runtimeAnswers } from '../../shared/node-selection.ts'
import { tolerates } from '../../shared/tolerations.ts'
import { NOT_READY, UNREACHABLE } from './default-tolerations.ts'

export const noExecuteTaints = (node: Node): readonly Taint[] =>
  (node.spec.taints ?? []).filter(({ effect }) => effect === 'NoExecute')

/**
 * Upstream calls the whole node not ready when its one runtime does not answer. Here a device may have several, and the
 * others go on: only for pods that need the silent one it is as if the node had upstream's taint.
 */
export const RUNTIME_DOWN: Taint = { key: NOT_READY, effect: 'NoExecute' }

/** All that drives this pod away from its node. */
export const taintsFor = (pod: Pod, node: Node): readonly Taint[] =>
  runtimeAnswers(pod.spec, node) ? noExecuteTaints(node) : [...noExecuteTaints(node), RUNTIME_DOWN]

/** Those that the device has and that do not answer. */
export const silentRuntimes = ({ status }: Node): readonly string[] =>
  (status?.conditions ?? []).flatMap((one) => (isRuntimeCondition(one) && one.status === 'False' ? [one.type] : []))

/** What `taintsFor` reads of a node: equal texts drive the same pods away. */
export const drivesAway = (node: Node): string => JSON.stringify([noExecuteTaints(node), silentRuntimes(node)])

/** How long a pod may stay with one taint, from the moment at which both were there. */
export function allowedMs(tolerations: readonly Toleration[], taint: Taint): number {
  const fitting = tolerations.filter((toleration) => tolerates(toleration, taint))
  if (fitting.length === 0) return 0
  return Math.min(
    ...fitting.map(({ tolerationSeconds }) => (tolerationSeconds === undefined ? Infinity : tolerationSeconds * 1000)),
  )
}

/** Nobody takes it off a device that is away, for however long. */
export const staysWithItsDevice = (pod: Pod): boolean =>
  disconnectPolicyOf(pod).onDisconnect === 'wait' ||
  allowedMs(pod.spec.tolerations ?? [], { key: UNREACHABLE, effect: 'NoExecute' }) === Infinity

/** How long a pod may stay under all of these taints. `heldMs` says for how long the hub has seen it together with one. */
export function leftMsUnder(pod: Pod, taints: readonly Taint[], heldMs: (taint: Taint) => number): number {
  const tolerations = pod.spec.tolerations ?? []
  return Math.min(Infinity, ...taints.map((taint) => allowedMs(tolerations, taint) - heldMs(taint)))
}
