// store-model.test.ts - whatever happens in whatever order, the store agrees with a model that is too simple to be wrong
import fc from 'fast-check'
import t from 'tap'
import { createMemoryJournal } from '../../../hub/store/memory-journal.ts'
import { createMemoryStore, type MemoryStore } from '../../../hub/store/memory-store.ts'
import type { Change } from '../../../hub/store/store.ts'
import { silentLog } from '../../../shared/log.ts'
import { systemRandom } from '../../../shared/random.ts'
import type { KubeObject } from '../../../shared/kinds/object.ts'
import { StatusError } from '../../../shared/kinds/status-error.ts'
import { createManualClock } from '../../support/manual-clock.ts'
import { CONFIG_MAPS, PODS, storedObject } from '../../support/store.ts'

const KINDS = [CONFIG_MAPS, PODS]
const HISTORY_CHANGES = 12
const WRITES_MAX = 4

type Write = { do: 'put' | 'remove'; kind: number; namespace: string; name: string; node: string }
type Action =
  | { do: 'transact'; writes: Write[]; throws: boolean }
  | { do: 'disk' }
  | { do: 'watch'; back: number }
  | { do: 'restart' }

const write: fc.Arbitrary<Write> = fc.record({
  do: fc.constantFrom('put' as const, 'put' as const, 'remove' as const),
  kind: fc.nat(KINDS.length - 1),
  namespace: fc.constantFrom('a', 'a-b', 'b'),
  name: fc.constantFrom('x', 'y', 'y.z'),
  node: fc.constantFrom('', 'n1', 'n2'),
})
const action: fc.Arbitrary<Action> = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({
      do: fc.constant('transact' as const),
      writes: fc.array(write, { maxLength: WRITES_MAX }),
      throws: fc.boolean(),
    }),
  },
  { weight: 3, arbitrary: fc.constant({ do: 'disk' as const }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('watch' as const), back: fc.nat(20) }) },
  { weight: 1, arbitrary: fc.constant({ do: 'restart' as const }) },
)

/** Every state that there ever was, whole: slow, large, and obviously right. */
interface Model {
  revision: number
  objects: ReadonlyMap<string, KubeObject>
  past: Map<number, ReadonlyMap<string, KubeObject>>
  changes: { revision: number; text: string }[]
  floor: number
}
interface Watcher {
  since: number
  heard: string[]
}

const modelKey = (kind: number, object: KubeObject) => `${kind} ${object.metadata.namespace}\n${object.metadata.name}`
const textOf = ({ type, revision, object }: Change) =>
  `${revision} ${type} ${object.kind} ${object.metadata.namespace}/${object.metadata.name} ${object.metadata.resourceVersion}`

function listOf(objects: ReadonlyMap<string, KubeObject>, kind: number): KubeObject[] {
  const keys = [...objects.keys()].filter((key) => key.startsWith(`${kind} `))
  return keys.sort().map((key) => objects.get(key)!)
}

function applyTo(model: Model, writes: readonly Write[]) {
  for (const { do: what, kind, namespace, name, node } of writes) {
    const object = { ...storedObject(KINDS[kind]!, name, { namespace }), spec: { nodeName: node } }
    const key = modelKey(kind, object)
    const was = model.objects.get(key)
    if (what === 'remove' && !was) continue
    const revision = ++model.revision
    const next = { ...object, metadata: { ...object.metadata, resourceVersion: String(revision) } }
    const objects = new Map(model.objects)
    if (what === 'put') objects.set(key, next)
    else objects.delete(key)
    model.objects = objects
    model.past.set(revision, objects)
    const type = what === 'remove' ? 'DELETED' : was ? 'MODIFIED' : 'ADDED'
    model.changes.push({ revision, text: textOf({ type, revision, kind: KINDS[kind]!, object: next }) })
  }
}

function isExpired(run: () => unknown): boolean {
  try {
    run()
    return false
  } catch (error) {
    if (error instanceof StatusError && error.code === 410 && error.reason === 'Expired') return true
    throw error
  }
}

function assertSame(found: unknown, wanted: unknown, what: string) {
  if (JSON.stringify(found) !== JSON.stringify(wanted)) {
    throw new Error(`${what}: found ${JSON.stringify(found)}, wanted ${JSON.stringify(wanted)}`)
  }
}

