// continuity.ts - decides whether the hub still knows all that a device was told, or has to ask what it holds; pure
import { compareNumbers } from '../../shared/protocol/ratchet.ts'
import type { Numbered } from './numbers.ts'
import type { Held } from './sessions.ts'

/**
 * known: whatever the device holds and the store does not was removed, and the hub saw it go.
 * ask: it may hold what the hub has lost; nothing is sent before it has shown it.
 */
export type Continuity = 'known' | 'ask'

export interface ContinuityInput {
  /** What the device says that it holds. */
  held: Held
  /** What the hub remembers to have given it. */
  last: Numbered | undefined
  /** Of the store, now. */
  epoch: number
  /** How the present epoch began. */
  loss: 'tail' | 'rows'
}

export function continuityOf({ held, last, epoch, loss }: ContinuityInput): Continuity {
  if (held.epoch === 0 && held.revision === 0) return 'known'
  if (!last || compareNumbers(held, last) > 0) return 'ask'
  // Not newer than what the hub remembers. After the loss of a tail that is enough: what came before it is whole.
  return last.settledIn === epoch || loss !== 'rows' ? 'known' : 'ask'
}

/** Whether the device was told something by a hub that knew more than this one does. */
export const isAhead = (held: Held, last: Held | undefined, storeEpoch: number): boolean =>
  held.epoch > storeEpoch || (held.epoch === storeEpoch && (!last || compareNumbers(held, last) > 0))
