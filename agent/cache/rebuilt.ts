// rebuilt.ts - what is told of a store that was damaged and made anew, and when the hub has confirmed it; pure
import type { DesiredState, JournalBody, JournalEntry } from '../../shared/protocol/messages.ts'

/** What the protocol carries. */
const EVENT_MESSAGE_MAX = 1024

export const rebuiltEvent = (why: string, desired: DesiredState | undefined): JournalBody => ({
  kind: 'event',
  class: 'alarm',
  severity: 'Warning',
  reason: 'StoreRebuilt',
  message: `The agent's store was damaged and made anew: ${why}. ${
    desired
      ? `The desired state ${desired.epoch}/${desired.revision} came back, verified.`
      : 'No desired state could be trusted: nothing is stopped, and the hub is asked for it.'
  }`.slice(0, EVENT_MESSAGE_MAX),
})

/** `first`: the oldest entry that the hub has not acknowledged. */
export const isConfirmed = ({ seq }: { seq: number }, first: Pick<JournalEntry, 'seq'> | undefined): boolean =>
  first === undefined || first.seq > seq