function checkReads(store: MemoryStore, model: Model) {
  assertSame(store.revision, model.revision, 'revision')
  KINDS.forEach((kind, at) => {
    const all = listOf(model.objects, at)
    assertSame(store.list(kind), all, `list of ${kind.plural}`)
    assertSame(
      store.list(kind, 'a'),
      all.filter((o) => o.metadata.namespace === 'a'),
      'list of a namespace',
    )
    const onNode = all.filter((o) => JSON.stringify(o.spec) === '{"nodeName":"n1"}')
    assertSame(store.by(kind, 'nodeName', 'n1'), onNode, 'by node')
  })
}

function checkPast(store: MemoryStore, model: Model) {
  for (const [revision, objects] of model.past) {
    const isKept = revision >= Math.max(model.floor, model.changes.at(-HISTORY_CHANGES - 1)?.revision ?? 0)
    const expired = isExpired(() => store.listAt(PODS, undefined, revision))
    assertSame(expired, !isKept, `410 at ${revision}`)
    if (!expired) assertSame(store.listAt(PODS, undefined, revision), listOf(objects, 1), `list at ${revision}`)
  }
}

function checkWatchers(store: MemoryStore, model: Model, watchers: readonly Watcher[]) {
  for (const { since, heard } of watchers) {
    const wanted = model.changes.filter(({ revision }) => revision > since && revision <= store.durableRevision)
    assertSame(
      heard,
      wanted.map(({ text }) => text),
      `heard since ${since}`,
    )
  }
}

async function run(actions: readonly Action[]) {
  const clock = createManualClock()
  const journal = createMemoryJournal({ random: systemRandom })
  const open = async () => {
    const store = createMemoryStore({
      journal,
      clock,
      log: silentLog,
      onFatal(error) {
        throw error
      },
      historyLimits: { changes: HISTORY_CHANGES, bytes: 1e9 },
    })
    await store.start()
    return store
  }
  let store = await open()
  let watchers: Watcher[] = []
  const model: Model = {
    revision: store.revision,
    objects: new Map(),
    past: new Map([[store.revision, new Map()]]),
    changes: [],
    floor: store.revision,
  }

  const steps: { [D in Action['do']]: (action: Extract<Action, { do: D }>) => Promise<void> | void } = {
    transact({ writes, throws }) {
      try {
        store.transact((tx) => {
          for (const { do: what, kind, namespace, name, node } of writes) {
            const object = { ...storedObject(KINDS[kind]!, name, { namespace }), spec: { nodeName: node } }
            if (what === 'put') tx.put(KINDS[kind]!, object)
            else if (tx.get(KINDS[kind]!, namespace, name)) tx.remove(KINDS[kind]!, object)
          }
          if (throws) throw new RangeError('taken back')
        })
      } catch (error) {
        if (!(error instanceof RangeError)) throw error
      }
      if (!throws) applyTo(model, writes)
    },
    disk: () => clock.advance(0),
    watch({ back }) {
      const since = Math.max(1, model.revision - back)
      const heard: string[] = []
      const expired = isExpired(() => store.watchAll(since, (change) => heard.push(textOf(change))))
      if (!expired) watchers.push({ since, heard })
    },
    async restart() {
      const stopped = store.stop()
      await clock.advance(0)
      await stopped
      checkWatchers(store, model, watchers)
      store = await open()
      watchers = []
      Object.assign(model, { floor: model.revision, changes: [] })
    },
  }
  for (const one of actions) {
    // Each step only ever gets actions of its own name.
    await (steps[one.do] as (action: Action) => Promise<void> | void)(one)
    checkReads(store, model)
    checkPast(store, model)
    checkWatchers(store, model, watchers)
  }
  await clock.advance(0)
  assertSame(store.durableRevision, model.revision, 'durable revision')
  checkWatchers(store, model, watchers)
}

t.test('Reads, lists of the past and watches agree with the model, also across throws and restarts', async (t) => {
  await fc.assert(fc.asyncProperty(fc.array(action, { maxLength: 30 }), run), { numRuns: 100 })
  t.pass('no counterexample')
})
