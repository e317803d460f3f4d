// tolerations.ts - which taints of a node a pod puts up with
import type { PodSpec, Taint, Toleration } from './kinds/object.ts'
import { qosClass } from './kinds/pod-resources.ts'

const MEMORY_PRESSURE: Toleration = {
  key: 'node.kubernetes.io/memory-pressure',
  operator: 'Exists',
  effect: 'NoSchedule',
}

/** What Kubernetes promises: who says what memory it needs copes where there is little, and only the rest stays away. */
export const tolerationsOf = (spec: PodSpec): readonly Toleration[] => {
  const own = spec.tolerations ?? []
  return qosClass(spec) === 'BestEffort' ? own : [...own, MEMORY_PRESSURE]
}

export function tolerates(toleration: Toleration, taint: Taint): boolean {
  if (toleration.effect && toleration.effect !== taint.effect) return false
  if (toleration.key && toleration.key !== taint.key) return false
  if (toleration.operator === 'Exists') return true
  return Boolean(toleration.key) && (toleration.value ?? '') === (taint.value ?? '')
}

/** The first taint with one of these effects that no toleration covers. */
export const untolerated = (
  taints: readonly Taint[] | undefined,
  tolerations: readonly Toleration[] | undefined,
  effects: readonly string[],
): Taint | undefined =>
  taints?.find(
    (taint) => effects.includes(taint.effect) && !tolerations?.some((toleration) => tolerates(toleration, taint)),
  )
