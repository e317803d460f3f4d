// guard.ts - the port to whoever says when a pod that may run only once may run, and stops it should this agent die
import { isFenced } from '../../shared/disconnect-policy.ts'
import type { Pod } from '../../shared/kinds/object.ts'
import type { RuntimeName } from '../runtime/runtime.ts'

export interface Guard {
  mayRun(pod: Pod): boolean
  /** This container of the pod is about to start. Throws when nobody could stop it at its deadline. */
  hold(pod: Pod, runtime: RuntimeName, id: string): void
  /** All containers of the pod that have not ended. */
  sees(pod: Pod, runtime: RuntimeName, ids: readonly string[]): void
  forget(podUid: string): void
  onChange(listener: (podUid: string) => void): () => void
}

/** Where nobody counts the time, what may run only once does not run. */
export const noGuard: Guard = {
  mayRun: (pod) => !isFenced(pod),
  hold() {},
  sees() {},
  forget() {},
  onChange: () => () => {},
}
