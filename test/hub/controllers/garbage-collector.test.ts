// garbage-collector.test.ts - what belongs to something goes with it, in the order and the way that was asked for
import t, { type Test } from 'tap'
import { createGarbageCollector } from '../../../hub/controllers/garbage/controller.ts'
import { createEventRecorder } from '../../../hub/store/events.ts'
import { createObjects, type DeleteOptions } from '../../../hub/store/objects.ts'
import type { KindTable } from '../../../hub/controllers/kind-table.ts'
import type { Kind } from '../../../shared/kinds/kind.ts'
import type { KubeObject, OwnerReference } from '../../../shared/kinds/object.ts'
import { silentLog } from '../../../shared/log.ts'
import { systemClock } from '../../../shared/clock.ts'
import { systemRandom } from '../../../shared/random.ts'
import { eventually } from '../../support/eventually.ts'
import { openRecovery } from '../../../hub/store/recovery-record.ts'
import { isUnknownToHub, RECOVERY_NAME, RECOVERY_NAMESPACE } from '../../../shared/recovery.ts'
import { kindTable } from '../../support/kind-table.ts'
import {
  CONFIG_MAPS,
  DEPLOYMENTS,
  NAMESPACES,
  PODS,
  REPLICA_SETS,
  startedStore,
  testKind,
} from '../../support/store.ts'

async function setUp(t: Pick<Test, 'teardown'>) {
  const store = await startedStore()
  const clock = systemClock
  const objects = createObjects({ store, namespaces: NAMESPACES, clock, random: systemRandom })
  const rows = [NAMESPACES, DEPLOYMENTS, REPLICA_SETS, PODS, CONFIG_MAPS, SHELVES]
  const kinds: KindTable = {
    all: () => rows,
    byKind: (apiVersion, name) => kindTable(...rows).byKind(apiVersion, name),
  }
  const withdraw = (kind: Kind) => rows.splice(rows.indexOf(kind), 1)
  const shared = { store, objects, clock, random: systemRandom, log: silentLog }
  const collector = createGarbageCollector({ ...shared, kinds, events: createEventRecorder(shared) })
  objects.create(NAMESPACES, { apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'shop' } })
  t.teardown(async () => {
    await collector.stop()
    await store.stop()
  })
  const make = (kind: Kind, name: string, owners: OwnerReference[] = [], finalizers: string[] = []) =>
    objects.create(kind, {
      apiVersion: '',
      kind: '',
      metadata: { name, namespace: 'shop', ownerReferences: owners, finalizers },
      spec: {},
    })
  const remove = (kind: Kind, name: string, options?: DeleteOptions) => objects.delete(kind, 'shop', name, options)
  const isThere = (kind: Kind, name: string) => objects.get(kind, 'shop', name) !== undefined
  const quiet = () =>
    eventually(async () => {
      await store.durable()
      const { ready, active, waiting } = collector.counters
      return ready + active + waiting === 0 && store.durableRevision === store.revision
    })
  /** A deployment with a replica set with two pods. */
  function makeTree(blockOwnerDeletion = true) {
    const web = make(DEPLOYMENTS, 'web')
    const set = make(REPLICA_SETS, 'web-1', [ownedBy(web, blockOwnerDeletion)])
    for (const name of ['web-1-a', 'web-1-b']) make(PODS, name, [ownedBy(set, blockOwnerDeletion)])
    return { web, set }
  }
  return { store, objects, collector, make, remove, isThere, quiet, makeTree, withdraw }
}

/** Of a custom kind. */
const SHELVES = testKind({ group: 'shop.dev', kind: 'Shelf', plural: 'shelves' })

const ownedBy = ({ apiVersion, kind, metadata }: KubeObject, blockOwnerDeletion = false): OwnerReference => ({
  apiVersion,
  kind,
  name: metadata.name,
  uid: metadata.uid,
  controller: false,
  blockOwnerDeletion,
})

t.test('Deleting in the background takes the owner first, then everything below it', async (t) => {
  const { collector, makeTree, remove, isThere, quiet } = await setUp(t)
  makeTree()
  await collector.start()
  await quiet()
  t.ok(isThere(PODS, 'web-1-a'), 'nothing is collected while the owners are there')
  t.ok(remove(DEPLOYMENTS, 'web').gone)
  await eventually(() => !isThere(REPLICA_SETS, 'web-1') && !isThere(PODS, 'web-1-a') && !isThere(PODS, 'web-1-b'))
})

t.test('Deleting in the foreground keeps the owner until what blocks it is gone', async (t) => {
  const { collector, objects, makeTree, make, remove, isThere, quiet } = await setUp(t)
  const { set } = makeTree()
  make(PODS, 'held', [ownedBy(set, true)], ['shop.dev/hold'])
  await collector.start()
  t.notOk(remove(DEPLOYMENTS, 'web', { propagationPolicy: 'Foreground' }).gone)
  await eventually(() => !isThere(PODS, 'web-1-a') && !isThere(PODS, 'web-1-b'))
  await quiet()
  t.ok(isThere(REPLICA_SETS, 'web-1'), 'the replica set waits for the pod that is held')
  t.ok(isThere(DEPLOYMENTS, 'web'), 'the deployment waits for the replica set')
  objects.modify(PODS, 'shop', 'held', (pod) => ({ ...pod, metadata: { ...pod.metadata, finalizers: [] } }))
  await eventually(() => !isThere(DEPLOYMENTS, 'web') && !isThere(REPLICA_SETS, 'web-1'))
})

