// full-disk.test.ts - a disk that is full or takes nothing: what must be kept is kept, the rest goes on from memory, and comes back
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import Sqlite from 'better-sqlite3'
import t from 'tap'
import type { Cache } from '../../../agent/cache/cache.ts'
import { createCache } from '../../../agent/cache/create-cache.ts'
import { DamagedDatabase } from '../../../agent/cache/database.ts'
import { createFileDisk } from '../../../agent/cache/disk.ts'
import { silentLog } from '../../../shared/log.ts'
import type { DesiredState } from '../../../shared/protocol/messages.ts'
import { pod } from '../../support/builders.ts'
import { createDevice } from '../../support/device.ts'
import { fastDir } from '../../support/fast-dir.ts'
import { createManualClock } from '../../support/manual-clock.ts'
import { createSmallDisk, skipSmallDisk, type SmallDisk } from '../../support/small-disk.ts'

const MIB = 1024 * 1024
const BALLAST_BYTES = MIB / 2
/** The agent looks again every half minute. */
const LOOKED_AGAIN_MS = 31_000
const skip = skipSmallDisk() ?? false

const stateOf = (revision: number, padding = 0): DesiredState => ({
  ...{ type: 'state', node: 'node-1', epoch: 1, revision, pods: [pod('web')], configMaps: {} },
  secrets: { 'default/key': { data: { a: 'x'.repeat(padding) } } },
  settings: { beatEveryMs: 10_000 },
})
const signed = (state: DesiredState) => Buffer.from(JSON.stringify(state))
const verify = (bytes: Uint8Array) => JSON.parse(Buffer.from(bytes).toString('utf8')) as DesiredState

interface Test {
  teardown(end: () => void): void
}

function smallDisk(t: Test, bytes = 4 * MIB): SmallDisk {
  const disk = createSmallDisk(bytes)
  t.teardown(() => disk.remove())
  return disk
}

async function openOn(disk: SmallDisk) {
  const clock = createManualClock()
  const dir = join(disk.dir, 'cache')
  const cache = createCache({
    ...{ dir, clock, log: silentLog, owner: 'node-1', clockIsSet: () => true, verify },
    disk: createFileDisk(dir, { ballastBytes: BALLAST_BYTES }),
  })
  await cache.start()
  await clock.advance(LOOKED_AGAIN_MS)
  return { cache, clock, ballast: join(dir, 'ballast') }
}
const commit = (cache: Cache, state: DesiredState) => cache.commitDesired(state, signed(state))
const say = (cache: Cache, message: string, kind: 'alarm' | 'info' = 'info') =>
  cache.appendJournal({ body: { kind: 'event', class: kind, severity: 'Normal', reason: 'Test', message } })
const counted = (cache: Cache) =>
  cache.peekJournal(100_000).reduce((sum, { body }) => sum + (body.kind === 'gap' ? body.dropped : 1), 0)

t.test(
  'On a full disk the ballast makes room for the newest state, and is made again when there is space',
  { skip },
  async (t) => {
    const disk = smallDisk(t)
    const { cache, clock, ballast } = await openOn(disk)
    commit(cache, stateOf(1))
    t.ok(existsSync(ballast), 'room is kept')
    disk.fill()
    commit(cache, stateOf(2, 100_000))
    t.notOk(existsSync(ballast), 'and given up')
    t.match(cache.health(), { place: 'disk', trouble: { kind: 'full' }, onDisk: { revision: 2 } })

    await clock.advance(LOOKED_AGAIN_MS)
    t.match(cache.health(), { trouble: { kind: 'full' } }, 'as long as it is full')
    disk.clear()
    await clock.advance(LOOKED_AGAIN_MS)
    t.equal(cache.health().trouble, undefined)
    t.ok(existsSync(ballast), 'it is there again')
    void cache.stop()

    const again = await openOn(disk)
    t.equal(again.cache.held().revision, 2, 'it was on the disk')
    void again.cache.stop()
  },
)

