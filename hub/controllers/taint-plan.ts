// taint-plan.ts - how long a pod may stay on a node with taints
import { disconnectPolicyOf } from '../../shared/disconnect-policy.ts'
import type { Node, Pod, Taint, Toleration } from '../../shared/kinds/object.ts'
import { tolerates } from '../../shared/tolerations.ts'
import { UNREACHABLE } from './default-tolerations.ts'

export const noExecuteTaints = (node: Node): readonly Taint[] =>
  (node.spec.taints ?? []).filter(({ effect }) => effect === 'NoExecute')

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
