// succession.ts - a pod that starts on its device when others have ended there: how the hub says so, and how the device says that it could
import type { Pod } from './kinds/object.ts'

/**
 * On a pod: uids of pods of the same device, with commas between them. The device starts nothing of it before nothing of
 * them runs any more. It needs no hub for that, and makes ready what it can while they still run.
 */
export const AFTER = 'holdfast.dev/after'

/** Condition of a pod that waits for others: its images and volumes are there. They can go without a gap. */
export const PREPARED = 'holdfast.dev/Prepared'

/** Why its containers wait; the message names the pod that they wait for. */
export const AWAITS_PREDECESSOR = 'AwaitingPredecessor'

/** Label that a device gives itself: its agent keeps to `AFTER`. On others the next pod must not be there before the last is gone. */
export const KEEPS_ORDER_LABEL = 'holdfast.dev/keeps-order'

/** Who changes a template again and again while a device is away must not grow its pods without end. */
export const PREDECESSORS_MAX = 16

export const predecessorsOf = ({ metadata }: Pick<Pod, 'metadata'>): readonly string[] =>
  (metadata.annotations?.[AFTER] ?? '').split(',').filter(Boolean).slice(0, PREDECESSORS_MAX)

export const follows = (pod: Pod, other: Pod): boolean => predecessorsOf(pod).includes(other.metadata.uid)

export const afterOf = (pods: readonly Pod[]): string => pods.map(({ metadata }) => metadata.uid).join(',')
