// found-pods.test.ts - pods that the hub had lost and found are taken over where there is a place for them, and never deleted as surplus
import t from 'tap'
import { openRecovery } from '../../../hub/store/recovery-record.ts'
import { CONFIG_MAP } from '../../../shared/kinds/config-map.ts'
import { CONTROLLER_REVISION } from '../../../shared/kinds/controller-revision.ts'
import { DAEMON_SET } from '../../../shared/kinds/daemon-set.ts'
import { DEPLOYMENT } from '../../../shared/kinds/deployment.ts'
import type { Pod } from '../../../shared/kinds/object.ts'
import { POD } from '../../../shared/kinds/pod.ts'
import { REPLICA_SET } from '../../../shared/kinds/replica-set.ts'
import { isUnknownToHub, RECOVERY_NAME, RECOVERY_NAMESPACE, UNKNOWN_ANNOTATION } from '../../../shared/recovery.ts'
import { daemonSet, deployment, replicaSet, template } from '../../support/builders.ts'
import { littleCluster, type LittleCluster } from '../../support/little-cluster.ts'

/** As the fleet puts them back: the same pods, owned by nobody, marked. */
function lose(cluster: LittleCluster, pods: readonly Pod[]) {
  cluster.store.transact((tx) => {
    for (const pod of pods) tx.remove(POD, pod)
    for (const set of tx.list(REPLICA_SET)) tx.remove(REPLICA_SET, set)
    for (const set of tx.list(DAEMON_SET)) tx.remove(DAEMON_SET, set)
    for (const one of tx.list(DEPLOYMENT)) tx.remove(DEPLOYMENT, one)
    for (const one of tx.list(CONTROLLER_REVISION)) tx.remove(CONTROLLER_REVISION, one)
    for (const pod of pods) tx.put(POD, found(pod))
  })
}
const found = (pod: Pod): Pod => {
  const { ownerReferences: _, ...metadata } = pod.metadata
  return { ...pod, metadata: { ...metadata, annotations: { [UNKNOWN_ANNOTATION]: '2026-11-20T12:00:00Z' } } }
}
const uids = (pods: readonly Pod[]) => pods.map(({ metadata }) => metadata.uid).toSorted()
const unknown = (cluster: LittleCluster) => cluster.pods().filter(isUnknownToHub)

t.test('A manifest that is applied again takes its pods over where they run, and makes none', async (t) => {
  const cluster = await littleCluster(t)
  cluster.objects.create(DEPLOYMENT, deployment('web'))
  await cluster.run()
  const before = cluster.pods('web')
  lose(cluster, before)
  await cluster.run()
  t.equal(unknown(cluster).length, 3, 'nobody wants them yet, and nobody takes them away')
  cluster.objects.create(DEPLOYMENT, deployment('web'))
  await cluster.run()
  t.same(uids(cluster.pods('web')), uids(before))
  t.same(unknown(cluster), [])
  t.match(cluster.objects.get(DEPLOYMENT, 'default', 'web')?.status, { readyReplicas: 3, replicas: 3 })
})

t.test('An older copy of an owner does not delete what is more than it knows of', async (t) => {
  const cluster = await littleCluster(t)
  cluster.objects.create(REPLICA_SET, replicaSet('web', { replicas: 5 }))
  await cluster.run()
  const before = cluster.pods('web')
  lose(cluster, before)
  cluster.objects.create(REPLICA_SET, replicaSet('web', { replicas: 3 }))
  await cluster.run()
  t.same(uids(cluster.pods('web')), uids(before), 'all five run on')
  t.equal(unknown(cluster).length, 2)
  const set = cluster.objects.get(REPLICA_SET, 'default', 'web')
  t.equal(set?.status?.replicas, 3)
  cluster.objects.modify(REPLICA_SET, 'default', 'web', (one) => ({ ...one, spec: { ...one.spec, replicas: 5 } }))
  await cluster.run()
  t.same(uids(cluster.pods('web')), uids(before))
  t.same(unknown(cluster), [])
})

t.test('Found pods go before those that still wait for a node', async (t) => {
  const cluster = await littleCluster(t, { withScheduler: false })
  cluster.objects.create(REPLICA_SET, replicaSet('web', { replicas: 1 }))
  await cluster.run()
  const [waiting] = cluster.pods('web')
  t.equal(waiting?.spec.nodeName, undefined)
  const running = { ...found(waiting!), spec: { ...waiting!.spec, nodeName: 'node-1' } }
  cluster.store.transact((tx) =>
    tx.put(POD, { ...running, metadata: { ...running.metadata, name: 'found', uid: 'found' } }),
  )
  await cluster.run()
  t.same(uids(cluster.pods('web')), ['found'])
})

t.test('What may run only once is not started while the hub cannot know whether it runs already', async (t) => {
  const cluster = await littleCluster(t)
  openRecovery(cluster.store, { epoch: 2, loss: 'tail', revocationsAre: 'kept', uid: 'note', wallMs: 0 })
  const singleton = template(undefined, undefined, 'one')
  const annotations = { 'holdfast.dev/singleton': 'true', 'holdfast.dev/on-disconnect': 'replace' }
  cluster.objects.create(
    REPLICA_SET,
    replicaSet('one', { replicas: 1, template: { ...singleton, metadata: { ...singleton.metadata, annotations } } }),
  )
  cluster.objects.create(REPLICA_SET, replicaSet('web'))
  await cluster.run()
  t.equal(cluster.pods('web').filter(({ spec }) => spec.nodeName).length, 3, 'all others go on')
  const [waiting] = cluster.pods('one')
  t.equal(waiting?.spec.nodeName, undefined)
  t.match(waiting?.status?.conditions?.[0]?.message, /the hub is recovering/)
  cluster.objects.modify(CONFIG_MAP, RECOVERY_NAMESPACE, RECOVERY_NAME, (one) => ({
    ...one,
    data: { state: 'closed' },
  }))
  await cluster.run(20_000)
  t.ok(cluster.pods('one')[0]?.spec.nodeName)
})

t.test('A DaemonSet takes over the pod that is there, and makes one where there is none', async (t) => {
  const cluster = await littleCluster(t)
  cluster.objects.create(DAEMON_SET, daemonSet('log'))
  await cluster.run()
  const before = cluster.pods('log')
  lose(cluster, before.slice(0, 2))
  cluster.store.transact((tx) => before.slice(2).forEach((pod) => tx.remove(POD, pod)))
  cluster.objects.create(DAEMON_SET, daemonSet('log'))
  await cluster.run()
  const after = uids(cluster.pods('log'))
  t.equal(after.length, 3)
  t.ok(uids(before.slice(0, 2)).every((uid) => after.includes(uid)))
  t.same(unknown(cluster), [])
})
