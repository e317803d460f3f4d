// outbox.test.ts - what the hub has of the journal and the disk does not let go: not sent again, and in nobody's way
import { join } from 'node:path'
import t, { type Test } from 'tap'
import type { Cache } from '../../../agent/cache/cache.ts'
import { createCache } from '../../../agent/cache/create-cache.ts'
import { createFileDisk } from '../../../agent/cache/disk.ts'
import { silentLog } from '../../../shared/log.ts'
import { fastDir } from '../../support/fast-dir.ts'
import { createManualClock } from '../../support/manual-clock.ts'

/** Deleting fails, as on a disk without a page to spare. */
async function undeletable(t: Test, journalEntriesMax?: number) {
  const dir = join(fastDir(t), 'cache')
  const real = createFileDisk(dir, { ballastBytes: 4_096 })
  const state = { isFull: false }
  const disk = {
    ...real,
    openDatabase() {
      const database = real.openDatabase()
      const deleteJournalUpTo: typeof database.deleteJournalUpTo = (seq) => {
        if (state.isFull) throw Object.assign(new Error('database or disk is full'), { code: 'SQLITE_FULL' })
        return database.deleteJournalUpTo(seq)
      }
      return { ...database, deleteJournalUpTo }
    },
  }
  const limits = journalEntriesMax === undefined ? {} : { journalEntriesMax }
  const clock = createManualClock()
  const cache = createCache({
    dir,
    clock,
    log: silentLog,
    clockIsSet: () => true,
    verify: () => undefined,
    disk,
    ...limits,
  })
  await cache.start()
  t.teardown(() => void cache.stop())
  return { cache, state }
}
const say = (cache: Cache, message: string) =>
  cache.appendJournal({ body: { kind: 'event', severity: 'Normal', reason: 'Test', message } })
const messages = (cache: Cache, limit: number) =>
  cache.peekJournal(limit).map(({ body }) => (body.kind === 'event' ? body.message : `gap of ${body.dropped}`))

t.test('What the hub has and the disk does not let go keeps nothing back that happened since', async (t) => {
  const { cache, state } = await undeletable(t)
  for (let count = 1; count <= 300; count++) say(cache, `${count}`)
  state.isFull = true
  cache.ackJournal(cache.peekJournal(256).at(-1)?.seq ?? 0)
  t.same(messages(cache, 2), ['257', '258'])
  state.isFull = false
  cache.ackJournal(cache.peekJournal(256).at(-1)?.seq ?? 0)
  say(cache, 'later')
  t.same(messages(cache, 256), ['later'])
})

t.test('What the hub has makes room for what it has not, and is not counted as lost', async (t) => {
  const { cache, state } = await undeletable(t, 20)
  for (let count = 1; count <= 15; count++) say(cache, `${count}`)
  state.isFull = true
  cache.ackJournal(cache.peekJournal(10).at(-1)?.seq ?? 0)
  state.isFull = false
  for (let count = 16; count <= 25; count++) say(cache, `${count}`)
  t.same(
    messages(cache, 100),
    Array.from({ length: 15 }, (_, index) => `${index + 11}`),
  )
})
