// pod-garbage.test.ts - pods that nobody will report on again do not stay for ever, and no other pod is touched
import t, { type Test } from 'tap'
import { createPodGarbage, surplusPods } from '../../../hub/controllers/pod-garbage.ts'
import { createObjects } from '../../../hub/store/objects.ts'
import { NAMESPACE } from '../../../shared/kinds/namespace.ts'
import { NODE } from '../../../shared/kinds/node.ts'
import type { Pod } from '../../../shared/kinds/object.ts'
import { POD } from '../../../shared/kinds/pod.ts'
import { silentLog } from '../../../shared/log.ts'
import { systemRandom } from '../../../shared/random.ts'
import { createManualClock } from '../../support/manual-clock.ts'
import { startedStore, storedObject } from '../../support/store.ts'

async function setUp(t: Pick<Test, 'teardown'>) {
  const clock = createManualClock()
  const store = await startedStore({ clock })
  const objects = createObjects({ store, namespaces: NAMESPACE, clock, random: systemRandom })
  const garbage = createPodGarbage({
    store,
    objects,
    clock,
    random: systemRandom,
    log: silentLog,
    fences: { passesInMs: () => Infinity },
  })
  t.teardown(async () => {
    await garbage.stop()
    const stopped = store.stop()
    await clock.advance(0)
    await stopped
  })
  objects.create(NAMESPACE, { apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'default' }, spec: {} })
  const makeNode = (name: string) =>
    objects.create(NODE, { apiVersion: 'v1', kind: 'Node', metadata: { name }, spec: {} })
  const makePod = (name: string, nodeName: string) =>
    objects.create(POD, {
      apiVersion: 'v1',
      kind: 'Pod',
      metadata: { name, namespace: 'default' },
      spec: { nodeName, containers: [{ name: 'app', image: 'app' }] },
    })
  const names = () => objects.list(POD).map((pod) => pod.metadata.name)
  return { clock, store, objects, garbage, makeNode, makePod, names }
}

t.test('Pods of a node that was deleted go after a while; one that comes back in time keeps them', async (t) => {
  const { clock, objects, garbage, makeNode, makePod, names } = await setUp(t)
  for (const node of ['n1', 'n2', 'n3']) {
    makeNode(node)
    makePod(`pod-on-${node}`, node)
  }
  makePod('of-before', 'gone-long-ago')
  await garbage.start()
  await clock.advance(30_000)
  t.equal(names().length, 4)
  objects.delete(NODE, undefined, 'n1')
  objects.delete(NODE, undefined, 'n2')
  await clock.advance(20_000)
  t.same(names(), ['pod-on-n1', 'pod-on-n2', 'pod-on-n3'], 'what was without a node at the start is gone first')
  makeNode('n2')
  await clock.advance(60_000)
  t.same(names(), ['pod-on-n2', 'pod-on-n3'])
})

t.test('Of pods that have ended only the newest are kept', async (t) => {
  const ended = (name: string, hour: number, phase: string, deletionTimestamp?: string): Pod => ({
    ...storedObject(POD, name),
    metadata: {
      ...storedObject(POD, name).metadata,
      creationTimestamp: `2026-11-20T${10 + hour}:00:00Z`,
      ...(deletionTimestamp && { deletionTimestamp }),
    },
    spec: { containers: [] },
    status: { phase },
  })
  const pods = [
    ended('newest', 5, 'Failed'),
    ended('oldest', 1, 'Succeeded'),
    ended('running', 0, 'Running'),
    ended('middle', 3, 'Succeeded'),
    ended('going', 0, 'Succeeded', '2026-11-20T15:00:00Z'),
  ]
  t.same(
    surplusPods(pods, 2).map((pod) => pod.metadata.name),
    ['oldest'],
  )
  t.same(surplusPods(pods, 3), [])
})
