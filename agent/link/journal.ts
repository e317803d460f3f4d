// journal.ts - sends what happened, in order, one batch at a time, until the hub says that it is on its disk
import type { Clock, Timer } from '../../shared/clock.ts'
import type { Log } from '../../shared/log.ts'
import type { JournalEntry } from '../../shared/protocol/messages.ts'
import type { Random } from '../../shared/random.ts'
import type { Cache } from '../cache/cache.ts'
import type { Uplink } from './uplink.ts'

const BATCH_ENTRIES_MAX = 256
/** Half of what the hub takes in one message. */
const BATCH_BYTES_MAX = 512 * 1024
/** The hub commits before it acknowledges; over a satellite and a busy disk that takes seconds. */
const RESEND_AFTER_MS = 30_000

export interface JournalSenderDeps {
  cache: Pick<Cache, 'peekJournal' | 'ackJournal' | 'onJournal' | 'getValue' | 'setValue'>
  clock: Clock
  random: Pick<Random, 'uuid'>
  log: Log
}

export interface JournalSender {
  start(): void
  stop(): void
  begin(uplink: Uplink): void
  acked(upTo: number): void
  end(): void
}

/** Which journal the entries belong to: one that was lost with its disk begins anew, under another name. */
const ID = 'journal.id'

export function createJournalSender({ cache, clock, random, log }: JournalSenderDeps): JournalSender {
  let uplink: Uplink | undefined
  let waiting: { upTo: number; timer: Timer } | undefined
  let unlisten: (() => void) | undefined

  function idOf(): string {
    const kept = cache.getValue(ID)
    if (kept !== undefined) return kept
    const made = random.uuid()
    cache.setValue(ID, made)
    return made
  }

  function next(): void {
    if (!uplink || waiting) return
    const entries = batchOf(cache.peekJournal(BATCH_ENTRIES_MAX))
    const last = entries.at(-1)
    if (!last) return
    waiting = { upTo: last.seq, timer: clock.after(RESEND_AFTER_MS, again) }
    uplink
      .send('journal', { type: 'journal', session: uplink.session, journal: idOf(), entries })
      .catch((error: unknown) => log.debug({ error }, 'the journal was not sent'))
  }
  function again(): void {
    waiting = undefined
    next()
  }
  const end = () => {
    waiting?.timer.cancel()
    waiting = undefined
    uplink = undefined
  }

  return {
    start() {
      // Before anything is sent under it: made later, on a disk that is full by then, it would be lost before the entries are.
      idOf()
      unlisten = cache.onJournal(next)
    },
    stop() {
      unlisten?.()
      end()
    },
    begin(to) {
      end()
      uplink = to
      next()
    },
    acked(upTo) {
      // Never beyond what was sent: nothing is forgotten that nobody has read.
      if (!waiting || upTo < 1) return
      cache.ackJournal(Math.min(upTo, waiting.upTo))
      if (upTo < waiting.upTo) return
      waiting.timer.cancel()
      again()
    },
    end,
  }
}

/** At least one entry, whatever its size. */
function batchOf(entries: readonly JournalEntry[]): JournalEntry[] {
  const batch: JournalEntry[] = []
  let bytes = 0
  for (const entry of entries) {
    bytes += Buffer.byteLength(JSON.stringify(entry))
    if (batch.length > 0 && bytes > BATCH_BYTES_MAX) break
    batch.push(entry)
  }
  return batch
}
