// store-writer.ts - a process that writes to a store as fast as it can and prints what was acknowledged, until it is killed
import { createMemoryStore } from '../../hub/store/memory-store.ts'
import { createSqliteJournal } from '../../hub/store/sqlite-journal.ts'
import { systemClock } from '../../shared/clock.ts'
import { silentLog } from '../../shared/log.ts'
import { systemRandom } from '../../shared/random.ts'
import { CONFIG_MAPS, storedObject } from './store.ts'

const [path = ''] = process.argv.slice(2)
const store = createMemoryStore({
  journal: createSqliteJournal({ path, random: systemRandom, log: silentLog }),
  clock: systemClock,
  log: silentLog,
  onFatal: (error) => {
    throw error
  },
})
await store.start()

/** Both halves of a pair are written in one transaction: one must never be there without the other. */
for (let round = 1; ; round++) {
  const name = `pair-${round % 50}`
  const { revision } = store.transact((tx) => {
    for (const half of ['left', 'right']) {
      tx.put(CONFIG_MAPS, storedObject(CONFIG_MAPS, `${name}-${half}`, { data: round }))
    }
    return store
  })
  await store.durable(revision)
  process.stdout.write(`${revision} ${round}\n`)
}
