// faults.test.ts - links, hubs, agents and devices that go and come back: what runs goes on, and nothing is doubled
import { once } from 'node:events'
import { connect } from 'node:net'
import t, { type Test } from 'tap'
import { systemClock } from '../../shared/clock.ts'
import type { ConfigMap, NewObject } from '../../shared/kinds/object.ts'
import { container, deployment, newPod, template } from '../support/builders.ts'
import { createCluster, sideBySide, type Cluster } from '../support/cluster.ts'
import { BEAT_EVERY_MS } from '../support/cluster/hub-process.ts'

sideBySide(t)

/** Whoever keeps a hub from ending does so for ever, or until a timeout of minutes. */
const STOP_WITHIN_MS = 30_000
/** Four beats, as hub/fleet/node-state.ts has it. */
const LEASE_MS = 4 * BEAT_EVERY_MS

t.test(
  'The pods of a node that is cut off move after their toleration, and nothing is doubled when it returns',
  async (t) => {
    const cluster = await createCluster(t, { hub: { unreachableToleration: 2_000 } })
    await cluster.apply(deployment('web', { replicas: 3 }))
    await cluster.settled()
    const left = cluster.running('web').on('n2').ids

    cluster.disconnect('n2')
    await cluster.eventually(() => cluster.ready('n2') === 'Unknown')
    const node = cluster.node('n2')
    for (const { type, status, reason } of node.status?.conditions ?? []) {
      t.equal(status, 'Unknown', type)
      t.equal(reason, 'NodeStatusUnknown', type)
    }
    const taints = (node.spec.taints ?? []).map(({ key, effect }) => `${key}:${effect}`)
    t.same(taints.toSorted(), ['node.kubernetes.io/unreachable:NoExecute', 'node.kubernetes.io/unreachable:NoSchedule'])
    await cluster.eventually(() => cluster.events('NodeNotReady').includes('Node n2 status is now: NodeNotReady'))

    await cluster.eventually(() => cluster.running('web').on('n1', 'n3').count === 3)
    t.same(cluster.running('web').on('n2').ids, left, 'out there it runs on: nobody could tell it to stop')
    const aside = cluster.pods('web').filter(({ status }) => status?.reason === 'NodeLost')
    t.same(
      aside.map(({ spec }) => spec.nodeName),
      ['n2'],
      'the hub says of which pod it knows nothing',
    )

    cluster.reconnect('n2')
    await cluster.settled()
    t.equal(cluster.running('web').count, 3)
    t.equal(cluster.running('web').on('n2').count, 0)
    t.same(cluster.node('n2').spec.taints ?? [], [])
  },
)

t.test('An original that its policy keeps is untouched when its device returns late, and the spare goes', async (t) => {
  const cluster = await createCluster(t, { nodes: 2, hub: { unreachableToleration: 1_000 } })
  const web = template()
  const annotations = { 'holdfast.dev/on-reconnect': 'keep-original' }
  const kept = { ...web, metadata: { ...web.metadata, annotations } }
  await cluster.apply(deployment('web', { replicas: 2, template: kept }))
  await cluster.settled()
  const before = cluster.running('web').ids

  cluster.disconnect('n2')
  await cluster.eventually(() => cluster.running('web').on('n1').count === 2)
  cluster.reconnect('n2')
  await cluster.settled()
  t.same(cluster.running('web').ids, before, 'the same containers as before')
})

t.test('A node that returns in time finds its pods untouched', async (t) => {
  const cluster = await createCluster(t)
  await cluster.apply(deployment('web', { replicas: 3 }))
  await cluster.settled()
  const untouched = untouchedSince(cluster)

  cluster.disconnect('n2', 'with a reset')
  await cluster.eventually(() => cluster.ready('n2') === 'Unknown')
  await cluster.eventually(() =>
    cluster
      .pods('web')
      .some(({ status }) => status?.conditions?.some((one) => one.type === 'Ready' && one.status === 'False')),
  )
  cluster.reconnect('n2')
  await cluster.eventually(() => cluster.ready('n2') === 'True')
  await cluster.settled()
  untouched(t)
  t.ok(cluster.events('NodeReady').some((message) => message.includes('n2')))
})