t.test(
  'When even the ballast is too small the state is applied from memory, said to be there only, and written later',
  { skip },
  async (t) => {
    const disk = smallDisk(t, 16 * MIB)
    const { cache, clock } = await openOn(disk)
    commit(cache, stateOf(1))
    say(cache, 'before')
    disk.fill()
    let told = 0
    cache.onDesired(() => told++)
    commit(cache, stateOf(2, 900_000))
    t.equal(told, 1)
    t.match(cache.held(), { revision: 2 })
    t.match(cache.health(), { place: 'memory', onDisk: { revision: 1 }, trouble: { kind: 'full' } })
    say(cache, 'meanwhile')
    cache.setValue('session', '9')
    t.equal(counted(cache), 2, 'the journal goes on')

    disk.clear()
    await clock.advance(LOOKED_AGAIN_MS)
    t.match(cache.health(), { place: 'disk', onDisk: { revision: 2 } })
    void cache.stop()
    const again = await openOn(disk)
    t.equal(again.cache.held().revision, 2)
    t.equal(again.cache.getValue('session'), '9')
    t.equal(counted(again.cache), 2)
    t.equal(again.cache.health().rebuilt, undefined, 'nothing was damaged by it')
    void again.cache.stop()
  },
)

t.test(
  'On a full disk the journal loses what matters least, counts it, and leaves the ballast alone',
  { skip },
  async (t) => {
    const disk = smallDisk(t)
    const { cache, clock, ballast } = await openOn(disk)
    commit(cache, stateOf(1))
    say(cache, 'a fire', 'alarm')
    disk.fill(64 * 1024)
    for (let count = 1; count <= 1_000; count++) say(cache, `${count} ${'.'.repeat(600)}`)
    t.ok(existsSync(ballast))
    t.match(cache.health(), { place: 'disk', trouble: { kind: 'full' } })
    disk.clear()
    await clock.advance(LOOKED_AGAIN_MS)
    say(cache, 'space again')
    t.equal(counted(cache), 1_002, 'nothing is lost uncounted')
    t.ok(cache.peekJournal(100_000).some(({ body }) => body.kind === 'event' && body.message === 'a fire'))
    void cache.stop()
  },
)

t.test('A device whose disk is full from the start runs what it held', { skip }, async (t) => {
  const disk = smallDisk(t)
  const first = await openOn(disk)
  commit(first.cache, stateOf(1))
  void first.cache.stop()
  disk.fill()
  const { cache } = await openOn(disk)
  t.equal(cache.held().revision, 1)
  commit(cache, stateOf(2))
  t.equal(cache.held().revision, 2)
  t.equal(cache.health().trouble?.kind, 'full')
  void cache.stop()
})

t.test('On a disk that became read-only everything goes on from memory, and the node says so', { skip }, async (t) => {
  const disk = smallDisk(t)
  const edge = createDevice(disk.dir)
  await edge.start()
  await edge.want([pod('web'), pod('two')])
  const ids = () => edge.runtime.containers().map(({ id, state }) => `${id} ${state}`)
  const before = ids()
  await edge.stop()
  disk.setReadOnly(true)
  await edge.restart()
  await edge.run(60_000)
  t.same(ids(), before, 'the same containers run')
  t.equal(edge.status('web').phase, 'Running')
  t.match(edge.condition('ReadOnlyFS'), { status: 'True', reason: 'DiskRefuses' })
  t.ok(edge.journal().length > 0, 'the journal is there')

  await edge.want([pod('web'), pod('two'), pod('three')])
  await edge.run(1_000)
  t.equal(edge.status('three').phase, 'Running', 'a newer state is obeyed')
  t.match(edge.condition('ReadOnlyFS')?.message, /revision 1\/2 is in memory only, the disk has 1\/1/)

  disk.setReadOnly(false)
  await edge.run(LOOKED_AGAIN_MS)
  t.match(edge.condition('ReadOnlyFS'), { status: 'False' })
  await edge.restart()
  t.equal(edge.cache.held().revision, 2, 'and the disk has it')
  t.equal(edge.condition('StoreRebuilt')?.status, 'False')
  await edge.stop()
})

t.test('A disk that turns read-only or fails at work is left for memory at once, with everything on it', async (t) => {
  for (const code of ['EROFS', 'EIO']) {
    const dir = join(fastDir(t), 'cache')
    const real = createFileDisk(dir, { ballastBytes: 4_096 })
    let isBroken = false
    const refuse =
      <A extends unknown[]>(work: (...args: A) => void) =>
      (...args: A) => {
        if (isBroken) throw Object.assign(new Error(`${code}: the disk refuses`), { code })
        work(...args)
      }
    const disk = {
      ...real,
      write: refuse(real.write),
      openDatabase() {
        const database = real.openDatabase()
        return { ...database, put: refuse(database.put), transact: refuse(database.transact) }
      },
    }
    const clock = createManualClock()
    const cache = createCache({ dir, clock, log: silentLog, clockIsSet: () => true, verify, disk })
    await cache.start()
    commit(cache, stateOf(1))
    say(cache, 'before')
    isBroken = true
    say(cache, 'after')
    commit(cache, stateOf(2))
    t.match(cache.health(), { place: 'memory', onDisk: { revision: 1 }, trouble: { message: /refuses/ } })
    t.equal(counted(cache), 2)
    t.equal(cache.held().revision, 2)
    isBroken = false
    await clock.advance(LOOKED_AGAIN_MS)
    t.match(cache.health(), { place: 'disk', onDisk: { revision: 2 } })
    t.equal(counted(cache), 2)
    void cache.stop()
  }
})

