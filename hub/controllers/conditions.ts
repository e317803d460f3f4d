// conditions.ts - puts a condition into a list of conditions as upstream does: times move only when something else does
export interface Condition {
  type: string
  status: string
  reason?: string
  message?: string
  lastTransitionTime?: string
  lastUpdateTime?: string
}

export const findCondition = <C extends Condition>(conditions: readonly C[] | undefined, type: string): C | undefined =>
  conditions?.find((condition) => condition.type === type)

export const withoutCondition = <C extends Condition>(conditions: readonly C[], type: string): C[] =>
  conditions.filter((condition) => condition.type !== type)

/** Same status and reason: left as it is. Same status: the transition keeps its time. */
export function withCondition<C extends Condition>(conditions: readonly C[], next: C): C[] {
  const current = findCondition(conditions, next.type)
  if (current && current.status === next.status && current.reason === next.reason) return [...conditions]
  return withoutCondition(conditions, next.type).concat(keepingTransition(current, next))
}

export const keepingTransition = <C extends Condition>(current: C | undefined, next: C): C =>
  current && current.status === next.status ? { ...next, lastTransitionTime: current.lastTransitionTime } : next
