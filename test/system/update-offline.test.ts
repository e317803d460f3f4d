// update-offline.test.ts - a DaemonSet is updated and the link or the power goes in the middle: the device runs one version, and goes on by itself
import t from 'tap'
import { DAEMON_SET } from '../../shared/kinds/daemon-set.ts'
import { daemonSet, deployment, template } from '../support/builders.ts'
import { createCluster, sideBySide, type Cluster } from '../support/cluster.ts'

sideBySide(t)

const OLD = 'my-image:1'
const NEW = 'my-image:2'
/** What the old version takes to end: time enough for a link to go. */
const TERM_MS = 1_500
const log = (image: string) => daemonSet('log', { template: template(image, {}, 'log') })

const imagesOn = (cluster: Cluster, name: string) =>
  cluster
    .device(name)
    .running()
    .map(({ image }) => image)
const podOf = (cluster: Cluster, name: string, image: string) =>
  cluster.pods('log').find(({ spec }) => spec.nodeName === name && spec.containers[0]?.image === image)
const waitingOf = (cluster: Cluster, name: string, image: string) =>
  podOf(cluster, name, image)?.status?.containerStatuses?.[0]?.state?.waiting
const isTermed = (cluster: Cluster, name: string) =>
  cluster.device(name).runtime.actions.some(({ do: what, signal }) => what === 'signal' && signal === 'SIGTERM')

async function clusterWithLog(t: Parameters<typeof createCluster>[0], nodes = 1): Promise<Cluster> {
  const cluster = await createCluster(t, { nodes })
  for (const { runtime } of cluster.devices.values()) runtime.behave(OLD, { termMs: TERM_MS })
  await cluster.apply(log(OLD))
  await cluster.settled()
  return cluster
}

/** How many have run there at the same time, at most. */
function countRunning(cluster: Cluster, name: string): () => number {
  let most = 0
  cluster.device(name).runtime.onEvent(() => (most = Math.max(most, imagesOn(cluster, name).length)))
  return () => most
}

t.test(
  'The link goes while the old version stops: the new one starts on the device with the link still cut',
  async (t) => {
    const cluster = await clusterWithLog(t, 2)
    const most = countRunning(cluster, 'n1')
    await cluster.apply(log(NEW))
    await cluster.eventually(() => isTermed(cluster, 'n1'), 20_000)
    cluster.disconnect('n1')
    t.same(imagesOn(cluster, 'n1'), [OLD], 'it has its grace')
    await cluster.eventually(() => imagesOn(cluster, 'n1')[0] === NEW)
    t.equal(most(), 1, 'never both')
    t.ok(podOf(cluster, 'n1', OLD)?.metadata.deletionTimestamp, 'the hub knows nothing of it yet')
    const [started] = cluster.running('log').on('n1').ids

    cluster.reconnect('n1')
    await cluster.settled()
    t.same(cluster.running('log').on('n1').ids, [started], 'it is the one that runs now')
    t.same(imagesOn(cluster, 'n2'), [NEW], 'the others have gone on')
  },
)

for (const strategy of [{ type: 'Recreate' }, { type: 'RollingUpdate', rollingUpdate: { maxSurge: 0 } }] as const) {
  t.test(
    `A Deployment that can run on one device only (${strategy.type}): the new version follows with the link cut`,
    async (t) => {
      const cluster = await createCluster(t, { nodes: 2 })
      cluster.device('n1').runtime.behave(OLD, { termMs: TERM_MS })
      const till = (image: string) =>
        deployment('log', {
          replicas: 1,
          strategy,
          template: template(image, { nodeSelector: { 'kubernetes.io/hostname': 'n1' } }, 'log'),
        })
      await cluster.apply(till(OLD))
      await cluster.settled()
      const most = countRunning(cluster, 'n1')
      await cluster.apply(till(NEW))
      await cluster.eventually(() => isTermed(cluster, 'n1'))
      const held = () =>
        cluster
          .device('n1')
          .agent?.cache.desired()
          ?.pods.map(({ spec }) => spec.containers[0]?.image)
      await cluster.eventually(() => held()?.includes(NEW) ?? false)
      cluster.disconnect('n1')
      t.same(imagesOn(cluster, 'n1'), [OLD], 'it has its grace')
      await cluster.eventually(() => imagesOn(cluster, 'n1')[0] === NEW)
      t.equal(most(), 1, 'never both')
      const [started] = cluster.running('log').ids
      cluster.reconnect('n1')
      await cluster.settled()
      t.same(cluster.running('log').ids, [started])
    },
  )
}

