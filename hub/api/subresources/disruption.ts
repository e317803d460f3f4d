// disruption.ts - whether a pod may be evicted now: counts the healthy pods of its budget on the spot
import type { Pod } from '../../../shared/kinds/object.ts'
import type { PodDisruptionBudget } from '../../../shared/kinds/policy.ts'

export interface BudgetState {
  currentHealthy: number
  desiredHealthy: number
}

/** `expected`: how many pods there should be, from the owners' replicas. Percentages are rounded up, as upstream does. */
export function budgetState({ spec }: PodDisruptionBudget, pods: readonly Pod[], expected: number): BudgetState {
  const currentHealthy = pods.filter((pod) => isReady(pod) && !pod.metadata.deletionTimestamp).length
  const desiredHealthy =
    spec.maxUnavailable === undefined
      ? share(spec.minAvailable ?? 1, expected)
      : Math.max(0, expected - share(spec.maxUnavailable, expected))
  return { currentHealthy, desiredHealthy }
}

/** A pod that does not run, or runs badly, protects nobody by staying. */
export function mayDisrupt(
  pod: Pod,
  budget: PodDisruptionBudget,
  { currentHealthy, desiredHealthy }: BudgetState,
): boolean {
  if (!isReady(pod)) {
    if (budget.spec.unhealthyPodEvictionPolicy === 'AlwaysAllow') return true
    return currentHealthy >= desiredHealthy
  }
  return currentHealthy - 1 >= desiredHealthy
}

/** Upstream's canIgnorePDB: what has ended, not begun or is on its way out is not counted. */
export const ignoresBudgets = (pod: Pod): boolean =>
  pod.metadata.deletionTimestamp !== undefined ||
  ['Succeeded', 'Failed', 'Pending'].includes(pod.status?.phase ?? 'Pending')

const isReady = (pod: Pod): boolean =>
  pod.status?.conditions?.some(({ type, status }) => type === 'Ready' && status === 'True') ?? false

function share(value: number | string, of: number): number {
  if (typeof value === 'number') return value
  const percent = /^(\d+)%$/.exec(value)?.[1]
  return percent === undefined ? Number.parseInt(value, 10) || 0 : Math.ceil((Number(percent) * of) / 100)
}
