// namespace.test.ts - the namespaces that every cluster has are there; one that goes takes its content with it, all of it
import t, { type Test } from 'tap'
import { createNamespaceController, REQUIRED_NAMESPACES } from '../../../hub/controllers/namespace/controller.ts'
import { createObjects } from '../../../hub/store/objects.ts'
import { systemClock } from '../../../shared/clock.ts'
import { NAMESPACE } from '../../../shared/kinds/namespace.ts'
import { silentLog } from '../../../shared/log.ts'
import { systemRandom } from '../../../shared/random.ts'
import { eventually } from '../../support/eventually.ts'
import { kindTable } from '../../support/kind-table.ts'
import { CONFIG_MAPS, NODES, PODS, startedStore } from '../../support/store.ts'

async function setUp(t: Pick<Test, 'teardown'>) {
  const store = await startedStore()
  const objects = createObjects({ store, namespaces: NAMESPACE, clock: systemClock, random: systemRandom })
  const controller = createNamespaceController({
    store,
    objects,
    kinds: kindTable(NAMESPACE, CONFIG_MAPS, PODS, NODES),
    clock: systemClock,
    random: systemRandom,
    log: silentLog,
  })
  t.teardown(async () => {
    await controller.stop()
    await store.stop()
  })
  const makeNamespace = (name: string) =>
    objects.create(NAMESPACE, { apiVersion: 'v1', kind: 'Namespace', metadata: { name }, spec: {} })
  const makeMap = (namespace: string, name: string, finalizers: string[] = []) =>
    objects.create(CONFIG_MAPS, { apiVersion: 'v1', kind: 'ConfigMap', metadata: { namespace, name, finalizers } })
  const get = (name: string) => objects.get(NAMESPACE, undefined, name)
  return { objects, controller, makeNamespace, makeMap, get }
}

t.test('A new hub has the namespaces that clients expect, and makes a lost one again', async (t) => {
  const { controller, objects, get } = await setUp(t)
  await controller.start()
  await eventually(() => REQUIRED_NAMESPACES.every((name) => get(name)?.status?.phase === 'Active'))
  const { uid } = get('kube-node-lease')!.metadata
  objects.delete(NAMESPACE, undefined, 'kube-node-lease')
  await eventually(() => get('kube-node-lease') !== undefined && get('kube-node-lease')!.metadata.uid !== uid)
})

t.test('A namespace goes when everything in it has gone, and touches nothing else', async (t) => {
  const { controller, objects, makeNamespace, makeMap, get } = await setUp(t)
  makeNamespace('shop')
  makeNamespace('other')
  await controller.start()
  for (let at = 0; at < 1_200; at++) makeMap('shop', `map-${at}`)
  makeMap('other', 'stays')
  objects.create(PODS, {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { namespace: 'shop', name: 'running' },
    spec: { nodeName: 'n1', containers: [] },
  })
  objects.delete(NAMESPACE, undefined, 'shop')
  await eventually(() => objects.list(CONFIG_MAPS, 'shop').length === 0)
  await eventually(() => objects.get(PODS, 'shop', 'running')?.metadata.deletionTimestamp !== undefined)
  t.ok(get('shop'), 'it waits for the agent to stop the pod')
  objects.delete(PODS, 'shop', 'running', { gracePeriodSeconds: 0 })
  await eventually(() => get('shop') === undefined)
  t.ok(objects.get(CONFIG_MAPS, 'other', 'stays'))
})

t.test('A namespace that cannot go says what holds it, and an empty one goes at once', async (t) => {
  const { controller, objects, makeNamespace, makeMap, get } = await setUp(t)
  makeNamespace('empty')
  makeNamespace('shop')
  makeMap('shop', 'held', ['shop.dev/hold'])
  objects.delete(NAMESPACE, undefined, 'empty')
  objects.delete(NAMESPACE, undefined, 'shop')
  await controller.start()
  await eventually(() => get('empty') === undefined)
  await eventually(() => get('shop')?.status?.conditions?.length === 2)
  t.match(get('shop')?.status, {
    phase: 'Terminating',
    conditions: [
      {
        type: 'NamespaceContentRemaining',
        status: 'True',
        message: 'Some resources are remaining: configmaps. has 1 resource instances',
      },
      {
        type: 'NamespaceFinalizersRemaining',
        status: 'True',
        message: 'Some content in the namespace has finalizers remaining: shop.dev/hold in 1 resource instances',
      },
    ],
  })
  objects.modify(CONFIG_MAPS, 'shop', 'held', (map) => ({ ...map, metadata: { ...map.metadata, finalizers: [] } }))
  await eventually(() => get('shop') === undefined)
})
