// status.ts - the status of a ReplicaSet, counted from its pods
import type { Pod, ReplicaSet, ReplicaSetStatus } from '../../../shared/kinds/object.ts'
import type { Availability } from '../availability.ts'
import { findCondition, withCondition, withoutCondition } from '../conditions.ts'
import { nonZero } from '../non-zero.ts'
import { isActive, isReady } from '../pod-state.ts'

export interface Failure {
  reason: 'FailedCreate' | 'FailedDelete'
  message: string
}

type Condition = NonNullable<ReplicaSetStatus['conditions']>[number]

export function replicaSetStatus(
  replicaSet: ReplicaSet,
  pods: readonly Pod[],
  judge: (pod: Pod) => Availability,
  failure: Failure | undefined,
  now: string,
): ReplicaSetStatus {
  const active = pods.filter(isActive)
  const templateLabels = Object.entries(replicaSet.spec.template?.metadata?.labels ?? {})
  const isFullyLabeled = (pod: Pod) => templateLabels.every(([key, value]) => pod.metadata.labels?.[key] === value)
  const conditions = conditionsAfter(replicaSet.status?.conditions ?? [], failure, now)
  return {
    replicas: active.length,
    ...nonZero({
      fullyLabeledReplicas: active.filter(isFullyLabeled).length,
      readyReplicas: active.filter(isReady).length,
      availableReplicas: active.filter((pod) => judge(pod) === 'available').length,
    }),
    ...(replicaSet.metadata.generation !== undefined && { observedGeneration: replicaSet.metadata.generation }),
    ...(conditions.length > 0 && { conditions }),
  }
}

function conditionsAfter(current: readonly Condition[], failure: Failure | undefined, now: string): Condition[] {
  if (!failure) return withoutCondition(current, 'ReplicaFailure')
  if (findCondition(current, 'ReplicaFailure')) return [...current]
  return withCondition(current, { type: 'ReplicaFailure', status: 'True', ...failure, lastTransitionTime: now })
}
