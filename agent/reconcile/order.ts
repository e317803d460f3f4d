// order.ts - whether a pod has to wait on this device until others have ended; pure
import type { Pod } from '../../shared/kinds/object.ts'
import { predecessorsOf } from '../../shared/succession.ts'

export interface Order {
  /** Something of it was made once: by then those before it had ended, and what has ended for good never runs again. */
  hasBegun: boolean
  /** Nothing of that pod runs here, and nothing of it will. */
  isOver(podUid: string): boolean
}

/** The uid of a pod that has to end first; undefined when it is this one's turn. */
export const awaitedBy = (pod: Pod, { hasBegun, isOver }: Order): string | undefined =>
  hasBegun ? undefined : predecessorsOf(pod).find((podUid) => !isOver(podUid))
