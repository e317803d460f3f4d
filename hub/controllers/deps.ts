// deps.ts - what every controller is given
import type { Clock } from '../../shared/clock.ts'
import type { KubeObject, Pod } from '../../shared/kinds/object.ts'
import type { Log } from '../../shared/log.ts'
import type { Random } from '../../shared/random.ts'
import type { Objects } from '../store/objects.ts'
import type { Store } from '../store/store.ts'
import type { AvailabilityJudge } from './availability.ts'
import type { Stopwatch } from './stopwatch.ts'

/** Writes a Kubernetes Event about an object, in the name of the controller that holds this function. */
export type RecordEvent = (about: KubeObject, severity: 'Normal' | 'Warning', reason: string, message: string) => void

/** What devices stop by themselves when they are cut off. */
export interface Fences {
  /** Until this pod's device has provably stopped it; Infinity when nothing stops it. */
  passesInMs(pod: Pod): number
}

export interface ControllerDeps {
  fences: Fences
  store: Store
  objects: Objects
  clock: Clock
  random: Random
  log: Log
  recordEvent: RecordEvent
  availability: AvailabilityJudge
  stopwatch: Stopwatch
  /** How long pods that say nothing stay on nodes that are not ready or cannot be reached. */
  tolerationSeconds: number
}
