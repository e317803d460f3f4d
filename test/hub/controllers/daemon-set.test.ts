// daemon-set.test.ts - one pod on every device that fits, also on those that are away
import t from 'tap'
import { CONTROLLER_REVISION } from '../../../shared/kinds/controller-revision.ts'
import { DAEMON_SET } from '../../../shared/kinds/daemon-set.ts'
import { NODE } from '../../../shared/kinds/node.ts'
import { POD } from '../../../shared/kinds/pod.ts'
import type { DaemonSet, Pod } from '../../../shared/kinds/object.ts'
import { daemonSet, template } from '../../support/builders.ts'
import { littleCluster, type LittleCluster } from '../../support/little-cluster.ts'

const NODES = ['node-1', 'node-2', 'node-3', 'node-4']

const log = ({ objects }: LittleCluster) => objects.get(DAEMON_SET, 'default', 'log')
const rollout = (cluster: LittleCluster) =>
  log(cluster)?.status?.conditions?.find(({ type }) => type === 'holdfast.dev/Rollout')
const change = ({ objects }: LittleCluster, spec: Partial<DaemonSet['spec']>) =>
  objects.modify(DAEMON_SET, 'default', 'log', (current) => ({ ...current, spec: { ...current.spec, ...spec } }))
const image = ({ spec }: Pod) => spec.containers[0]?.image
const places = (cluster: LittleCluster) =>
  cluster
    .pods('log')
    .map(({ spec }) => spec.nodeName ?? '')
    .toSorted((a, b) => a.localeCompare(b))
const template2 = template('my-image:2', {}, 'log')

t.test('Every node that fits gets one pod, and a new node gets its own', async (t) => {
  const cluster = await littleCluster(t, { nodes: NODES })
  cluster.addNode('no-docker', { labels: { 'holdfast.dev/runtime-docker': 'false' } })
  cluster.objects.create(DAEMON_SET, daemonSet('log'))
  await cluster.run()
  t.same(places(cluster), NODES)
  t.match(log(cluster)?.status, {
    desiredNumberScheduled: 4,
    currentNumberScheduled: 4,
    updatedNumberScheduled: 4,
    numberReady: 4,
    numberAvailable: 4,
    numberMisscheduled: 0,
    observedGeneration: 1,
  })
  cluster.addNode('node-5')
  await cluster.run()
  t.same(places(cluster), [...NODES, 'node-5'])
  cluster.objects.modify(NODE, undefined, 'node-5', (current) => ({ ...current, spec: { unschedulable: true } }))
  await cluster.run()
  t.equal(places(cluster).length, 5, 'a cordon does not concern it')
  cluster.objects.modify(NODE, undefined, 'node-5', (current) => ({
    ...current,
    spec: { taints: [{ key: 'gpu', effect: 'NoExecute' }] },
  }))
  await cluster.run()
  t.same(places(cluster), NODES, 'a taint that it does not tolerate does')
})

t.test('A template rolls out node by node, and undo renumbers its revision', async (t) => {
  const cluster = await littleCluster(t, { nodes: NODES })
  cluster.objects.create(DAEMON_SET, daemonSet('log'))
  await cluster.run()
  change(cluster, { template: template2 })
  let fewest = 4
  for (let step = 0; step < 100; step++) {
    await cluster.run(20)
    fewest = Math.min(fewest, cluster.pods('log').filter(({ status }) => status?.phase === 'Running').length)
  }
  t.same(new Set(cluster.pods('log').map(image)), new Set(['my-image:2']))
  t.equal(fewest, 3, 'one at a time')
  const revisions = () => cluster.objects.list(CONTROLLER_REVISION, 'default')
  const numbers = () => new Set(revisions().map(({ revision }) => revision))
  t.same(numbers(), new Set([1, 2]))
  t.match(revisions()[0]?.data, { spec: { template: { $patch: 'replace', spec: {}, metadata: {} } } })
  change(cluster, { template: template('my-image:1', {}, 'log') })
  await cluster.run(5_000)
  t.same(numbers(), new Set([2, 3]))
  t.same(new Set(cluster.pods('log').map(image)), new Set(['my-image:1']))
  t.equal(log(cluster)?.status?.updatedNumberScheduled, 4)
})

t.test('OnDelete leaves pods alone until somebody deletes them', async (t) => {
  const cluster = await littleCluster(t, { nodes: NODES })
  cluster.objects.create(DAEMON_SET, daemonSet('log', { updateStrategy: { type: 'OnDelete' } }))
  await cluster.run()
  change(cluster, { template: template2 })
  await cluster.run()
  t.same(new Set(cluster.pods('log').map(image)), new Set(['my-image:1']))
  cluster.objects.delete(POD, 'default', cluster.pods('log')[0]?.metadata.name ?? '')
  await cluster.run()
  t.equal(cluster.pods('log').filter((pod) => image(pod) === 'my-image:2').length, 1)
})

