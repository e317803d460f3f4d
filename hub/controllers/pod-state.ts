// pod-state.ts - what controllers ask of a pod: does it still count, is it ready, since when
import { isDisconnected } from '../../shared/disconnect-policy.ts'
import type { Pod, PodCondition } from '../../shared/kinds/object.ts'

export const podCondition = (pod: Pod, type: string): PodCondition | undefined =>
  pod.status?.conditions?.find((condition) => condition.type === type)

export const hasFinished = (pod: Pod): boolean => pod.status?.phase === 'Succeeded' || pod.status?.phase === 'Failed'

/** Counts towards somebody's replicas: neither ended, nor on its way out, nor put aside. */
export const isActive = (pod: Pod): boolean =>
  !hasFinished(pod) && !pod.metadata.deletionTimestamp && !isDisconnected(pod)

export const isReady = (pod: Pod): boolean => podCondition(pod, 'Ready')?.status === 'True'

/** When the pod became ready, in the words of whoever wrote it; undefined while it is not ready. */
export const readySince = (pod: Pod): string | undefined => {
  const ready = podCondition(pod, 'Ready')
  return ready?.status === 'True' ? (ready.lastTransitionTime ?? pod.metadata.creationTimestamp) : undefined
}
