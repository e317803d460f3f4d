// history.ts - the last changes, in a bounded ring: what watches replay and consistent lists undo
import { expired, StatusError } from '../../shared/kinds/status-error.ts'
import type { Change } from './store.ts'

export interface HistoryLimits {
  changes: number
  bytes: number
}

/** Five minutes of a busy fleet; who slept longer lists again. The bytes keep many large ConfigMaps from filling the memory. */
export const HISTORY_LIMITS: HistoryLimits = { changes: 8_192, bytes: 32 * 1024 * 1024 }

export interface History {
  /** Everything after this revision is here. */
  readonly floor: number
  reset(revision: number): void
  add(change: Change, bytes: number): void
  /** In order, those after `since`; throws 410 when some are gone already. */
  after(since: number): readonly Change[]
}

interface Entry {
  change: Change
  bytes: number
}

export function createHistory(limits: HistoryLimits = HISTORY_LIMITS): History {
  let entries: Entry[] = []
  let first = 0
  let bytesHeld = 0
  let floor = 0

  function dropOldest() {
    const oldest = entries[first++]!
    floor = oldest.change.revision
    bytesHeld -= oldest.bytes
    // Cut the dead half off now and then, instead of moving everything for each change.
    if (first > limits.changes) {
      entries = entries.slice(first)
      first = 0
    }
  }

  /** Changes are in order of revision, so the start is found by halving. */
  function positionAfter(since: number): number {
    let low = first
    let high = entries.length
    while (low < high) {
      const middle = (low + high) >>> 1
      if (entries[middle]!.change.revision <= since) low = middle + 1
      else high = middle
    }
    return low
  }

  return {
    get floor() {
      return floor
    },
    reset(revision) {
      entries = []
      first = 0
      bytesHeld = 0
      floor = revision
    },
    add(change, bytes) {
      entries.push({ change, bytes })
      bytesHeld += bytes
      while (entries.length - first > limits.changes || (bytesHeld > limits.bytes && entries.length > first))
        dropOldest()
    },
    after(since) {
      if (since < floor) throw expired(`too old resource version: ${since} (${floor})`)
      return entries.slice(positionAfter(since)).map((entry) => entry.change)
    },
  }
}

/** In upstream's words: informers recognise the cause and list again. */
export const tooLargeResourceVersion = (asked: number, current: number) =>
  new StatusError(504, 'Timeout', `Too large resource version: ${asked}, current: ${current}`, {
    retryAfterSeconds: 1,
    causes: [{ reason: 'ResourceVersionTooLarge', message: 'Too large resource version' }],
  })
