// outbox.ts - the journal: durable, in order, bounded; the oldest of the lowest rank go first and a gap counts them
import * as v from 'valibot'
import { journalBody, type JournalBody, type JournalEntry } from '../../shared/protocol/messages.ts'
import type { Database, JournalRow } from './database.ts'

/** A device that is offline for weeks must not fill its flash; 10,000 events are some weeks of a restless pod. */
export const JOURNAL_ENTRIES_MAX = 10_000
export const JOURNAL_BYTES_MAX = 4 * 1024 * 1024
/** Room is made for a hundredth of the whole: one at a time would rewrite the gap record with every new entry. */
const DROP_SHARE = 100
/** What is left of the bounds while the disk is full. */
const SHED_SHARE = 8
/** The lower goes first. Gap records go last, by being merged. */
const RANK = { info: 0, event: 1, change: 2, alarm: 3 } as const
const GAP_RANK = 9

export interface OutboxDeps {
  database: Database
  /** The highest number that was ever given out, or might have been. */
  lastSeq: number
  entriesMax?: number
  bytesMax?: number
}

export interface Outbox {
  append(entry: Omit<JournalEntry, 'seq'>): void
  peek(limit: number): JournalEntry[]
  ack(upTo: number): void
  /** The disk is full: what matters less goes, as far as it takes. */
  shed(): void
  readonly lastSeq: number
}

const storedEntry = v.object({ atMs: v.number(), clockSet: v.boolean(), body: journalBody })
type StoredEntry = v.InferOutput<typeof storedEntry>

export function createOutbox({
  database,
  lastSeq,
  entriesMax = JOURNAL_ENTRIES_MAX,
  bytesMax = JOURNAL_BYTES_MAX,
}: OutboxDeps): Outbox {
  const stored = database.journal(Number.MAX_SAFE_INTEGER)
  let entries = stored.length
  let bytes = stored.reduce((sum, row) => sum + row.body.length, 0)
  let seq = Math.max(lastSeq, stored.at(-1)?.seq ?? 0)
  let ackedUpTo = 0
  /** The disk may still have some of those. */
  let isAckedKept = false

  const forget = (rows: readonly JournalRow[]) => {
    entries -= rows.length
    for (const row of rows) bytes -= row.body.length
  }
  const add = (row: JournalRow) => {
    database.addJournal(row)
    entries++
    bytes += row.body.length
  }
  /** Takes the counts back when nothing of it was written. */
  const inOne = (work: () => void) => {
    const before = { entries, bytes }
    try {
      database.transact(work)
    } catch (error) {
      entries = before.entries
      bytes = before.bytes
      throw error
    }
  }
  const dropAcked = () => {
    const gone = database.deleteJournalUpTo(ackedUpTo)
    forget(gone)
    return gone.length > 0
  }
  const makeRoom = (below: number = GAP_RANK) => {
    // What the hub has and the disk would not let go is no loss.
    if (isAckedKept && dropAcked()) return true
    const rows = database.oldestOfLowestRank(Math.ceil(entriesMax / DROP_SHARE), below)
    const last = rows.at(-1)
    if (!last) return false
    const gaps = database.journalOfRank(GAP_RANK).filter((gap) => gap.seq < last.seq)
    const dropped = gaps.reduce((sum, gap) => sum + droppedIn(gap), rows.length)
    const gone = [...rows, ...gaps]
    database.deleteJournal(gone.map((row) => row.seq))
    forget(gone)
    // The gap stands where the last of them stood, so that the order stays.
    const record: StoredEntry = { ...parse(last), body: { kind: 'gap', dropped } }
    add({ seq: last.seq, rank: GAP_RANK, body: encode(record) })
    return true
  }
  return {
    append(entry) {
      inOne(() => {
        add({ seq: seq + 1, rank: rankOf(entry.body), body: encode(entry) })
        while ((entries > entriesMax || bytes > bytesMax) && makeRoom());
      })
      seq += 1
    },
    peek: (limit) => database.journal(limit, ackedUpTo).map((row) => ({ seq: row.seq, ...parse(row) })),
    ack(upTo) {
      // Remembered first: on a disk that is full they stay until the next one, and must not be sent again and again.
      ackedUpTo = Math.max(ackedUpTo, upTo)
      isAckedKept = true
      dropAcked()
      isAckedKept = false
    },
    shed() {
      const isTooMuch = () => entries > entriesMax / SHED_SHARE || bytes > bytesMax / SHED_SHARE
      inOne(() => {
        while (isTooMuch() && makeRoom(RANK.change));
      })
    },
    get lastSeq() {
      return seq
    },
  }
}

function rankOf(body: JournalBody): number {
  if (body.kind === 'gap') return GAP_RANK
  return RANK[body.class ?? (body.severity === 'Warning' ? 'event' : 'info')]
}
const encode = (entry: StoredEntry) => Buffer.from(JSON.stringify(entry))
const parse = (row: JournalRow): StoredEntry => v.parse(storedEntry, JSON.parse(row.body.toString('utf8')))
const droppedIn = (row: JournalRow) => {
  const { body } = parse(row)
  return body.kind === 'gap' ? body.dropped : 0
}
