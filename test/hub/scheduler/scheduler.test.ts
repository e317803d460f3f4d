// scheduler.test.ts - the queue and the binding of pods, on the real store
import t from 'tap'
import { createPodQueue } from '../../../hub/scheduler/queue.ts'
import { NODE } from '../../../shared/kinds/node.ts'
import type { PodSpec } from '../../../shared/kinds/object.ts'
import { POD } from '../../../shared/kinds/pod.ts'
import { container, node, requesting } from '../../support/builders.ts'
import { littleCluster, type LittleCluster } from '../../support/little-cluster.ts'
import { createManualClock } from '../../support/manual-clock.ts'

const create = ({ objects }: LittleCluster, name: string, spec: Partial<PodSpec> = {}) =>
  objects.create(POD, {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name, namespace: 'default' },
    spec: { containers: [container()], ...spec },
  })
const get = ({ objects }: LittleCluster, name: string) => objects.get(POD, 'default', name)
const scheduled = (cluster: LittleCluster, name: string) =>
  get(cluster, name)?.status?.conditions?.find(({ type }) => type === 'PodScheduled')

t.test('A pod is bound, and its events and conditions say so', async (t) => {
  const cluster = await littleCluster(t, { nodes: ['node-1'] })
  create(cluster, 'web')
  await cluster.run()
  t.equal(get(cluster, 'web')?.spec.nodeName, 'node-1')
  t.match(scheduled(cluster, 'web'), { status: 'True' })
  t.same(cluster.messages('Scheduled'), ['Successfully assigned default/web to node-1'])
})

t.test('A pod that fits nowhere says why, and is placed as soon as the fleet changes', async (t) => {
  const cluster = await littleCluster(t, { nodes: ['node-1'] })
  create(cluster, 'big', requesting({ cpu: '6' }))
  await cluster.run()
  const message = '0/1 nodes are available: 1 Insufficient cpu.'
  t.match(scheduled(cluster, 'big'), { status: 'False', reason: 'Unschedulable', message })
  t.same(cluster.messages('FailedScheduling'), [message])
  const pendingBefore = cluster.store.revision
  await cluster.run(600_000)
  t.equal(cluster.store.revision, pendingBefore, 'nothing is tried or written while nothing changes')
  cluster.addNode('node-2', { allocatable: { cpu: '8' } })
  await cluster.run()
  t.equal(get(cluster, 'big')?.spec.nodeName, 'node-2')
})

t.test('Room that a pod leaves is given to one that waits', async (t) => {
  const cluster = await littleCluster(t, { nodes: ['node-1'] })
  create(cluster, 'first', requesting({ cpu: '3' }))
  await cluster.run()
  create(cluster, 'second', requesting({ cpu: '3' }))
  await cluster.run()
  t.equal(get(cluster, 'second')?.spec.nodeName, undefined)
  cluster.objects.delete(POD, 'default', 'first')
  await cluster.run(5_000)
  t.equal(get(cluster, 'second')?.spec.nodeName, 'node-1')
})

t.test('A pod that waits for an engine goes there when it answers again', async (t) => {
  const cluster = await littleCluster(t, { nodes: [] })
  const silent = { type: 'holdfast.dev/runtime-docker', status: 'False' } as const
  cluster.addNode('node-1', { conditions: [silent] })
  create(cluster, 'app', {})
  await cluster.run()
  t.equal(get(cluster, 'app')?.spec.nodeName, undefined)
  const answering = { status: { ...node('node-1').status } }
  cluster.objects.modify(NODE, undefined, 'node-1', (now) => ({ ...now, ...answering }), { subresource: 'status' })
  await cluster.run(5_000)
  t.equal(get(cluster, 'app')?.spec.nodeName, 'node-1')
})

t.test('Higher priority goes first when there is not room for all', async (t) => {
  const cluster = await littleCluster(t, { nodes: [] })
  create(cluster, 'low', { ...requesting({ cpu: '3' }), priority: 1 })
  create(cluster, 'high', { ...requesting({ cpu: '3' }), priority: 1000 })
  cluster.addNode('node-1')
  await cluster.run(20_000)
  t.equal(get(cluster, 'high')?.spec.nodeName, 'node-1')
  t.equal(get(cluster, 'low')?.spec.nodeName, undefined)
})

t.test('Two pods of one turn never get the same room', async (t) => {
  const cluster = await littleCluster(t)
  for (let index = 0; index < 30; index++) create(cluster, `p-${index}`, requesting({ cpu: '1' }))
  await cluster.run()
  const perNode = cluster.objects
    .list(NODE)
    .map(({ metadata }) => cluster.objects.by(POD, 'nodeName', metadata.name).length)
  t.same(perNode, [4, 4, 4])
})

t.test('Pods with a gate or another scheduler are left alone', async (t) => {
  const cluster = await littleCluster(t)
  create(cluster, 'gated', { schedulingGates: [{ name: 'example.com/wait' }] })
  create(cluster, 'theirs', { schedulerName: 'their-scheduler' })
  await cluster.run()
  t.same([get(cluster, 'gated')?.spec.nodeName, get(cluster, 'theirs')?.spec.nodeName], [undefined, undefined])
  t.equal(cluster.messages('FailedScheduling').length, 0)
})

t.test('The queue rests what fits nowhere, and longer each time', async (t) => {
  const clock = createManualClock()
  const queue = createPodQueue(clock)
  queue.add('a', 0)
  queue.add('b', 5)
  queue.add('c', 0)
  t.same(queue.take(10), ['b', 'a', 'c'])
  queue.rest('a', 0, ['room'])
  await clock.advance(60_000)
  t.same(queue.take(10), [], 'time alone is no reason to try again')
  queue.wake('company')
  t.same(queue.take(10), [], 'nor is what does not help it')
  queue.wake('room')
  t.same(queue.take(10), ['a'])
  queue.rest('a', 0, ['room'])
  queue.wake('room')
  t.equal(queue.nextInMs(), 2_000)
  t.same(queue.take(10), [])
  await clock.advance(2_000)
  t.same(queue.take(10), ['a'])
  queue.remove('a')
  t.equal(queue.ready + queue.resting, 0)
})
