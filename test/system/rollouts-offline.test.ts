// rollouts-offline.test.ts - updates, deletions and moves while devices are away: what runs there stays, and only the newest arrives
import t from 'tap'
import { rebalance } from '../../hub/cli/rebalance.ts'
import { systemClock } from '../../shared/clock.ts'
import { DAEMON_SET } from '../../shared/kinds/daemon-set.ts'
import { daemonSet, deployment, template } from '../support/builders.ts'
import { createCluster, type Cluster } from '../support/cluster.ts'

t.jobs = 3

const DEPLOYMENTS = '/apis/apps/v1/namespaces/default/deployments'
const log = (image: string) => daemonSet('log', { template: template(image, {}, 'log') })
const readyOf = (cluster: Cluster, pod: string) =>
  cluster
    .pods()
    .find(({ metadata }) => metadata.name === pod)
    ?.status?.conditions?.find(({ type }) => type === 'Ready')
const rolloutOf = (cluster: Cluster) =>
  cluster.hub.objects
    .get(DAEMON_SET, 'default', 'log')
    ?.status?.conditions?.find(({ type }) => type === 'holdfast.dev/Rollout')
const imagesMadeOn = (cluster: Cluster, name: string) =>
  cluster.device(name).runtime.actions.flatMap((action) => (action.do === 'create' ? [action.image] : []))

t.test('A cut that ends before work is moved changes nothing: same pods, same containers, ready again', async (t) => {
  const cluster = await createCluster(t)
  await cluster.apply(deployment('web', { replicas: 3 }), log('my-image:1'))
  await cluster.settled()
  const before = { web: cluster.running('web').ids, log: cluster.running('log').ids }
  const pods = cluster.pods().map(({ metadata }) => metadata.uid)
  const there = cluster.pods('web').find(({ spec }) => spec.nodeName === 'n2')

  cluster.disconnect('n2')
  await cluster.eventually(() => readyOf(cluster, there?.metadata.name ?? '')?.reason === 'NodeNotReady')
  const known = cluster.pods('web').find(({ metadata }) => metadata.uid === there?.metadata.uid)
  t.same(known?.status?.containerStatuses, there?.status?.containerStatuses, 'the last that is known')
  cluster.reconnect('n2')
  await cluster.settled()
  t.same({ web: cluster.running('web').ids, log: cluster.running('log').ids }, before)
  t.same(
    cluster.pods().map(({ metadata }) => metadata.uid),
    pods,
  )
})

t.test('A device that was away during two updates goes straight to the newest', async (t) => {
  const cluster = await createCluster(t)
  await cluster.apply(log('my-image:1'))
  await cluster.settled()
  const left = cluster.running('log').on('n3').ids
  cluster.disconnect('n3')
  await cluster.eventually(() => cluster.ready('n3') === 'Unknown')
  for (const image of ['my-image:2', 'my-image:3']) {
    await cluster.apply(log(image))
    await cluster.eventually(() => {
      const running = ['n1', 'n2'].flatMap((name) =>
        cluster
          .device(name)
          .running()
          .map((each) => each.image),
      )
      return running.length === 2 && running.every((each) => each === image)
    })
    await cluster.eventually(() => rolloutOf(cluster)?.message === '2 updated, 1 offline (queued)')
  }
  t.match(rolloutOf(cluster), { status: 'True', reason: 'OfflineQueued' })
  t.match(cluster.hub.objects.get(DAEMON_SET, 'default', 'log')?.status, {
    desiredNumberScheduled: 2,
    updatedNumberScheduled: 2,
    numberAvailable: 2,
  })
  t.same(cluster.running('log').on('n3').ids, left, 'out there the old version runs on')

  cluster.reconnect('n3')
  await cluster.eventually(() => cluster.device('n3').running()[0]?.image === 'my-image:3')
  await cluster.settled()
  t.notOk(imagesMadeOn(cluster, 'n3').includes('my-image:2'), 'nothing in between')
  await cluster.eventually(() => rolloutOf(cluster)?.message === '3 updated')
})