t.test('With maxSurge the new pod serves before the old one goes', async (t) => {
  const cluster = await littleCluster(t, { nodes: NODES })
  const rollingUpdate = { maxSurge: 2, maxUnavailable: 0 }
  cluster.objects.create(DAEMON_SET, daemonSet('log', { updateStrategy: { type: 'RollingUpdate', rollingUpdate } }))
  await cluster.run()
  change(cluster, { template: template2 })
  let fewest = 4
  let most = 0
  for (let step = 0; step < 100; step++) {
    await cluster.run(20)
    const serving = cluster
      .pods('log')
      .filter(({ status, metadata }) => status?.phase === 'Running' && !metadata.deletionTimestamp)
    const nodes = new Set(serving.map(({ spec }) => spec.nodeName)).size
    fewest = Math.min(fewest, nodes)
    most = Math.max(most, cluster.pods('log').filter(({ metadata }) => !metadata.deletionTimestamp).length)
  }
  t.same(new Set(cluster.pods('log').map(image)), new Set(['my-image:2']))
  t.equal(fewest, 4)
  t.ok(most > 4 && most <= 6, `${most} at once`)
})

t.test('Devices that are away hold nobody up, are counted as what they are, and catch up', async (t) => {
  const cluster = await littleCluster(t, { nodes: NODES })
  cluster.objects.create(DAEMON_SET, daemonSet('log'))
  await cluster.run()
  cluster.disconnect('node-2')
  cluster.disconnect('node-3')
  await cluster.run(120_000)
  t.same(places(cluster), NODES, 'their pods are not taken away')
  change(cluster, { template: template2 })
  await cluster.run(5_000)
  t.match(log(cluster)?.status, {
    desiredNumberScheduled: 2,
    currentNumberScheduled: 2,
    updatedNumberScheduled: 2,
    numberAvailable: 2,
    numberMisscheduled: 0,
  })
  t.match(rollout(cluster), { status: 'True', reason: 'OfflineQueued', message: '2 updated, 2 offline (queued)' })
  t.equal(log(cluster)?.metadata.annotations?.['holdfast.dev/rollout'], '2 updated, 2 offline (queued)')
  cluster.reconnect('node-2')
  cluster.reconnect('node-3')
  await cluster.run(5_000)
  t.match(log(cluster)?.status, { desiredNumberScheduled: 4, updatedNumberScheduled: 4, numberAvailable: 4 })
  t.match(rollout(cluster), { status: 'True', reason: 'Complete', message: '4 updated' })
  t.equal(log(cluster)?.metadata.annotations?.['holdfast.dev/rollout'], undefined)
  t.same(new Set(cluster.pods('log').map(image)), new Set(['my-image:2']))
})

t.test(
  'What was meant for a device that is away vanishes when it is superseded, and only the newest gets there',
  async (t) => {
    const cluster = await littleCluster(t, { nodes: ['node-1', 'node-2'] })
    cluster.disconnect('node-2')
    cluster.objects.create(DAEMON_SET, daemonSet('log'))
    await cluster.run()
    const queued = () => cluster.pods('log').filter(({ spec }) => spec.nodeName === 'node-2')
    t.match(
      queued()
        .flatMap(({ status }) => status?.conditions ?? [])
        .find(({ type }) => type === 'holdfast.dev/Queued'),
      { status: 'True', reason: 'NodeOffline', message: 'device node-2 is away; it starts this pod when it is back' },
    )
    t.match(rollout(cluster), { status: 'True', reason: 'OfflineQueued', message: '1 updated, 1 offline (queued)' })
    const seen = new Set<string>()
    for (const version of ['my-image:2', 'my-image:3']) {
      for (const { metadata } of queued()) seen.add(metadata.uid)
      change(cluster, { template: template(version, {}, 'log') })
      await cluster.run(5_000)
      t.same(queued().map(image), [version], 'nothing else waits')
      t.notOk(queued().some(({ metadata }) => seen.has(metadata.uid)))
    }
    cluster.reconnect('node-2')
    await cluster.run(5_000)
    t.same(cluster.pods('log').map(image), ['my-image:3', 'my-image:3'])
    t.notOk(queued().some(({ status }) => status?.conditions?.some(({ type }) => type === 'holdfast.dev/Queued')))
    t.match(rollout(cluster), { status: 'True', reason: 'Complete', message: '2 updated' })
  },
)

t.test('A device that joins while it is away gets its pod bound, for when it is there', async (t) => {
  const cluster = await littleCluster(t, { nodes: ['node-1'] })
  cluster.objects.create(DAEMON_SET, daemonSet('log'))
  cluster.addNode('node-2', { ready: 'Unknown' })
  await cluster.run()
  t.same(places(cluster), ['node-1', 'node-2'])
})

t.test('A pod that failed is replaced, and slower each time', async (t) => {
  const cluster = await littleCluster(t, { nodes: ['node-1'] })
  cluster.objects.create(DAEMON_SET, daemonSet('log'))
  let replaced = 0
  let last = ''
  for (let second = 0; second < 60; second++) {
    await cluster.run(1_000)
    const [pod] = cluster.pods('log')
    if (!pod || pod.metadata.deletionTimestamp || pod.metadata.name === last) continue
    last = pod.metadata.name
    replaced++
    cluster.objects.modify(POD, 'default', last, (current) => ({ ...current, status: { phase: 'Failed' } }), {
      subresource: 'status',
    })
  }
  t.ok(replaced >= 4 && replaced <= 8, `${replaced} pods in a minute`)
  t.match(
    cluster.messages('FailedDaemonPod')[0],
    /^Found failed daemon pod default\/log-\w+ on node node-1, will try to kill it$/,
  )
})