t.test('A restart of the hub touches no container, and judges no node before one lease is over', async (t) => {
  const cluster = await createCluster(t)
  await cluster.apply(deployment('web', { replicas: 3 }))
  await cluster.settled()
  const untouched = untouchedSince(cluster)

  cluster.disconnect('n3', 'with a reset')
  await cluster.stopHub()
  const startedMs = systemClock.monoMs()
  await cluster.startHub()
  await cluster.eventually(() => cluster.ready('n3') === 'Unknown')
  t.ok(systemClock.monoMs() - startedMs >= LEASE_MS, 'n3 had its lease')
  t.equal(cluster.ready('n1'), 'True')
  t.equal(cluster.ready('n2'), 'True')
  cluster.reconnect('n3')
  await cluster.settled()
  untouched(t)
  t.same(
    cluster.events('NodeNotReady').filter((message) => !message.includes('n3')),
    [],
    'nobody else was suspected',
  )
})

t.test('A hub that is killed in the middle of many writes has every write that it has answered', async (t) => {
  const cluster = await createCluster(t)
  await cluster.apply(deployment('web', { replicas: 3 }))
  await cluster.settled()
  const untouched = untouchedSince(cluster)

  const answered = new Map<string, number>()
  const writer = async (writerNumber: number) => {
    for (let number = 0; ; number++) {
      const name = `written-${writerNumber}-${number}`
      const body = { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name }, data: { number: String(number) } }
      const { metadata } = await cluster.api.send('POST', '/api/v1/namespaces/default/configmaps', body)
      answered.set(name, Number(metadata.resourceVersion))
    }
  }
  const writers = Array.from({ length: 8 }, (_, number) => writer(number))
  const ended = Promise.allSettled(writers)
  await cluster.eventually(() => answered.size > 100)
  cluster.crashHub()
  t.ok(
    (await ended).every(({ status }) => status === 'rejected'),
    'every writer noticed',
  )

  await cluster.startHub()
  const { items, metadata } = await cluster.api.get('/api/v1/namespaces/default/configmaps')
  const kept = new Map<string, number>(
    items.map((item: NewObject<ConfigMap>) => [item.metadata.name, Number(item.metadata.resourceVersion)]),
  )
  for (const [name, revision] of answered) if (kept.get(name) !== revision) t.fail(`${name} was answered and is gone`)
  t.ok(Number(metadata.resourceVersion) >= Math.max(...answered.values()), 'revisions go on from there')
  await cluster.settled()
  untouched(t)
})

for (const [how, end] of [
  ['restarted', async (cluster: Cluster) => cluster.device('n1').stop()],
  ['killed', async (cluster: Cluster) => cluster.crashAgent('n1')],
] as const)
  t.test(`An agent that is ${how} takes up what runs`, async (t) => {
    const cluster = await createCluster(t, { nodes: 1 })
    const volumes = [{ name: 'config', configMap: { name: 'config' } }]
    const mounting = container({ volumeMounts: [{ name: 'config', mountPath: '/etc/config' }] })
    const config = { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'config' }, data: { greeting: 'hello' } }
    await cluster.apply(
      config,
      deployment('web', { replicas: 2, template: template('my-image:1', { volumes, containers: [mounting] }) }),
      newPod('several', { containers: [container({ name: 'one' }), container({ name: 'two' })] }),
    )
    await cluster.settled()
    const untouched = untouchedSince(cluster)

    await end(cluster)
    t.equal(cluster.running('web').count, 2, 'they run on without it')
    await cluster.startAgent('n1')
    await cluster.eventually(() => cluster.ready('n1') === 'True')
    await cluster.eventually(() => (cluster.device('n1').agent?.cache.report()?.pods.length ?? 0) === 3)
    await cluster.settled()
    untouched(t)
  })