t.test('Power and link go while the old version stops: after the cold boot the new one runs', async (t) => {
  const cluster = await clusterWithLog(t)
  await cluster.apply(log(NEW))
  await cluster.eventually(() => isTermed(cluster, 'n1'), 20_000)
  cluster.disconnect('n1')
  cluster.crashAgent('n1')
  cluster.device('n1').runtime.reboot('exited')
  const most = countRunning(cluster, 'n1')
  await cluster.startAgent('n1')
  await cluster.eventually(() => imagesOn(cluster, 'n1').length === 1)
  t.same(imagesOn(cluster, 'n1'), [NEW])
  t.equal(most(), 1)
  cluster.reconnect('n1')
  await cluster.settled()
})

t.test(
  'The link goes before the new version is ready to follow: the old one runs until it is back, and is then updated',
  async (t) => {
    const cluster = await clusterWithLog(t)
    const { runtime } = cluster.device('n1')
    runtime.images.remove(NEW)
    runtime.images.pullable(NEW, { takesMs: 1_000 })
    await cluster.apply(log(NEW))
    await cluster.eventually(
      () => runtime.actions.some((action) => action.do === 'pull' && action.image === NEW),
      20_000,
    )
    cluster.disconnect('n1')
    await cluster.eventually(() => runtime.images.find(NEW) !== undefined)
    await cluster.eventually(() => cluster.ready('n1') === 'Unknown', 20_000)
    t.same(imagesOn(cluster, 'n1'), [OLD])
    t.equal(podOf(cluster, 'n1', OLD)?.metadata.deletionTimestamp, undefined)
    cluster.reconnect('n1')
    await cluster.eventually(() => imagesOn(cluster, 'n1')[0] === NEW, 20_000)
    await cluster.settled()
  },
)

t.test(
  'A version whose image cannot be had leaves the old one running everywhere, says so, and is undone without a restart',
  async (t) => {
    const cluster = await clusterWithLog(t, 2)
    const before = cluster.running('log').ids
    await cluster.apply(log('my-image:none'))
    const rollout = () =>
      cluster.hub.objects
        .get(DAEMON_SET, 'default', 'log')
        ?.status?.conditions?.find(({ type }) => type === 'holdfast.dev/Rollout')
    await cluster.eventually(() => rollout()?.message === '0 updated, 1 failed, 1 to go', 20_000)
    const failing = ['n1', 'n2'].flatMap((name) => waitingOf(cluster, name, 'my-image:none') ?? [])
    t.equal(failing.length, 1, 'one device at a time')
    t.match(failing[0]?.reason, /^(ErrImagePull|ImagePullBackOff)$/)
    t.same(cluster.running('log').ids, before)
    await cluster.apply(log(OLD))
    await cluster.settled()
    t.same(cluster.running('log').ids, before)
  },
)

t.test('A pod that a person deletes is followed by its successor, and says what that waits for', async (t) => {
  const cluster = await clusterWithLog(t)
  const name = podOf(cluster, 'n1', OLD)?.metadata.name ?? ''
  const most = countRunning(cluster, 'n1')
  await cluster.api.send('DELETE', `/api/v1/namespaces/default/pods/${name}`)
  const next = () => cluster.pods('log').find(({ metadata }) => metadata.name !== name)
  const waiting = () => next()?.status?.containerStatuses?.[0]?.state?.waiting
  await cluster.eventually(() => waiting()?.reason === 'AwaitingPredecessor')
  t.equal(waiting()?.message, `it starts when pod ${name} has ended`)
  cluster.disconnect('n1')
  await cluster.eventually(() =>
    cluster
      .device('n1')
      .running()
      .some(({ identity }) => identity.podUid === next()?.metadata.uid),
  )
  t.equal(most(), 1)
  cluster.reconnect('n1')
  await cluster.settled()
})
