// memory-store.test.ts - what everybody may rely on: all or nothing, order, durable before told, lists of the past
import t from 'tap'
import type { Journal, JournalBatch } from '../../../hub/store/journal.ts'
import { createMemoryJournal } from '../../../hub/store/memory-journal.ts'
import type { Change } from '../../../hub/store/store.ts'
import { deferred } from '../../../shared/deferred.ts'
import { StatusError } from '../../../shared/kinds/status-error.ts'
import { systemRandom } from '../../../shared/random.ts'
import { CONFIG_MAPS, DEPLOYMENTS, PODS, startedStore, storedObject, testKind } from '../../support/store.ts'

const named = (name: string, data?: unknown) => storedObject(CONFIG_MAPS, name, { data })
const names = (objects: readonly { metadata: { name: string } }[]) => objects.map((object) => object.metadata.name)

/** A journal whose disk answers only when the test says so. */
function slowJournal() {
  const waiting: { batch: JournalBatch; done(): void; fail(error: Error): void }[] = []
  const below = createMemoryJournal({ random: systemRandom })
  const journal: Journal = {
    ...below,
    async append(batch) {
      const { promise, resolve, reject } = deferred()
      waiting.push({ batch, done: resolve, fail: reject })
      await promise
      await below.append(batch)
    },
  }
  return { journal, waiting }
}

const turn = () => new Promise<void>((resolve) => setImmediate(resolve))

t.test('What is put can be read, in order of namespace and name, and cannot be changed afterwards', async (t) => {
  const store = await startedStore()
  t.teardown(() => store.stop())
  store.transact((tx) => {
    for (const [namespace, name] of [
      ['a-b', 'x'],
      ['a', 'y'],
      ['a', 'x'],
      ['b', 'a'],
    ] as const) {
      tx.put(CONFIG_MAPS, storedObject(CONFIG_MAPS, name, { namespace, data: { deep: { er: 1 } } }))
    }
  })
  t.same(
    store.list(CONFIG_MAPS).map((o) => `${o.metadata.namespace}/${o.metadata.name}`),
    ['a/x', 'a/y', 'a-b/x', 'b/a'],
  )
  t.same(names(store.list(CONFIG_MAPS, 'a')), ['x', 'y'])
  t.same(store.list(DEPLOYMENTS), [])
  const held = store.get(CONFIG_MAPS, 'a', 'x')
  t.throws(() => Object.assign((held as { data?: { deep?: object } }).data?.deep ?? {}, { er: 2 }), TypeError)
})

t.test('A list that somebody holds does not change under them', async (t) => {
  const store = await startedStore()
  t.teardown(() => store.stop())
  store.transact((tx) => tx.put(CONFIG_MAPS, named('a')))
  const held = store.list(CONFIG_MAPS)
  store.transact((tx) => tx.put(CONFIG_MAPS, named('b')))
  t.same(names(held), ['a'])
  t.same(names(store.list(CONFIG_MAPS)), ['a', 'b'])
})

t.test(
  'Every write takes the next revision; a throw leaves nothing behind, nested ones take back only their own',
  async (t) => {
    const store = await startedStore()
    t.teardown(() => store.stop())
    const start = store.revision
    store.transact((tx) => tx.put(CONFIG_MAPS, named('a', 1)))
    t.throws(
      () =>
        store.transact((tx) => {
          tx.put(CONFIG_MAPS, named('a', 2))
          tx.remove(CONFIG_MAPS, named('a'))
          tx.put(CONFIG_MAPS, named('b'))
          throw new Error('no')
        }),
      /no/,
    )
    t.equal(store.revision, start + 1)
    t.match(store.get(CONFIG_MAPS, 'default', 'a'), { data: 1 })
    t.equal(store.get(CONFIG_MAPS, 'default', 'b'), undefined)
    store.transact((tx) => {
      tx.put(CONFIG_MAPS, named('c'))
      t.throws(() =>
        store.transact((inner) => {
          inner.put(CONFIG_MAPS, named('d'))
          throw new Error('inner')
        }),
      )
      const put = tx.put(CONFIG_MAPS, named('e'))
      t.equal(put.metadata.resourceVersion, String(start + 3))
    })
    t.same(names(store.list(CONFIG_MAPS)), ['a', 'c', 'e'])
    t.throws(() => store.transact(async () => {}), /synchronous/)
  },
)

t.test('Objects are found by their node, their owners and their controller, also after they moved', async (t) => {
  const store = await startedStore()
  t.teardown(() => store.stop())
  const owner = { apiVersion: 'v1', kind: 'X', name: 'x', uid: 'u1', controller: true }
  const pod = { ...storedObject(PODS, 'p'), spec: { nodeName: 'n1' } }
  const owned = {
    ...pod,
    metadata: { ...pod.metadata, ownerReferences: [owner, { ...owner, uid: 'u2', controller: false }] },
  }
  store.transact((tx) => tx.put(PODS, owned))
  t.same(names(store.by(PODS, 'nodeName', 'n1')), ['p'])
  t.same(names(store.by(PODS, 'ownerUid', 'u2')), ['p'])
  t.same(names(store.by(PODS, 'controllerUid', 'u1')), ['p'])
  t.same(store.by(PODS, 'controllerUid', 'u2'), [])
  store.transact((tx) => tx.put(PODS, { ...pod, spec: { nodeName: 'n2' } }))
  t.same(store.by(PODS, 'nodeName', 'n1'), [])
  t.same(names(store.by(PODS, 'nodeName', 'n2')), ['p'])
  t.same(store.by(PODS, 'ownerUid', 'u1'), [])
})