t.test('A rollout goes on when a device is cut off in the middle of it, and leaves no ghosts', async (t) => {
  const cluster = await createCluster(t, { hub: { unreachableToleration: 2_000 } })
  await cluster.apply(deployment('web', { replicas: 6, template: template('my-image:1') }))
  await cluster.settled()
  await cluster.apply(deployment('web', { replicas: 6, template: template('my-image:2') }))
  await cluster.eventually(() => cluster.pods('web').some(({ spec }) => spec.containers[0]?.image === 'my-image:2'))
  cluster.disconnect('n2')
  await cluster.eventually(async () => {
    const { status } = await cluster.api.get(`${DEPLOYMENTS}/web`)
    return status.updatedReplicas === 6 && status.replicas === 6 && status.availableReplicas === 6
  }, 30_000)
  cluster.reconnect('n2')
  await cluster.settled()
  t.equal(cluster.running('web').count, 6)
  const images = [...cluster.devices.values()].flatMap((device) => device.running().map(({ image }) => image))
  t.same(new Set(images), new Set(['my-image:2']))
})

t.test('What was deleted while its device was away runs on there until it is back, and then goes', async (t) => {
  const cluster = await createCluster(t)
  await cluster.apply(deployment('web', { replicas: 3 }))
  await cluster.settled()
  const left = cluster.running('web').on('n1').ids
  cluster.disconnect('n1')
  await cluster.eventually(() => cluster.ready('n1') === 'Unknown')
  await cluster.api.send('DELETE', `${DEPLOYMENTS}/web`)
  await cluster.eventually(() => cluster.running('web').on('n2', 'n3').count === 0)
  t.same(cluster.running('web').on('n1').ids, left)
  cluster.reconnect('n1')
  await cluster.eventually(() => cluster.running('web').count === 0 && cluster.pods('web').length === 0)
  await cluster.settled()
})

t.test(
  'A device that was given a DaemonSet while it was away starts it when it is back, and says meanwhile that it waits',
  async (t) => {
    const cluster = await createCluster(t, { nodes: 2 })
    cluster.disconnect('n2')
    await cluster.eventually(() => cluster.ready('n2') === 'Unknown')
    await cluster.apply(log('my-image:1'))
    const queued = () => cluster.pods('log').filter(({ spec }) => spec.nodeName === 'n2')
    const mark = () => queued()[0]?.status?.conditions?.find(({ type }) => type === 'holdfast.dev/Queued')
    await cluster.eventually(() => mark()?.reason === 'NodeOffline')
    const first = queued()[0]?.metadata.uid
    await cluster.apply(log('my-image:2'))
    await cluster.eventually(() => queued().length === 1 && queued()[0]?.metadata.uid !== first)
    cluster.reconnect('n2')
    await cluster.settled()
    t.same(
      imagesMadeOn(cluster, 'n2').filter((image) => image?.startsWith('my-image')),
      ['my-image:2'],
    )
    t.equal(mark(), undefined)
  },
)

t.test('A device that comes back gets its share when somebody asks for it', async (t) => {
  const cluster = await createCluster(t, { hub: { unreachableToleration: 1_000 } })
  await cluster.apply(deployment('web', { replicas: 6 }))
  await cluster.settled()
  cluster.disconnect('n3')
  await cluster.eventually(() => cluster.running('web').on('n1', 'n2').count === 6)
  cluster.reconnect('n3')
  await cluster.settled()
  t.equal(cluster.running('web').on('n3').count, 0)
  const said: string[] = []
  const client = { get: cluster.api.get, send: cluster.api.send } as const
  const deps = {
    client: { ...client, send: (method: string, path: string, body: object) => cluster.api.send(method, path, body) },
    clock: systemClock,
    print: (line: string) => void said.push(line),
  }
  await rebalance(deps, { dryRun: true, max: 10, deleteEmptydirData: false })
  t.equal(cluster.running('web').on('n3').count, 0, 'it only says what it would do')
  t.match(
    said[0],
    /^would move default\/web-\S+ from n[12] to n3: default\/web-\S+ is spread n\d 3, n\d 3, n3 0; then /,
  )
  await rebalance(deps, { dryRun: false, max: 10, deleteEmptydirData: false })
  await cluster.settled()
  t.equal(cluster.running('web').on('n3').count, 2)
  t.equal(said.at(-1), '2 moved')
})
