// restore.test.ts - checks that a backup is whole, that it is put back with numbers beyond all that was seen, and never half
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { createSqliteJournal } from '../../../hub/store/sqlite-journal.ts'
import { restoreSqlite } from '../../../hub/store/sqlite-restore.ts'
import { silentLog } from '../../../shared/log.ts'
import { systemRandom } from '../../../shared/random.ts'
import { CONFIG_MAPS, startedStore, storedObject } from '../../support/store.ts'

function folder(t: Pick<Test, 'teardown'>): string {
  const path = mkdtempSync(join(tmpdir(), 'holdfast-restore-'))
  t.teardown(() => rmSync(path, { recursive: true }))
  return path
}
const sqlite = (path: string) => createSqliteJournal({ path, random: systemRandom, log: silentLog })
const row = (name: string, revision: number) => ({
  resource: 'configmaps',
  key: `default/${name}`,
  revision,
  body: `{"n":${revision}}`,
})

/** A store with two objects in the backup, and a third one that came later. */
async function backedUp(t: Pick<Test, 'teardown'>) {
  const dir = folder(t)
  const [path, backup] = [join(dir, 'hub.db'), join(dir, 'backup.db')]
  const journal = sqlite(path)
  const { meta } = await journal.load()
  await journal.append({ revision: 3, rows: [row('a', 2), row('b', 3)] })
  await journal.backup(backup)
  await journal.append({ revision: 900, rows: [row('c', 900)] })
  return { dir, path, backup, journal, hubUid: meta.hubUid }
}

t.test(
  'A backup that was taken in full work is whole, and goes back under a new epoch and far higher revisions',
  async (t) => {
    const { path, backup, journal, hubUid } = await backedUp(t)
    await journal.close()
    const { meta, objects, asidePath } = restoreSqlite(path, backup)
    t.same(meta, { hubUid, epoch: 2, revision: 1_000_900 })
    t.equal(objects, 2)
    t.ok(asidePath && existsSync(asidePath), 'what was there before is kept')
    const again = sqlite(path)
    const loaded = await again.load()
    t.same(loaded.meta, meta)
    t.same(loaded.rows.map(({ key }) => key).toSorted(), ['default/a', 'default/b'])
    await again.append({ revision: meta.revision + 1, rows: [row('d', meta.revision + 1)] })
    await again.close()
    t.equal(restoreSqlite(path, backup).meta.epoch, 3, 'a second time it is another epoch')
  },
)

t.test('It also goes onto a machine that has nothing', async (t) => {
  const { backup, journal } = await backedUp(t)
  await journal.close()
  const path = join(folder(t), 'deep', 'hub.db')
  t.match(restoreSqlite(path, backup), { objects: 2, asidePath: undefined, meta: { epoch: 2 } })
  const fresh = sqlite(path)
  t.equal((await fresh.load()).rows.length, 2)
  await fresh.close()
})

t.test('A hub that runs, a backup of another hub, a damaged one and none change nothing', async (t) => {
  const { dir, path, backup, journal } = await backedUp(t)
  t.throws(() => restoreSqlite(path, backup), { message: /another process/ })
  await journal.append({ revision: 901, rows: [row('e', 901)] })
  await journal.close()
  const other = await backedUp(t)
  await other.journal.close()
  const bytes = readFileSync(backup)
  const at = bytes.indexOf('{"n":3}')
  bytes[at + 5] = (bytes[at + 5] ?? 0) ^ 1
  const damaged = join(dir, 'damaged.db')
  writeFileSync(damaged, bytes)
  writeFileSync(join(dir, 'text'), 'this is no database at all, and longer than a header would have to be. '.repeat(9))
  t.throws(() => restoreSqlite(path, other.backup), { trouble: 'not ours', message: /another hub/ })
  t.throws(() => restoreSqlite(path, damaged), { trouble: 'damaged', message: /default\/b/ })
  t.throws(() => restoreSqlite(path, join(dir, 'text')), { message: /is damaged/ })
  t.throws(() => restoreSqlite(path, join(dir, 'nowhere')), { message: /there is no backup/ })
  t.same(
    readdirSync(dir).filter((name) => /restoring|before-restore/.test(name)),
    [],
  )
  const still = sqlite(path)
  t.equal((await still.load()).rows.length, 4)
  await still.close()
})

t.test('A store that is behind goes on in a new epoch: durable, told to watchers, and never back', async (t) => {
  const path = join(folder(t), 'hub.db')
  const store = await startedStore({ journal: sqlite(path) })
  const put = (name: string) => store.transact((tx) => tx.put(CONFIG_MAPS, storedObject(CONFIG_MAPS, name)))
  put('a')
  const told: string[] = []
  store.watch(CONFIG_MAPS, store.revision, ({ object }) => told.push(object.metadata.name))
  const before = store.revision
  put('b')
  const revision = store.beginEpoch({ epoch: 4, revision: 70 })
  t.equal(store.identity.epoch, 5)
  t.equal(revision, 1_000_070)
  put('c')
  await store.durable(revision)
  await store.durable()
  t.same(told, ['b', 'c'], 'who watches misses nothing')
  t.throws(() => store.watch(CONFIG_MAPS, before, () => undefined), { code: 410 }, 'who resumes lists again')
  t.ok(Number(store.get(CONFIG_MAPS, 'default', 'c')?.metadata.resourceVersion) > revision)
  store.beginEpoch({ epoch: 5, revision: 1 })
  const last = store.revision
  await store.stop()
  const again = await startedStore({ journal: sqlite(path) })
  t.teardown(() => again.stop())
  t.match(again, { identity: { epoch: 6 }, revision: last, loss: undefined })
  t.equal(again.list(CONFIG_MAPS).length, 3)
})
