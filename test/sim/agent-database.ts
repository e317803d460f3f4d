// agent-database.ts - the agent's database in memory: transactions that come through as a whole or not at all, rows with checksums
import type { Database, JournalRow } from '../../agent/cache/database.ts'
import { copyOf, entryId, readEntries, readRows, rowId, type Content } from './agent-content.ts'

export interface AgentDatabaseDeps {
  content(): Content
  /** Throws when it does not come through, or nobody is there any more to hear whether it did. */
  commit(next: Content, added: readonly JournalRow[]): void
  /** About to be forgotten up to here. */
  onAcked(upTo: number): void
}

export function createAgentDatabase({ content, commit, onAcked }: AgentDatabaseDeps): Database {
  let work: Content | undefined
  let depth = 0
  let added: JournalRow[] = []
  const now = () => work ?? content()

  /** All or nothing; inside another one it joins it. */
  function transact(change: () => void): void {
    const before = work && copyOf(work)
    work ??= copyOf(content())
    depth++
    try {
      change()
      if (depth === 1) commit(work, added)
    } catch (error) {
      if (before) work = before
      throw error
    } finally {
      depth--
      if (depth === 0) {
        work = undefined
        added = []
      }
    }
  }
  const change = (how: (into: Content) => void) => transact(() => how(now()))
  const ofRank = (rank: number) => now().journal.filter((row) => row.rank === rank)
  const drop = (isGone: (row: JournalRow) => boolean) =>
    change((into) => {
      for (const row of into.journal) if (isGone(row)) into.sums.delete(entryId(row))
      into.journal = into.journal.filter((row) => !isGone(row))
    })

  return {
    rows: (kind) => readRows(now(), kind),
    put: (kind, key, body) =>
      change(({ kept, sums }) => {
        kept.set(rowId(kind, key), Buffer.from(body))
        sums.delete(rowId(kind, key))
      }),
    delete: (kind, key) =>
      change(({ kept, sums }) => {
        kept.delete(rowId(kind, key))
        sums.delete(rowId(kind, key))
      }),
    journal(limit, after = 0) {
      const later = now().journal.filter(({ seq }) => seq > after)
      return readEntries(now(), later.slice(0, limit))
    },
    addJournal(row) {
      if (now().journal.some(({ seq }) => seq === row.seq))
        throw new Error(`UNIQUE constraint failed: journal ${row.seq}`)
      added.push(row)
      change((into) => (into.journal = [...into.journal, row].toSorted((a, b) => a.seq - b.seq)))
    },
    oldestOfLowestRank(limit, below) {
      const lowest = Math.min(...now().journal.map(({ rank }) => rank))
      return lowest < below ? readEntries(now(), ofRank(lowest).slice(0, limit)) : []
    },
    journalOfRank: (rank) => readEntries(now(), ofRank(rank)),
    deleteJournal: (seqs) => drop(({ seq }) => seqs.includes(seq)),
    deleteJournalUpTo(upTo) {
      const gone = readEntries(
        now(),
        now().journal.filter(({ seq }) => seq <= upTo),
      )
      // When the database is made anew it is emptied first.
      const last = gone.at(-1)
      if (last) onAcked(last.seq)
      drop(({ seq }) => seq <= upTo)
      return gone
    },
    transact,
    close() {},
  }
}
