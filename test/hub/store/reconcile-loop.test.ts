// reconcile-loop.test.ts - the loop under the controllers looks at each key once however often it is named, and never gives up
import t from 'tap'
import { createReconcileLoop, type Outcome } from '../../../hub/store/reconcile-loop.ts'
import { watchInto } from '../../../hub/store/watch-into.ts'
import { deferred } from '../../../shared/deferred.ts'
import { silentLog } from '../../../shared/log.ts'
import { systemRandom } from '../../../shared/random.ts'
import { createManualClock } from '../../support/manual-clock.ts'
import { CONFIG_MAPS, startedStore, storedObject } from '../../support/store.ts'

function setUp(reconcile: (key: string) => Outcome | Promise<Outcome>) {
  const clock = createManualClock()
  const seen: string[] = []
  const loop = createReconcileLoop({
    name: 'test',
    clock,
    log: silentLog,
    random: systemRandom,
    reconcile(key) {
      seen.push(key)
      return reconcile(key)
    },
  })
  return { clock, loop, seen }
}

t.test('A key that is named many times is looked at once, and keys wait for the start', async (t) => {
  const { clock, loop, seen } = setUp(() => undefined)
  for (const key of ['a', 'b', 'a', 'a']) loop.add(key)
  await clock.advance(0)
  t.same(seen, [])
  await loop.start()
  await clock.advance(0)
  t.same(seen, ['a', 'b'])
  t.match(loop.counters, { done: 2, ready: 0, active: 0, waiting: 0 })
  await loop.stop()
})

t.test('A key that is named while it runs runs once more afterwards, never twice at the same time', async (t) => {
  const runs: { promise: Promise<void>; resolve(): void }[] = []
  const { clock, loop, seen } = setUp(() => {
    const run = deferred()
    runs.push(run)
    return run.promise
  })
  await loop.start()
  loop.add('a')
  await clock.advance(0)
  loop.add('a')
  loop.add('a')
  loop.add('b')
  await clock.advance(0)
  t.same(seen, ['a', 'b'])
  runs[0]?.resolve()
  await clock.advance(0)
  t.same(seen, ['a', 'b', 'a'])
  const stopped = Promise.resolve(loop.stop())
  let isStopped = false
  void stopped.then(() => (isStopped = true))
  await clock.advance(0)
  t.notOk(isStopped, 'stop waits for what is under way')
  for (const run of runs) run.resolve()
  await stopped
})

t.test('What fails is tried again, later each time, and from the start once it has worked', async (t) => {
  let isBroken = true
  const { clock, loop, seen } = setUp(() => {
    if (isBroken) throw new Error('broken')
  })
  await loop.start()
  loop.add('a')
  await clock.advance(1_000)
  const early = seen.length
  t.ok(early >= 4 && early <= 8, `${early} tries in the first second`)
  await clock.advance(600_000)
  const late = seen.length - early
  t.ok(late >= 10 && late <= 30, `${late} tries in the next ten minutes`)
  isBroken = false
  loop.add('a')
  await clock.advance(120_000)
  t.match(loop.counters, { done: 1, waiting: 0, failed: seen.length - 1 })
  await loop.stop()
})

t.test('A rejected promise counts as a failure, and stop ends all retries', async (t) => {
  const { clock, loop, seen } = setUp(async () => {
    throw new Error('broken')
  })
  await loop.start()
  loop.add('a')
  await clock.advance(0)
  t.match(loop.counters, { failed: 1, waiting: 1 })
  await loop.stop()
  await clock.advance(100_000)
  t.equal(seen.length, 1)
})

t.test('Who asks for later is called later, the earliest time counts, and a change comes before it', async (t) => {
  const { clock, loop, seen } = setUp(() => (seen.length < 2 ? { againAfterMs: 5_000 } : undefined))
  await loop.start()
  loop.addAfter('a', 10_000)
  loop.addAfter('a', 1_000)
  loop.addAfter('a', 20_000)
  await clock.advance(999)
  t.equal(seen.length, 0)
  await clock.advance(1)
  t.equal(seen.length, 1)
  loop.add('a')
  await clock.advance(0)
  t.equal(seen.length, 2, 'a change does not wait')
  await clock.advance(60_000)
  t.equal(seen.length, 2)
  t.equal(loop.counters.again, 1)
  await loop.stop()
})

t.test('Many keys do not keep the rest of the hub waiting', async (t) => {
  const { clock, loop, seen } = setUp(() => undefined)
  await loop.start()
  for (let at = 0; at < 1_000; at++) loop.add(`key-${at}`)
  const between: number[] = []
  const timer = clock.every(0, () => between.push(seen.length))
  clock.after(0, () => between.push(seen.length))
  await clock.advance(1)
  timer.cancel()
  t.equal(seen.length, 1_000)
  t.ok((between[0] ?? 0) < 200, 'others had their turn in between')
  await loop.stop()
})

t.test('A loop sees what is there at its start and every change after it', async (t) => {
  const clock = createManualClock()
  const store = await startedStore({ clock })
  const put = (name: string) => store.transact((tx) => tx.put(CONFIG_MAPS, storedObject(CONFIG_MAPS, name)))
  put('before')
  const seen: string[] = []
  const watch = [watchInto(store, CONFIG_MAPS, ({ type, object }) => [`${type} ${object.metadata.name}`])]
  const reconcile = (key: string) => void seen.push(key)
  const loop = createReconcileLoop({ name: 'test', clock, log: silentLog, random: systemRandom, watch, reconcile })
  await loop.start()
  put('after')
  await clock.advance(0)
  t.same(seen, ['ADDED before', 'ADDED after'])
  await loop.stop()
  put('too-late')
  await clock.advance(0)
  t.equal(seen.length, 2)
  await store.stop()
})
