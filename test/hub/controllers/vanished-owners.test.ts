// vanished-owners.test.ts - pods whose owner only vanished from the store run on and are asked about; whose owner was deleted goes
import t, { type Test } from 'tap'
import { createGarbageCollector } from '../../../hub/controllers/garbage/controller.ts'
import { createEventRecorder } from '../../../hub/store/events.ts'
import { CONFIG_MAP } from '../../../shared/kinds/config-map.ts'
import { DEPLOYMENT } from '../../../shared/kinds/deployment.ts'
import type { Kind } from '../../../shared/kinds/kind.ts'
import { POD } from '../../../shared/kinds/pod.ts'
import { REPLICA_SET } from '../../../shared/kinds/replica-set.ts'
import { isUnknownToHub, UNKNOWN_REASON } from '../../../shared/recovery.ts'
import { deployment } from '../../support/builders.ts'
import { kindTable } from '../../support/kind-table.ts'
import { littleCluster, type LittleCluster } from '../../support/little-cluster.ts'

const collectorOf = (cluster: LittleCluster) =>
  createGarbageCollector({
    ...cluster,
    events: createEventRecorder(cluster),
    kinds: kindTable(DEPLOYMENT, REPLICA_SET, POD, CONFIG_MAP),
  })

/** A Deployment whose three pods run, and the garbage collector. */
async function setUp(t: Pick<Test, 'teardown'>) {
  const cluster = await littleCluster(t)
  const collector = collectorOf(cluster)
  await collector.start()
  t.teardown(() => collector.stop())
  cluster.objects.create(DEPLOYMENT, deployment('web'))
  await cluster.run()
  return { cluster, collector }
}

const sets = ({ objects }: LittleCluster) => objects.list(REPLICA_SET, 'default')
const uids = (cluster: LittleCluster) =>
  cluster
    .pods('web')
    .map(({ metadata }) => metadata.uid)
    .toSorted()
const going = (cluster: LittleCluster) => cluster.pods('web').filter(({ metadata }) => metadata.deletionTimestamp)

/** As something that is broken would do it: no deletion was asked for. */
const vanish = ({ store }: LittleCluster, ...kinds: Kind[]) =>
  store.transact((tx) => {
    for (const kind of kinds) for (const object of tx.list(kind)) tx.remove(kind, object)
  })

t.test('Pods whose Deployment and ReplicaSet vanish run on, are asked about, and are taken over again', async (t) => {
  const { cluster } = await setUp(t)
  const before = uids(cluster)
  vanish(cluster, DEPLOYMENT, REPLICA_SET)
  await cluster.run()
  t.same(uids(cluster), before)
  t.same(going(cluster), [], 'nobody is told to stop')
  t.ok(cluster.pods('web').every(isUnknownToHub))
  t.match(
    cluster.pods('web').map(({ status }) => status?.reason),
    Array(3).fill(UNKNOWN_REASON),
  )
  t.match(cluster.messages('OwnerVanished'), [/ReplicaSet web-.* has vanished .*holdfast recover/])
  cluster.objects.create(DEPLOYMENT, deployment('web'))
  await cluster.run()
  t.same(uids(cluster), before, 'the manifest that is applied again takes them over')
  t.same(cluster.pods('web').filter(isUnknownToHub), [])
})

t.test('A hub that starts again after an owner has vanished still keeps what belonged to it', async (t) => {
  const { cluster, collector } = await setUp(t)
  const before = uids(cluster)
  vanish(cluster, DEPLOYMENT)
  await cluster.run()
  await collector.stop()
  const next = collectorOf(cluster)
  await next.start()
  t.teardown(() => next.stop())
  await cluster.run()
  t.same(uids(cluster), before)
  t.same(going(cluster), [])
  t.equal(sets(cluster).length, 1, 'the ReplicaSet belongs to nobody and goes on')
})

t.test('What somebody deletes goes with all that belongs to it, also when the hub is killed in between', async (t) => {
  const { cluster, collector } = await setUp(t)
  await collector.stop()
  cluster.objects.delete(DEPLOYMENT, 'default', 'web')
  await cluster.run()
  t.equal(cluster.pods('web').length, 3)
  const next = collectorOf(cluster)
  await next.start()
  t.teardown(() => next.stop())
  await cluster.run()
  t.same(cluster.pods('web'), [])
  t.same(cluster.messages('OwnerVanished'), [])
})
