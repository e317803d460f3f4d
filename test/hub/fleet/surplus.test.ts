// surplus.test.ts - of what may run only once, which owners have more pods than they want
import t, { type Test } from 'tap'
import { surplusOf } from '../../../hub/fleet/surplus.ts'
import { DEPLOYMENT } from '../../../shared/kinds/deployment.ts'
import type { NewMeta, Pod } from '../../../shared/kinds/object.ts'
import { POD } from '../../../shared/kinds/pod.ts'
import { REPLICA_SET } from '../../../shared/kinds/replica-set.ts'
import { STATEFUL_SET } from '../../../shared/kinds/stateful-set.ts'
import { createObjects } from '../../../hub/store/objects.ts'
import { NAMESPACE } from '../../../shared/kinds/namespace.ts'
import { systemRandom } from '../../../shared/random.ts'
import { createManualClock } from '../../support/manual-clock.ts'
import { deployment, pod, replicaSet, template } from '../../support/builders.ts'
import { startedStore } from '../../support/store.ts'

const ONLY = { 'holdfast.dev/singleton': 'true' }

async function rig(t: Test) {
  const clock = createManualClock()
  const store = await startedStore({ clock })
  t.teardown(async () => {
    const stopped = store.stop()
    await clock.advance(1)
    await stopped
  })
  const objects = createObjects({ store, namespaces: NAMESPACE, clock, random: systemRandom })
  objects.create(NAMESPACE, { apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'default' }, spec: {} })
  const owned = (kind: string, { metadata: { name, uid } }: { metadata: { name: string; uid: string } }) => [
    { apiVersion: 'apps/v1', kind, name, uid, controller: true },
  ]
  return {
    objects,
    owned,
    make: (name: string, rest: Partial<NewMeta> = {}, status: Pod['status'] = { phase: 'Running' }) => {
      const { metadata: _, ...made } = pod(name, { nodeName: 'till' })
      const metadata = { name, namespace: 'default', labels: { app: 'db' }, annotations: ONLY, ...rest }
      objects.create(POD, { ...made, metadata })
      objects.modify(POD, 'default', name, (current) => ({ ...current, status }), { subresource: 'status' })
    },
    surplus: () =>
      surplusOf(objects).map(
        ({ owner, pods }) => `${owner.metadata.name}: ${pods.map(({ metadata }) => metadata.name).join(' ')}`,
      ),
    deployment: (replicas = 1) =>
      objects.create(DEPLOYMENT, deployment('db', { replicas, template: template(undefined, undefined, 'db') })),
  }
}

t.test('Two pods of a ReplicaSet that wants one are one too many, until one is gone', async (t) => {
  const { objects, owned, make, surplus } = await rig(t)
  const db = objects.create(REPLICA_SET, replicaSet('db', { replicas: 1 }))
  const ownerReferences = owned('ReplicaSet', db)
  make('a', { ownerReferences })
  make('done', { ownerReferences }, { phase: 'Succeeded' })
  t.same(surplus(), [])
  make('b', { ownerReferences })
  t.same(surplus(), ['db: a b'])
  objects.delete(POD, 'default', 'a')
  t.same(surplus(), ['db: a b'], 'it may still be running')
  objects.delete(POD, 'default', 'a', { gracePeriodSeconds: 0 })
  t.same(surplus(), [])
})

t.test('All pods of a Deployment count together, also those whose own ReplicaSet is lost', async (t) => {
  const { objects, owned, make, surplus, deployment: apply } = await rig(t)
  const ownerReferences = owned('Deployment', apply())
  const sets = ['db-1', 'db-2'].map((name) => {
    const { metadata, ...set } = replicaSet(name, { replicas: 1 })
    return objects.create(REPLICA_SET, { ...set, metadata: { ...metadata, ownerReferences } })
  })
  for (const set of sets) make(`${set.metadata.name}-a`, { ownerReferences: owned('ReplicaSet', set) })
  t.same(surplus(), ['db: db-1-a db-2-a'])
  objects.delete(POD, 'default', 'db-2-a', { gracePeriodSeconds: 0 })
  t.same(surplus(), [])
  make('found')
  t.same(surplus(), ['db: db-1-a found'])
  make('another', { labels: { app: 'queue' } })
  objects.delete(POD, 'default', 'db-1-a', { gracePeriodSeconds: 0 })
  t.same(surplus(), [], 'what nobody would make again is alone')
})

t.test('The pods of a StatefulSet count too; what has no owner, or may run often, does not', async (t) => {
  const { objects, owned, make, surplus, deployment: apply } = await rig(t)
  apply()
  for (const name of ['web-1', 'web-2']) make(name, { annotations: {} })
  for (const name of ['bare-1', 'bare-2']) make(name, { labels: {} })
  const set = objects.create(STATEFUL_SET, {
    apiVersion: 'apps/v1',
    kind: 'StatefulSet',
    metadata: { name: 'disk', namespace: 'default' },
    spec: {
      replicas: 2,
      serviceName: 'disk',
      selector: { matchLabels: { app: 'disk' } },
      template: template(undefined, undefined, 'disk'),
    },
  })
  for (const name of ['disk-0', 'disk-1']) make(name, { labels: {}, ownerReferences: owned('StatefulSet', set) })
  t.same(surplus(), [])
  make('disk-0-abcde', { labels: { app: 'disk' } })
  t.same(surplus(), ['disk: disk-0 disk-0-abcde disk-1'])
})

t.test('One is never too many, also when its owner wants none any more', async (t) => {
  const { make, surplus, deployment: apply } = await rig(t)
  apply(0)
  make('a')
  t.same(surplus(), [])
})