t.test('In the foreground, too, only what blocks is waited for', async (t) => {
  const { collector, make, remove, isThere } = await setUp(t)
  const owner = make(CONFIG_MAPS, 'owner')
  make(PODS, 'held', [ownedBy(owner, false)], ['shop.dev/hold'])
  await collector.start()
  remove(CONFIG_MAPS, 'owner', { propagationPolicy: 'Foreground' })
  await eventually(() => !isThere(CONFIG_MAPS, 'owner'))
  t.ok(isThere(PODS, 'held'))
})

t.test('Orphans stay, and no longer name the owner', async (t) => {
  const { collector, objects, makeTree, remove, isThere, quiet } = await setUp(t)
  makeTree()
  await collector.start()
  remove(DEPLOYMENTS, 'web', { propagationPolicy: 'Orphan' })
  await eventually(() => !isThere(DEPLOYMENTS, 'web'))
  await quiet()
  t.ok(isThere(PODS, 'web-1-a'))
  t.equal(objects.get(REPLICA_SETS, 'shop', 'web-1')?.metadata.ownerReferences, undefined)
})

t.test('An object with a second owner stays and forgets the first', async (t) => {
  const { collector, objects, make, remove, isThere, quiet } = await setUp(t)
  const first = make(CONFIG_MAPS, 'first')
  const second = make(CONFIG_MAPS, 'second')
  make(PODS, 'both', [ownedBy(first, true), ownedBy(second)])
  await collector.start()
  remove(CONFIG_MAPS, 'first', { propagationPolicy: 'Foreground' })
  await eventually(() => !isThere(CONFIG_MAPS, 'first'))
  t.match(objects.get(PODS, 'shop', 'both')?.metadata.ownerReferences, [{ name: 'second' }])
  remove(CONFIG_MAPS, 'second')
  await eventually(() => !isThere(PODS, 'both'))
  await quiet()
})

t.test('What was orphaned by a crash of the hub is found at its next start', async (t) => {
  const { collector, make, remove, makeTree, isThere } = await setUp(t)
  makeTree()
  make(PODS, 'later', [])
  remove(DEPLOYMENTS, 'web')
  await collector.start()
  await eventually(() => !isThere(PODS, 'web-1-a'))
  t.ok(isThere(PODS, 'later'))
})

t.test('A namesake of the owner is not the owner; an unknown kind of owner deletes nothing', async (t) => {
  const { collector, make, isThere, quiet } = await setUp(t)
  const owner = make(CONFIG_MAPS, 'owner')
  make(PODS, 'stranger', [{ ...ownedBy(owner), uid: 'of-an-earlier-one' }])
  make(PODS, 'custom', [{ ...ownedBy(owner), apiVersion: 'shop.dev/v1', kind: 'Unserved' }])
  await collector.start()
  await eventually(() => !isThere(PODS, 'stranger'))
  await quiet()
  t.ok(isThere(PODS, 'custom'))
  make(PODS, 'latecomer', [{ ...ownedBy(owner), uid: 'never-there' }])
  await eventually(() => !isThere(PODS, 'latecomer'))
})

t.test('After a loss nothing goes because its owner is not there, until the loss has been dealt with', async (t) => {
  const { store, objects, collector, makeTree, make, remove, isThere, quiet } = await setUp(t)
  const { set } = makeTree()
  const other = make(DEPLOYMENTS, 'other')
  make(REPLICA_SETS, 'other-1', [ownedBy(other)])
  // As a damaged row leaves it: nobody has deleted it.
  store.transact((tx) => tx.remove(REPLICA_SETS, set))
  openRecovery(store, { epoch: 2, loss: 'rows', revocationsAre: 'kept', uid: 'note', wallMs: 0 })
  await collector.start()
  await quiet()
  t.ok(isThere(PODS, 'web-1-a') && isThere(PODS, 'web-1-b'), 'the pods of the vanished set stay')
  remove(DEPLOYMENTS, 'other')
  await eventually(() => !isThere(REPLICA_SETS, 'other-1'))
  t.pass('what somebody deletes now goes with all below it')
  objects.modify(CONFIG_MAPS, RECOVERY_NAMESPACE, RECOVERY_NAME, (note) => ({ ...note, data: { state: 'closed' } }))
  await eventually(
    () => objects.get(PODS, 'shop', 'web-1-a')?.metadata.deletionTimestamp !== undefined || !isThere(PODS, 'web-1-a'),
  )
  await quiet()
})

t.test('What belongs to objects of a custom kind goes with them when the whole kind goes', async (t) => {
  const { objects, collector, make, remove, quiet, withdraw } = await setUp(t)
  const names = Array.from({ length: 200 }, (_, index) => `shelf-${index}`)
  for (const name of names) make(CONFIG_MAPS, name, [ownedBy(make(SHELVES, name))])
  await collector.start()
  await quiet()
  t.equal(objects.list(CONFIG_MAPS).length, 200)
  for (const name of names) remove(SHELVES, name)
  withdraw(SHELVES)
  await eventually(() => objects.list(CONFIG_MAPS).length === 0)
})

t.test('An owner that vanishes before the disk has it is not taken for one that never was', async (t) => {
  const { store, objects, collector, make, makeTree, quiet, isThere } = await setUp(t)
  const { set } = makeTree()
  await collector.start()
  await quiet()
  make(PODS, 'late', [ownedBy(set)])
  // The collector has heard of the pod and looks in its next turn; that its owner vanishes it hears after that.
  await store.durable()
  store.transact((tx) => tx.remove(REPLICA_SETS, set))
  await eventually(() => objects.list(PODS).every(isUnknownToHub))
  await quiet()
  t.ok(isThere(PODS, 'late') && isThere(PODS, 'web-1-a') && isThere(PODS, 'web-1-b'))
})