t.test('A database that is damaged at work is made anew from memory', async (t) => {
  const dir = join(fastDir(t), 'cache')
  const clock = createManualClock()
  const real = createFileDisk(dir, { ballastBytes: 4_096 })
  let isDamaged = false
  const disk = {
    ...real,
    openDatabase() {
      const database = real.openDatabase()
      const put: typeof database.put = (...args) => {
        if (!isDamaged) return database.put(...args)
        isDamaged = false
        throw new DamagedDatabase('database disk image is malformed')
      }
      return { ...database, put }
    },
  }
  const cache = createCache({ dir, clock, log: silentLog, clockIsSet: () => true, verify, disk })
  await cache.start()
  commit(cache, stateOf(1))
  say(cache, 'before')
  isDamaged = true
  commit(cache, stateOf(2))
  t.equal(cache.held().revision, 2)
  t.match(cache.health(), { place: 'disk', onDisk: { revision: 2 }, rebuilt: { why: /malformed/ } })
  t.same(
    cache.peekJournal(10).map(({ body }) => body.kind === 'event' && body.reason),
    ['Test', 'StoreRebuilt'],
  )
  void cache.stop()
})

t.test('A journal entry that is damaged at work costs that entry: the others still reach the hub', async (t) => {
  const dir = join(fastDir(t), 'cache')
  const clock = createManualClock()
  const cache = createCache({ dir, clock, log: silentLog, clockIsSet: () => true, verify })
  await cache.start()
  commit(cache, stateOf(1))
  for (const message of ['first', 'second', 'third']) say(cache, message)
  const sqlite = new Sqlite(join(dir, 'agent.sqlite'))
  sqlite.exec("UPDATE journal SET body = CAST(replace(CAST(body AS TEXT), 'second', 'sexond') AS BLOB)")
  sqlite.close()
  t.same(
    cache.peekJournal(10).map(({ body }) => body.kind === 'event' && body.message.slice(0, 5)),
    ['first', 'third', 'The a'],
  )
  t.match(cache.health(), {
    place: 'disk',
    onDisk: { revision: 1 },
    rebuilt: { why: /entry 2 is not what was written/ },
  })
  void cache.stop()
})

t.test(
  'A database that is damaged at work on a disk that takes nothing by then goes on from memory, and back',
  async (t) => {
    for (const code of ['SQLITE_FULL', 'SQLITE_IOERR_WRITE']) {
      const dir = join(fastDir(t), 'cache')
      const clock = createManualClock()
      const real = createFileDisk(dir, { ballastBytes: 4_096 })
      let isDamaged = false
      let isDying = false
      const disk = {
        ...real,
        openDatabase() {
          if (isDying) throw Object.assign(new Error(`${code}: the disk refuses`), { code })
          const database = real.openDatabase()
          const put: typeof database.put = (...args) => {
            if (!isDamaged) return database.put(...args)
            isDamaged = false
            isDying = true
            throw new DamagedDatabase('database disk image is malformed')
          }
          return { ...database, put }
        },
      }
      const cache = createCache({ dir, clock, log: silentLog, clockIsSet: () => true, verify, disk })
      await cache.start()
      commit(cache, stateOf(1))
      say(cache, 'before')
      isDamaged = true
      commit(cache, stateOf(2))
      t.equal(cache.held().revision, 2, code)
      t.match(cache.health(), { place: 'memory', onDisk: { revision: 1 }, rebuilt: { why: /malformed/ } })
      isDying = false
      await clock.advance(LOOKED_AGAIN_MS)
      t.match(cache.health(), { place: 'disk', onDisk: { revision: 2 } })
      t.same(
        cache.peekJournal(10).map(({ body }) => body.kind === 'event' && body.reason),
        ['Test', 'StoreRebuilt'],
      )
      void cache.stop()
    }
  },
)
