// holds-its-place.ts - when a pod that was told to go still keeps the next one from being started; pure
import { isSingleton } from '../../shared/disconnect-policy.ts'
import type { Pod } from '../../shared/kinds/object.ts'
import { hasFinished } from './pod-state.ts'

/** Upstream starts the next one while the last one stops. One that may run only once holds its place until it is gone. */
export const holdsItsPlace = (pod: Pod): boolean =>
  isSingleton(pod) && pod.metadata.deletionTimestamp !== undefined && !hasFinished(pod)