t.test(
  'Watchers hear of a change only when the disk has it, in order, and writes of one turn are one batch',
  async (t) => {
    const { journal, waiting } = slowJournal()
    const store = await startedStore({ journal })
    const heard: string[] = []
    const start = store.revision
    store.watch(CONFIG_MAPS, start, (change) => heard.push(`${change.type} ${change.object.metadata.name}`))
    store.transact((tx) => tx.put(CONFIG_MAPS, named('a')))
    store.transact((tx) => tx.put(CONFIG_MAPS, named('a', 2)))
    store.transact((tx) => tx.remove(CONFIG_MAPS, named('a')))
    let isDurable = false
    void store.durable().then(() => (isDurable = true))
    await turn()
    await turn()
    t.same(heard, [])
    t.notOk(isDurable)
    t.equal(waiting.length, 1)
    t.same(waiting[0]?.batch, {
      revision: start + 3,
      rows: [{ resource: 'configmaps', key: 'default/a', revision: start + 3 }],
    })
    waiting[0]?.done()
    await turn()
    t.same(heard, ['ADDED a', 'MODIFIED a', 'DELETED a'])
    t.ok(isDurable)
    t.equal(store.durableRevision, store.revision)
    await store.stop()
  },
)

t.test('A watch replays what it missed, and says so when it cannot', async (t) => {
  const store = await startedStore({ historyLimits: { changes: 3, bytes: 1e6 } })
  t.teardown(() => store.stop())
  const start = store.revision
  for (const name of ['a', 'b', 'c', 'd']) store.transact((tx) => tx.put(CONFIG_MAPS, named(name)))
  await store.durable()
  const heard: Change[] = []
  store.watch(CONFIG_MAPS, start + 2, (change) => heard.push(change))
  t.same(names(heard.map((change) => change.object)), ['c', 'd'])
  t.same(
    heard.map((change) => change.revision),
    [start + 3, start + 4],
  )
  const isStatus = (code: number, reason: string) => (error: unknown) =>
    t.match(error, { code, reason }, `${code} ${reason}`)
  for (const [since, code, reason] of [
    [start, 410, 'Expired'],
    [start + 9, 504, 'Timeout'],
  ] as const) {
    try {
      store.watch(CONFIG_MAPS, since, () => {})
      t.fail('must not be watched')
    } catch (error) {
      isStatus(code, reason)(error)
    }
  }
  t.throws(() => store.listAt(CONFIG_MAPS, undefined, start + 9), { code: 504, message: /Too large resource version/ })
  t.throws(() => store.listAt(CONFIG_MAPS, undefined, start), { code: 410 })
})

t.test('A watcher that throws, leaves or joins in the middle does not disturb the others', async (t) => {
  const store = await startedStore()
  t.teardown(() => store.stop())
  const start = store.revision
  const heard: string[] = []
  const late: string[] = []
  store.watchAll(start, () => {
    throw new Error('broken watcher')
  })
  const unwatch = store.watch(CONFIG_MAPS, start, (change) => {
    heard.push(change.object.metadata.name)
    if (heard.length === 1) store.watchAll(start, (c) => late.push(c.object.metadata.name))
    if (heard.length === 2) unwatch()
  })
  for (const name of ['a', 'b', 'c']) store.transact((tx) => tx.put(CONFIG_MAPS, named(name)))
  await store.durable()
  t.same(heard, ['a', 'b'])
  t.same(late, ['a', 'b', 'c'])
  t.equal(store.counters.watchersFailed, 3)
})

t.test('A kind that is registered again keeps its objects and its watchers', async (t) => {
  const store = await startedStore()
  t.teardown(() => store.stop())
  const widgets = testKind({ group: 'shop.dev', kind: 'Widget', plural: 'widgets' })
  const heard: string[] = []
  store.watch(widgets, store.revision, (change) => heard.push(change.object.metadata.name))
  store.transact((tx) => tx.put({ ...widgets, version: 'v2' }, storedObject(widgets, 'w')))
  await store.durable()
  t.equal(store.get(widgets, 'default', 'w')?.metadata.name, 'w')
  t.same(heard, ['w'])
})

t.test(
  'When the disk fails, nobody is told yes: waiters are refused, writers get 503, the hub hears of it once',
  async (t) => {
    const { journal, waiting } = slowJournal()
    const fatal: unknown[] = []
    const store = await startedStore({ journal, onFatal: (error) => fatal.push(error) })
    const heard: Change[] = []
    store.watchAll(store.revision, (change) => heard.push(change))
    store.transact((tx) => tx.put(CONFIG_MAPS, named('a')))
    const durable = store.durable()
    await turn()
    store.transact((tx) => tx.put(CONFIG_MAPS, named('b')))
    const later = store.durable()
    waiting[0]?.fail(new Error('disk full'))
    await t.rejects(durable, { code: 503 })
    await t.rejects(later, { code: 503 })
    await t.rejects(store.durable(), { code: 503 })
    t.throws(() => store.transact(() => {}), StatusError)
    t.match(fatal, [{ message: 'disk full' }])
    t.equal(fatal.length, 1)
    t.same(heard, [])
    await store.stop()
  },
)

t.test('Stopping writes what waits; the next start reads it and goes on with higher revisions', async (t) => {
  const journal = createMemoryJournal({ random: systemRandom })
  const first = await startedStore({ journal })
  first.transact((tx) => tx.put(CONFIG_MAPS, named('a')))
  const { revision, identity } = first
  await first.stop()
  t.throws(() => first.transact(() => {}), { code: 503 })
  const second = await startedStore({ journal })
  t.equal(second.revision, revision)
  t.same(second.identity, identity)
  t.same(names(second.list(CONFIG_MAPS)), ['a'])
  t.throws(() => second.watch(CONFIG_MAPS, revision - 1, () => {}), { code: 410 })
  second.watch(CONFIG_MAPS, revision, () => {})
  await second.stop()
})
