// recovery.test.ts - when a recovery ends: not while two of what may run only once are there, and who of them goes
import t, { type Test } from 'tap'
import { createNumbers } from '../../../hub/fleet/numbers.ts'
import { createRecovery } from '../../../hub/fleet/recovery.ts'
import { openRecovery, readRecovery } from '../../../hub/store/recovery-record.ts'
import { builtinKinds } from '../../../shared/kinds/builtin.ts'
import { CONFIG_MAP } from '../../../shared/kinds/config-map.ts'
import { DEPLOYMENT } from '../../../shared/kinds/deployment.ts'
import type { Pod } from '../../../shared/kinds/object.ts'
import { POD } from '../../../shared/kinds/pod.ts'
import { createRegistry } from '../../../shared/kinds/registry.ts'
import { RECOVERY_NAME, RECOVERY_NAMESPACE, UNKNOWN_ANNOTATION } from '../../../shared/recovery.ts'
import { deployment, template } from '../../support/builders.ts'
import { littleCluster } from '../../support/little-cluster.ts'

const ONLY = { 'holdfast.dev/singleton': 'true' }
const EPOCH = 2

/** A hub that was restored: it has the pod as it was on node-1; the device of node-2 has just shown the one that came after it. */
async function restored(t: Test, foundLabels: (labels: Pod['metadata']['labels']) => Pod['metadata']['labels']) {
  const cluster = await littleCluster(t, { nodes: ['node-1'], stopMs: 30_000 })
  const { objects, store, clock } = cluster
  const { metadata, spec } = template(undefined, undefined, 'db')
  objects.create(
    DEPLOYMENT,
    deployment('db', { replicas: 1, template: { metadata: { ...metadata, annotations: ONLY }, spec } }),
  )
  await cluster.run()
  const [old] = cluster.pods('db')
  if (!old) throw new Error('there is no pod')
  cluster.addNode('node-2')
  cluster.disconnect('node-1')
  openRecovery(store, { epoch: EPOCH, loss: 'tail', revocationsAre: 'kept', uid: 'note', wallMs: 0 })
  const { ownerReferences: _, ...rest } = old.metadata
  const labels = foundLabels(rest.labels)
  const found: Pod = {
    ...old,
    metadata: {
      ...rest,
      ...(labels && { labels }),
      name: 'db-found',
      uid: 'found',
      annotations: { ...rest.annotations, [UNKNOWN_ANNOTATION]: '2026-11-20T12:00:00Z' },
    },
    spec: { ...old.spec, nodeName: 'node-2' },
  }
  store.transact((tx) => tx.put(POD, found))
  const recovery = createRecovery({ ...cluster, kinds: createRegistry(builtinKinds) })
  await recovery.start()
  t.teardown(() => recovery.stop())
  return {
    ...cluster,
    old: old.metadata.name,
    /** Its device says what it has. */
    heard: (node: string) => createNumbers(store).settle(node, EPOCH, { epoch: 1, revision: 1 }),
    adopt: () =>
      objects.modify(POD, 'default', 'db-found', (pod) => ({
        ...pod,
        metadata: { ...pod.metadata, annotations: ONLY },
      })),
    note: () => objects.get(CONFIG_MAP, RECOVERY_NAMESPACE, RECOVERY_NAME)?.data,
    isOpen: () => readRecovery(objects)?.isOpen,
    going: () =>
      objects
        .list(POD)
        .filter((pod) => pod.metadata.deletionTimestamp)
        .map(({ metadata: { name } }) => name),
    clock,
  }
}

t.test('The one that does not run goes, and the recovery ends only when it is gone', async (t) => {
  const hub = await restored(t, (labels) => labels)
  for (const node of ['node-1', 'node-2']) hub.heard(node)
  await hub.run()
  t.equal(hub.isOpen(), true)
  t.match(hub.note()?.['surplus'], /^default\/db \(.*db-found on node-2/)
  hub.adopt()
  await hub.run()
  t.same(hub.going(), [hub.old], 'it is older, and its device is away')
  t.equal(hub.isOpen(), true, 'it may be running still')
  t.match(hub.note()?.['surplus'], `${hub.old} on node-1`)
  hub.reconnect('node-1')
  await hub.run(1_000)
  t.same(
    hub.pods('db').map(({ metadata }) => metadata.name),
    ['db-found'],
  )
  t.equal(hub.isOpen(), false, 'at once, not when it looks again')
  t.equal(hub.note()?.['surplus'], '')
})

t.test('One that no ReplicaSet takes stands beside its owner until a person has chosen', async (t) => {
  const hub = await restored(t, (labels) => ({ ...labels, 'pod-template-hash': 'another' }))
  for (const node of ['node-1', 'node-2']) hub.heard(node)
  hub.adopt()
  await hub.run(60_000)
  t.same(hub.going(), [])
  t.equal(hub.isOpen(), true)
  hub.objects.delete(POD, 'default', 'db-found')
  await hub.run(60_000)
  t.equal(hub.isOpen(), false)
})

t.test('A device that has not been heard keeps it open, and a person may close it', async (t) => {
  const hub = await restored(t, (labels) => labels)
  hub.heard('node-2')
  hub.objects.delete(POD, 'default', 'db-found')
  await hub.run(60_000)
  t.equal(hub.isOpen(), true)
  t.match(hub.note(), { waiting: 'node-1', surplus: '' })
  hub.objects.modify(CONFIG_MAP, RECOVERY_NAMESPACE, RECOVERY_NAME, (note) => ({
    ...note,
    data: { ...note.data, state: 'closed' },
  }))
  await hub.run(60_000)
  t.equal(hub.isOpen(), false, 'and nobody opens it again')
})
