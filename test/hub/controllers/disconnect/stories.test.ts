// stories.test.ts - a Deployment whose device goes away and comes back, by policy, with real controllers and scheduler
import t, { type Test } from 'tap'
import { withAdmission } from '../../../../hub/admission.ts'
import type { Deployment, Pod, PodTemplateSpec } from '../../../../shared/kinds/object.ts'
import { DEPLOYMENT } from '../../../../shared/kinds/deployment.ts'
import { NODE } from '../../../../shared/kinds/node.ts'
import { POD } from '../../../../shared/kinds/pod.ts'
import { podStatusText } from '../../../../shared/kinds/pod-columns.ts'
import { deployment, pod, template } from '../../../support/builders.ts'
import { littleCluster, type LittleCluster } from '../../../support/little-cluster.ts'

const TOLERATED_MS = 61_000

async function start(t: Test, said: Record<string, string>, spec: Partial<Deployment['spec']> = {}, nodes = 2) {
  const fence = { passedAtMs: Infinity }
  const names = Array.from({ length: nodes }, (_, index) => `node-${index + 1}`)
  const cluster = await littleCluster(t, { nodes: names, fences: { passesInMs: () => fence.passedAtMs - now() } })
  const now = () => cluster.clock.monoMs()
  const annotations = Object.fromEntries(Object.entries(said).map(([key, value]) => [`holdfast.dev/${key}`, value]))
  const { metadata, ...rest } = template()
  cluster.objects.create(
    DEPLOYMENT,
    deployment('web', { replicas: 1, ...spec, template: { metadata: { ...metadata, annotations }, ...rest } }),
  )
  await cluster.run()
  const [original] = cluster.pods('web')
  if (!original) throw new Error('nothing runs')
  return { cluster, original, fence, away: original.spec.nodeName ?? '' }
}

const uids = (cluster: LittleCluster) => cluster.pods('web').map(({ metadata }) => metadata.uid)
const named = (cluster: LittleCluster, { metadata: { name } }: Pod) =>
  cluster.pods('web').find((one) => one.metadata.name === name)
const others = (cluster: LittleCluster, { metadata: { name } }: Pod) =>
  cluster.pods('web').filter((one) => one.metadata.name !== name)
const status = ({ objects }: LittleCluster) => objects.get(DEPLOYMENT, 'default', 'web')?.status

async function lose(cluster: LittleCluster, node: string): Promise<void> {
  cluster.disconnect(node)
  await cluster.run(TOLERATED_MS)
}

t.test(
  'By default a spare is started after a minute, the original is shown as lost, and the spare stays',
  async (t) => {
    const { cluster, original, away } = await start(t, {})
    cluster.disconnect(away)
    await cluster.run(50_000)
    t.equal(cluster.pods('web').length, 1, 'nothing moves on a blink')
    await cluster.run(12_000)
    const [spare] = others(cluster, original)
    t.not(spare?.spec.nodeName, away)
    t.equal(spare?.metadata.annotations?.['holdfast.dev/replaces'], original.metadata.uid)
    const lost = named(cluster, original)
    t.equal(lost?.metadata.deletionTimestamp, undefined)
    t.equal(lost && podStatusText(lost), 'NodeLost')
    t.match(status(cluster), { replicas: 1, readyReplicas: 1 }, 'it counts no longer')
    await cluster.run(600_000)
    t.equal(cluster.pods('web').length, 2, 'one spare, not one a minute')

    cluster.reconnect(away)
    await cluster.run(5_000)
    t.same(
      cluster.pods('web').map(({ metadata }) => metadata.name),
      [spare?.metadata.name],
    )
  },
)

t.test('keep-original: the original goes on as the same pod, the spare goes', async (t) => {
  const { cluster, original, away } = await start(t, { 'on-reconnect': 'keep-original' })
  await lose(cluster, away)
  t.equal(cluster.pods('web').length, 2)
  cluster.reconnect(away)
  await cluster.run(5_000)
  const left = cluster.pods('web')
  t.same(
    left.map(({ metadata }) => metadata.uid),
    [original.metadata.uid],
  )
  t.equal(left[0] && podStatusText(left[0]), 'Running')
  t.match(status(cluster), { replicas: 1, readyReplicas: 1 })
})