t.test('A device that boots while its hub is away runs everything from its cache', async (t) => {
  const cluster = await createCluster(t, { nodes: 1 })
  await cluster.apply(deployment('web', { replicas: 3 }))
  await cluster.settled()
  const uids = cluster.pods('web').map(({ metadata }) => metadata.uid)

  await cluster.stopHub()
  cluster.crashAgent('n1')
  cluster.device('n1').runtime.reboot('gone')
  t.equal(cluster.running('web').count, 0)
  await cluster.startAgent('n1')
  await cluster.eventually(() => cluster.running('web').count === 3)

  await cluster.startHub()
  await cluster.settled()
  t.same(
    cluster
      .pods('web')
      .map(({ metadata }) => metadata.uid)
      .toSorted(),
    uids.toSorted(),
    'they are the same pods',
  )
})

t.test('What was changed while a device was away reaches it when it comes back', async (t) => {
  const cluster = await createCluster(t, { nodes: 1 })
  await cluster.apply(deployment('web', { replicas: 1 }), deployment('old', { replicas: 1 }))
  await cluster.settled()
  cluster.disconnect('n1', 'with a reset')
  await cluster.apply(
    deployment('web', { replicas: 1, template: template('my-image:2') }),
    deployment('new', { replicas: 1 }),
  )
  await cluster.api.send('DELETE', '/apis/apps/v1/namespaces/default/deployments/old')
  t.equal(cluster.running('old').count, 1)
  cluster.reconnect('n1')
  await cluster.settled()
  t.equal(cluster.running('old').count, 0)
  t.equal(cluster.running('new').count, 1)
})

t.test('Nobody keeps a hub from ending: no silent stranger, no half-open device, no watcher', async (t) => {
  const cluster = await createCluster(t, { nodes: 1 })
  const ports = [cluster.hub.mqttPort, Number(new URL(cluster.hub.apiUrl).port)]
  const strangers = ports.map((port) => connect({ port, host: '127.0.0.1' }))
  for (const stranger of strangers) {
    stranger.on('error', () => stranger.destroy())
    t.teardown(() => void stranger.destroy())
    await once(stranger, 'connect')
  }
  const watch = await cluster.api.watch('/api/v1/pods?watch=1')
  watch.response.on('error', () => watch.end())
  cluster.disconnect('n1')
  let isOver = false
  const stopping = cluster.stopHub().then(() => (isOver = true))
  await cluster.eventually(() => isOver, STOP_WITHIN_MS)
  await stopping
  await cluster.startHub()
  cluster.reconnect('n1')
  await cluster.settled()
})

t.test('A hub that comes and goes many times in a row moves nothing', async (t) => {
  const cluster = await createCluster(t, { nodes: 2 })
  await cluster.apply(deployment('web', { replicas: 4 }))
  await cluster.settled()
  const untouched = untouchedSince(cluster)
  for (let round = 0; round < 5; round++) {
    if (round % 2) await cluster.stopHub()
    else cluster.crashHub()
    await cluster.startHub()
  }
  await cluster.settled()
  untouched(t)
})

/** Remembers what runs and what was done on the devices; the answer says later that neither has changed. */
function untouchedSince(cluster: Cluster): (t: Pick<Test, 'same' | 'equal'>) => void {
  const idsOf = () => [...cluster.devices.values()].map((device) => device.running().map(({ id }) => id))
  const actsOf = () =>
    [...cluster.devices.values()].map(({ runtime }) =>
      runtime.actions.filter((action) => ['create', 'sandbox', 'start', 'signal', 'remove'].includes(action.do)),
    )
  const [ids, acts] = [idsOf(), actsOf()]
  return (t) => {
    t.same(idsOf(), ids, 'the same containers run')
    t.same(actsOf(), acts, 'nothing was done to any of them')
  }
}
