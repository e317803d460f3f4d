// last-known.ts - by what everybody sees that a pod's status is the last that was heard of it, and how it was then
import type { Pod } from './kinds/object.ts'

/** Reason of Ready=False on pods whose device is not heard of. Only pods that were ready get it. */
export const NODE_NOT_READY = 'NodeNotReady'

/** Condition of a pod that waits for its device to come back: it has never been heard to start there. */
export const QUEUED = 'holdfast.dev/Queued'
/** It was bound while the device was away: the device cannot know of it yet. */
export const BOUND_WHILE_AWAY = 'NodeOffline'
/** It was bound while the device was there, which then went away without a word about it: it may run. */
export const NOT_HEARD_OF = 'NotConfirmed'

/** Condition and annotation of a Deployment or DaemonSet: how far its newest template has come, device by device. */
export const ROLLOUT = 'holdfast.dev/Rollout'
export const ROLLOUT_ANNOTATION = 'holdfast.dev/rollout'

const readyOf = ({ status }: Pod) => status?.conditions?.find(({ type }) => type === 'Ready')

/** Since when nobody has heard of the pod; undefined while its device is there. */
export const lastKnownSince = (pod: Pod): string | undefined => {
  const ready = readyOf(pod)
  return ready?.reason === NODE_NOT_READY ? ready.lastTransitionTime : undefined
}

/** It is ready, or was when its device was last heard of. */
export const wasReady = (pod: Pod): boolean => {
  const ready = readyOf(pod)
  return ready?.status === 'True' || ready?.reason === NODE_NOT_READY
}

/** The device has never said a word about it. */
export const isUnheardOf = ({ status }: Pod): boolean => !status?.startTime && !status?.containerStatuses?.length