t.test('Where nothing else could run it, the original goes on as if nothing had been', async (t) => {
  const { cluster, original, away } = await start(t, {}, {}, 1)
  await lose(cluster, away)
  t.equal(others(cluster, original)[0]?.spec.nodeName, undefined, 'the spare waits for a node')
  cluster.reconnect(away)
  await cluster.run(5_000)
  t.same(uids(cluster), [original.metadata.uid])
})

t.test('wait: nothing is started elsewhere, however long it takes', async (t) => {
  const { cluster, original, away } = await start(t, { 'on-disconnect': 'wait' })
  await lose(cluster, away)
  await cluster.run(3_600_000)
  t.same(uids(cluster), [original.metadata.uid])
  cluster.reconnect(away)
  await cluster.run(5_000)
  t.match(status(cluster), { readyReplicas: 1 })
})

t.test('A singleton is started elsewhere only when its device has provably stopped it', async (t) => {
  const { cluster, original, fence, away } = await start(t, { singleton: 'true' })
  fence.passedAtMs = cluster.clock.monoMs() + 120_000
  await lose(cluster, away)
  t.equal(cluster.pods('web').length, 1, 'its time of toleration is over, its lease is not')
  await cluster.run(60_000)
  const [next] = cluster.pods('web')
  t.not(next?.metadata.uid, original.metadata.uid)
  t.not(next?.spec.nodeName, away)
  t.same(cluster.messages('FencePassed').length, 1)
})

t.test(
  'A singleton that is told to go on a device that is away is followed only when it has provably stopped',
  async (t) => {
    const { cluster, original, fence, away } = await start(t, { singleton: 'true' })
    cluster.disconnect(away)
    fence.passedAtMs = cluster.clock.monoMs() + 100_000
    cluster.objects.modify(DEPLOYMENT, 'default', 'web', (current) => ({
      ...current,
      spec: {
        ...current.spec,
        template: { ...current.spec.template, spec: { containers: [{ name: 'app', image: 'my-image:2' }] } },
      },
    }))
    await cluster.run(90_000)
    t.same(uids(cluster), [original.metadata.uid], 'no surge')
    t.ok(named(cluster, original)?.metadata.deletionTimestamp)
    await cluster.run(60_000)
    t.same(
      cluster.pods('web').map(({ spec }) => spec.containers[0]?.image),
      ['my-image:2'],
    )
  },
)

t.test('A rollout of a singleton stops the old one before it starts the new one', async (t) => {
  const { cluster } = await start(t, { singleton: 'true' })
  let most = 0
  cluster.objects.modify(DEPLOYMENT, 'default', 'web', (current) => ({
    ...current,
    spec: {
      ...current.spec,
      template: { ...current.spec.template, spec: { containers: [{ name: 'app', image: 'my-image:2' }] } },
    },
  }))
  for (let step = 0; step < 200; step++) {
    await cluster.run(10)
    most = Math.max(most, cluster.pods('web').length)
  }
  t.equal(most, 1)
  t.same(
    cluster.pods('web').map(({ spec }) => spec.containers[0]?.image),
    ['my-image:2'],
  )
})

t.test(
  'What was put aside goes with its Deployment scaled to nothing, and never comes back as a stale one',
  async (t) => {
    const { cluster, original, away } = await start(t, {})
    await lose(cluster, away)
    cluster.objects.modify(DEPLOYMENT, 'default', 'web', (current) => ({
      ...current,
      spec: { ...current.spec, replicas: 0 },
    }))
    await cluster.run(5_000)
    t.ok(named(cluster, original)?.metadata.deletionTimestamp, 'its device is told when it is back')
    cluster.reconnect(away)
    await cluster.run(5_000)
    t.same(cluster.pods('web'), [])
  },
)

t.test('A pod of nobody stays with its device: nobody would start it anew', async (t) => {
  const { cluster, away } = await start(t, {})
  const { spec } = pod('alone', { nodeName: away })
  const metadata = { name: 'alone', namespace: 'default' }
  cluster.objects.create(POD, { apiVersion: 'v1', kind: 'Pod', metadata, spec })
  await cluster.run(1_000)
  await lose(cluster, away)
  t.equal(cluster.objects.get(POD, 'default', 'alone')?.metadata.deletionTimestamp, undefined)
})

