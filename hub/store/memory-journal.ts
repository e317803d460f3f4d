// memory-journal.ts - a journal that forgets at exit: for tests, simulations and hubs that only try something out
import type { Random } from '../../shared/random.ts'
import { FIRST_REVISION, type Journal, type JournalMeta, type JournalRow } from './journal.ts'

export function createMemoryJournal({ random }: { random: Random }): Journal {
  const rows = new Map<string, JournalRow>()
  let meta: JournalMeta | undefined
  return {
    async load() {
      meta ??= { hubUid: random.uuid(), epoch: 1, revision: FIRST_REVISION }
      return { meta, rows: [...rows.values()] }
    },
    async append(batch) {
      if (!meta) throw new Error('the journal must be loaded before something is appended')
      for (const row of batch.rows) {
        const key = `${row.resource}/${row.key}`
        if (row.body === undefined) rows.delete(key)
        else rows.set(key, row)
      }
      meta = { ...meta, revision: batch.revision, ...(batch.epoch !== undefined && { epoch: batch.epoch }) }
    },
    async close() {},
  }
}
