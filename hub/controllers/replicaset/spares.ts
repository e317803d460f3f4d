// spares.ts - in whose place a new pod is started; pure
import { REPLACES, isDisconnected } from '../../../shared/disconnect-policy.ts'
import type { NewObject, Pod } from '../../../shared/kinds/object.ts'
import { hasFinished } from '../pod-state.ts'

const isGoing = ({ metadata }: Pod) => metadata.deletionTimestamp !== undefined

/** Uids of the pods that were put aside and have nobody in their place. */
export function placesToFill(pods: readonly Pod[]): string[] {
  const standing = pods.filter((pod) => !isGoing(pod) && !hasFinished(pod))
  const replaced = new Set(standing.map(({ metadata }) => metadata.annotations?.[REPLACES]))
  return standing
    .filter((pod) => isDisconnected(pod) && !replaced.has(pod.metadata.uid))
    .map(({ metadata }) => metadata.uid)
}

/** When its device returns, the two of them are compared. */
export const inPlaceOf = (pod: NewObject<Pod>, uid: string | undefined): NewObject<Pod> => {
  // Of a template that was copied from such a pod the mark means nothing.
  const { [REPLACES]: _, ...annotations } = pod.metadata.annotations ?? {}
  return { ...pod, metadata: { ...pod.metadata, annotations: { ...annotations, ...(uid && { [REPLACES]: uid }) } } }
}