t.test('Pods of a StatefulSet may run only once, whatever their template says', async (t) => {
  const { cluster } = await start(t, {})
  const admitting = withAdmission(cluster.objects, { unreachableTolerationMs: 60_000 })
  const ownerReferences = [{ apiVersion: 'apps/v1', kind: 'StatefulSet', name: 'db', uid: 'db', controller: true }]
  const metadata = { name: 'db-0', namespace: 'default', ownerReferences }
  const made = admitting.create(POD, { apiVersion: 'v1', kind: 'Pod', metadata, spec: pod('db').spec })
  t.equal(made.metadata.annotations?.['holdfast.dev/singleton'], 'true')
})

t.test(
  'An engine that does not answer for long is as a device that is away: a spare elsewhere, the original put aside',
  async (t) => {
    const { cluster, original, away } = await start(t, { 'on-reconnect': 'keep-original' })
    cluster.silence(away)
    await cluster.run(50_000)
    t.equal(cluster.pods('web').length, 1, 'nothing moves on a blink')
    await cluster.run(12_000)
    const [spare] = others(cluster, original)
    t.not(spare?.spec.nodeName, away)
    t.equal(spare?.metadata.annotations?.['holdfast.dev/replaces'], original.metadata.uid)
    const aside = named(cluster, original)
    t.equal(aside && podStatusText(aside), 'NodeLost')
    t.match(
      aside?.status?.conditions?.find(({ type }) => type === 'Ready'),
      { status: 'False', message: /does not answer/ },
    )
    t.match(status(cluster), { replicas: 1, readyReplicas: 1 })
    await cluster.run(600_000)
    t.equal(cluster.pods('web').length, 2)
    cluster.reconnect(away)
    await cluster.run(5_000)
    t.same(uids(cluster), [original.metadata.uid])
  },
)

t.test('An engine that answers again in time moves nothing', async (t) => {
  const { cluster, original, away } = await start(t, {})
  for (let count = 0; count < 5; count++) {
    cluster.silence(away)
    await cluster.run(40_000)
    cluster.reconnect(away)
    await cluster.run(5_000)
  }
  t.same(uids(cluster), [original.metadata.uid])
})

const ONCE: readonly Record<string, string>[] = [
  { 'on-disconnect': 'wait' },
  { singleton: 'true' },
  { 'on-disconnect': 'stop' },
]
for (const said of ONCE)
  t.test(`An engine that does not answer moves nothing that must not run twice: ${JSON.stringify(said)}`, async (t) => {
    const { cluster, original, fence, away } = await start(t, said)
    cluster.silence(away)
    // The device is heard: its leases go on.
    for (let minute = 0; minute < 10; minute++) {
      fence.passedAtMs = cluster.clock.monoMs() + 108_000
      await cluster.run(60_000)
    }
    t.same(uids(cluster), [original.metadata.uid])
  })

t.test('Pods of another runtime on the same device are none of its business', async (t) => {
  const { cluster, away } = await start(t, {})
  const { metadata, spec } = template()
  cluster.addNode('spare', { labels: { 'holdfast.dev/runtime-process': 'true' } })
  cluster.objects.modify(NODE, undefined, away, (node) => ({
    ...node,
    metadata: { ...node.metadata, labels: { ...node.metadata.labels, 'holdfast.dev/runtime-process': 'true' } },
  }))
  const selector = { matchLabels: { app: 'plain' } }
  const plain: PodTemplateSpec = {
    metadata: { ...metadata, labels: { app: 'plain' } },
    spec: { containers: [], ...spec, runtimeClassName: 'process', nodeSelector: { 'kubernetes.io/hostname': away } },
  }
  cluster.objects.create(DEPLOYMENT, deployment('plain', { replicas: 1, selector, template: plain }))
  await cluster.run()
  const [before] = cluster.pods('plain')
  t.equal(before?.spec.nodeName, away)
  cluster.silence(away)
  await cluster.run(TOLERATED_MS)
  t.equal(cluster.pods('web').length, 2)
  t.same(
    cluster.pods('plain').map(({ metadata: { uid }, status: { reason } = {} }) => [uid, reason]),
    [[before?.metadata.uid, undefined]],
  )
})
