// deployment.test.ts - rollouts end to end: the real store and controllers, with toys for devices
import t from 'tap'
import { CONFIG_MAP } from '../../../shared/kinds/config-map.ts'
import { DEPLOYMENT } from '../../../shared/kinds/deployment.ts'
import type { Deployment, ReplicaSet } from '../../../shared/kinds/object.ts'
import { NAMESPACE } from '../../../shared/kinds/namespace.ts'
import { POD } from '../../../shared/kinds/pod.ts'
import { REPLICA_SET } from '../../../shared/kinds/replica-set.ts'
import { SERVICE_ACCOUNT } from '../../../shared/kinds/service-account.ts'
import { container, deployment, replicaSet, template } from '../../support/builders.ts'
import { littleCluster, type LittleCluster } from '../../support/little-cluster.ts'

const REVISION = 'deployment.kubernetes.io/revision'

const change = ({ objects }: LittleCluster, spec: Partial<Deployment['spec']>) =>
  objects.modify(DEPLOYMENT, 'default', 'web', (current) => ({ ...current, spec: { ...current.spec, ...spec } }))
const setImage = (cluster: LittleCluster, image: string) => change(cluster, { template: template(image) })
const web = ({ objects }: LittleCluster): Deployment => {
  const found = objects.get(DEPLOYMENT, 'default', 'web')
  if (!found) throw new Error('there is no deployment "web"')
  return found
}
const sets = ({ objects }: LittleCluster) => objects.list(REPLICA_SET, 'default')
const imageOf = ({ spec }: ReplicaSet) => spec.template?.spec?.containers[0]?.image
const images = (cluster: LittleCluster) => [
  ...new Set(cluster.pods('web').map(({ spec }) => spec.containers[0]?.image)),
]
const condition = (cluster: LittleCluster, type: string) =>
  web(cluster).status?.conditions?.find((found) => found.type === type)

t.test('A new deployment runs and says so in the words that kubectl waits for', async (t) => {
  const cluster = await littleCluster(t)
  cluster.objects.create(DEPLOYMENT, deployment('web'))
  await cluster.run()
  t.match(web(cluster).status, {
    observedGeneration: 1,
    replicas: 3,
    updatedReplicas: 3,
    readyReplicas: 3,
    availableReplicas: 3,
  })
  const [set] = sets(cluster)
  t.match(set?.metadata.name, /^web-[bcdfghjklmnpqrstvwxz2456789]+$/)
  t.equal(web(cluster).metadata.annotations?.[REVISION], '1')
  t.match(condition(cluster, 'Available'), {
    status: 'True',
    reason: 'MinimumReplicasAvailable',
    message: 'Deployment has minimum availability.',
  })
  t.match(condition(cluster, 'Progressing'), {
    status: 'True',
    reason: 'NewReplicaSetAvailable',
    message: `ReplicaSet "${set?.metadata.name}" has successfully progressed.`,
  })
  t.same(cluster.messages('ScalingReplicaSet'), [`Scaled up replica set ${set?.metadata.name} from 0 to 3`])
  t.equal(cluster.messages('SuccessfulCreate').length, 3)
  t.equal(new Set(cluster.pods('web').map(({ spec }) => spec.nodeName)).size, 3, 'one on each node')
})

t.test('Undo brings the old revision back under the highest number', async (t) => {
  const cluster = await littleCluster(t)
  cluster.objects.create(DEPLOYMENT, deployment('web'))
  await cluster.run()
  setImage(cluster, 'my-image:2')
  await cluster.run(5_000)
  t.same(images(cluster), ['my-image:2'])
  t.equal(web(cluster).metadata.annotations?.[REVISION], '2')
  setImage(cluster, 'my-image:1')
  await cluster.run(5_000)
  t.same(images(cluster), ['my-image:1'])
  t.equal(sets(cluster).length, 2, 'the old ReplicaSet is used again')
  const back = sets(cluster).find((set) => imageOf(set) === 'my-image:1')
  t.equal(back?.metadata.annotations?.[REVISION], '3')
  t.equal(back?.metadata.annotations?.['deployment.kubernetes.io/revision-history'], '1')
  t.equal(web(cluster).metadata.annotations?.[REVISION], '3')
})

t.test('The change cause goes to the revision that it caused', async (t) => {
  const cluster = await littleCluster(t)
  const cause = 'kubernetes.io/change-cause'
  const made = deployment('web')
  cluster.objects.create(DEPLOYMENT, {
    ...made,
    metadata: { ...made.metadata, name: 'web', annotations: { [cause]: 'first' } },
  })
  await cluster.run()
  t.equal(sets(cluster)[0]?.metadata.annotations?.[cause], 'first')
})

t.test('A template that differs only in spelled-out nothings starts no rollout', async (t) => {
  const cluster = await littleCluster(t)
  cluster.objects.create(DEPLOYMENT, deployment('web'))
  await cluster.run()
  change(cluster, { template: template('my-image:1', { hostNetwork: false, imagePullSecrets: [] }) })
  await cluster.run()
  t.equal(sets(cluster).length, 1)
})

t.test('Recreate never runs two versions at once', async (t) => {
  const cluster = await littleCluster(t, { stopMs: 500 })
  cluster.objects.create(DEPLOYMENT, deployment('web', { strategy: { type: 'Recreate' } }))
  await cluster.run()
  setImage(cluster, 'my-image:2')
  for (let step = 0; step < 40; step++) {
    await cluster.run(50)
    t.ok(images(cluster).length <= 1, images(cluster).join(' and '))
  }
  t.same(images(cluster), ['my-image:2'])
  t.equal(web(cluster).status?.availableReplicas, 3)
})

for (const [what, strategy] of [
  ['Recreate', { type: 'Recreate' }],
  ['no surge', { type: 'RollingUpdate', rollingUpdate: { maxSurge: 0, maxUnavailable: '100%' } }],
] as const) {
  t.test(
    `With ${what}, where they can run nowhere else, the next pods are there while the last ones end, and start after`,
    async (t) => {
      const cluster = await littleCluster(t, { nodes: ['node-1'], keepsOrder: true, stopMs: 500 })
      cluster.objects.create(DEPLOYMENT, deployment('web', { replicas: 2, strategy }))
      await cluster.run()
      const before = cluster.pods('web').map(({ metadata }) => metadata.uid)
      setImage(cluster, 'my-image:2')
      await cluster.run(100)
      const of = (image: string) => cluster.pods('web').filter(({ spec }) => spec.containers[0]?.image === image)
      const next = of('my-image:2')
      t.equal(next.length, 2)
      for (const { spec, metadata } of next) {
        t.equal(spec.nodeName, 'node-1', 'bound already')
        t.same(metadata.annotations?.['holdfast.dev/after']?.split(',').toSorted(), before.toSorted())
      }
      t.ok(of('my-image:1').every(({ metadata }) => metadata.deletionTimestamp))
      // Another device that could run them comes too late to be chosen: nobody could see the last ones end from there.
      cluster.addNode('node-2')
      let both = 0
      for (let step = 0; step < 40; step++) {
        await cluster.run(50)
        const running = cluster.pods('web').filter(({ status }) => status?.phase === 'Running')
        both = Math.max(both, new Set(running.map(({ spec }) => spec.containers[0]?.image)).size)
      }
      t.equal(both, 1)
      t.same(images(cluster), ['my-image:2'])
      t.equal(web(cluster).status?.availableReplicas, 2)
      t.equal(sets(cluster).length, 2)
      setImage(cluster, 'my-image:3')
      await cluster.run(100)
      t.notOk(
        of('my-image:3').some(({ metadata }) => metadata.annotations?.['holdfast.dev/after']),
        'they could run elsewhere',
      )
      await cluster.run(5_000)
      t.same(images(cluster), ['my-image:3'])
    },
  )
}

t.test(
  'An update that is undone in the middle ends with the last version that was asked for, and never with both',
  async (t) => {
    const cluster = await littleCluster(t, { nodes: ['node-1'], keepsOrder: true, stopMs: 500 })
    cluster.objects.create(DEPLOYMENT, deployment('web', { replicas: 2, strategy: { type: 'Recreate' } }))
    await cluster.run()
    setImage(cluster, 'broken:2')
    await cluster.run(2_000)
    setImage(cluster, 'my-image:3')
    await cluster.run(100)
    setImage(cluster, 'my-image:1')
    for (let step = 0; step < 40; step++) {
      await cluster.run(50)
      const running = cluster.pods('web').filter(({ status }) => status?.phase === 'Running')
      t.ok(new Set(running.map(({ spec }) => spec.containers[0]?.image)).size <= 1)
    }
    t.same(images(cluster), ['my-image:1'])
    t.equal(web(cluster).status?.availableReplicas, 2)
  },
)

t.test('Recreate is not held for ever by a device that is away', async (t) => {
  const cluster = await littleCluster(t)
  cluster.objects.create(DEPLOYMENT, deployment('web', { strategy: { type: 'Recreate' } }))
  await cluster.run()
  cluster.disconnect('node-2')
  setImage(cluster, 'my-image:2')
  await cluster.run(5_000)
  const running = cluster.pods('web').filter(({ metadata }) => !metadata.deletionTimestamp)
  t.same(new Set(running.map(({ spec }) => spec.containers[0]?.image)), new Set(['my-image:2']))
  t.equal(web(cluster).status?.availableReplicas, 3)
})

t.test('Nor by one whose pods were replaced long before the update', async (t) => {
  const cluster = await littleCluster(t)
  cluster.objects.create(DEPLOYMENT, deployment('web', { strategy: { type: 'Recreate' } }))
  await cluster.run()
  cluster.disconnect('node-2')
  await cluster.run(120_000)
  t.equal(web(cluster).status?.availableReplicas, 3)
  setImage(cluster, 'my-image:2')
  await cluster.run(10_000)
  t.match(web(cluster).status, { availableReplicas: 3, updatedReplicas: 3, replicas: 3 })
  t.match(condition(cluster, 'holdfast.dev/Rollout'), { status: 'True', reason: 'Complete', message: '3 updated' })
  cluster.reconnect('node-2')
  await cluster.run(10_000)
  t.same(images(cluster), ['my-image:2'])
  t.equal(cluster.pods('web').length, 3)
})

t.test('A paused deployment rolls nothing out but still scales', async (t) => {
  const cluster = await littleCluster(t)
  cluster.objects.create(DEPLOYMENT, deployment('web'))
  await cluster.run()
  change(cluster, { paused: true })
  await cluster.run()
  t.match(condition(cluster, 'Progressing'), {
    status: 'Unknown',
    reason: 'DeploymentPaused',
    message: 'Deployment is paused',
  })
  change(cluster, { template: template('my-image:2'), replicas: 5 })
  await cluster.run()
  t.same(images(cluster), ['my-image:1'])
  t.equal(cluster.pods('web').length, 5)
  change(cluster, { paused: false })
  await cluster.run(5_000)
  t.same(images(cluster), ['my-image:2'])
  t.match(condition(cluster, 'Progressing'), { status: 'True', reason: 'NewReplicaSetAvailable' })
})

t.test('A rollout that does not move says so after its deadline, and recovers when it is undone', async (t) => {
  const cluster = await littleCluster(t)
  cluster.objects.create(DEPLOYMENT, deployment('web', { progressDeadlineSeconds: 30 }))
  await cluster.run()
  setImage(cluster, 'broken:1')
  await cluster.run(20_000)
  t.match(condition(cluster, 'Progressing'), { reason: 'ReplicaSetUpdated' })
  await cluster.run(20_000)
  const broken = sets(cluster).find((set) => imageOf(set) === 'broken:1')
  t.match(condition(cluster, 'Progressing'), {
    status: 'False',
    reason: 'ProgressDeadlineExceeded',
    message: `ReplicaSet "${broken?.metadata.name}" has timed out progressing.`,
  })
  t.equal(web(cluster).status?.availableReplicas, 3, 'the old version still serves')
  setImage(cluster, 'my-image:1')
  await cluster.run(5_000)
  t.match(condition(cluster, 'Progressing'), { status: 'True', reason: 'NewReplicaSetAvailable' })
})

t.test('Only as many old revisions are kept as asked for', async (t) => {
  const cluster = await littleCluster(t)
  cluster.objects.create(DEPLOYMENT, deployment('web', { revisionHistoryLimit: 1 }))
  for (const version of [1, 2, 3, 4]) {
    setImage(cluster, `my-image:${version}`)
    await cluster.run(5_000)
  }
  t.same(new Set(sets(cluster).map(imageOf)), new Set(['my-image:3', 'my-image:4']))
})

t.test('A hash that another template took is avoided', async (t) => {
  const cluster = await littleCluster(t)
  cluster.objects.create(DEPLOYMENT, deployment('web'))
  await cluster.run()
  const [first] = sets(cluster)
  cluster.objects.delete(DEPLOYMENT, 'default', 'web')
  cluster.objects.modify(REPLICA_SET, 'default', first?.metadata.name ?? '', (set) => ({
    ...set,
    metadata: { ...set.metadata, ownerReferences: [], labels: { app: 'other' } },
  }))
  cluster.objects.create(DEPLOYMENT, deployment('web'))
  await cluster.run(5_000)
  t.equal(web(cluster).status?.collisionCount, 1)
  t.equal(web(cluster).status?.availableReplicas, 3)
})

t.test('minReadySeconds are counted before a pod counts as available', async (t) => {
  const cluster = await littleCluster(t)
  cluster.objects.create(DEPLOYMENT, deployment('web', { minReadySeconds: 10 }))
  await cluster.run(5_000)
  t.match(web(cluster).status, { readyReplicas: 3, unavailableReplicas: 3 })
  cluster.clock.setWall(0)
  await cluster.run(8_000)
  t.match(web(cluster).status, { readyReplicas: 3, availableReplicas: 3 }, 'also when the wall clock jumps to 1970')
})

t.test('What keeps pods from being made is shown on the deployment', async (t) => {
  const cluster = await littleCluster(t)
  const { objects } = cluster
  objects.create(NAMESPACE, { apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'shop' }, spec: {} })
  objects.create(DEPLOYMENT, { ...deployment('web'), metadata: { name: 'web', namespace: 'shop' } })
  await cluster.run()
  objects.delete(NAMESPACE, undefined, 'shop')
  objects.delete(POD, 'shop', objects.list(POD, 'shop')[0]?.metadata.name ?? '')
  await cluster.run()
  const conditions = objects.get(DEPLOYMENT, 'shop', 'web')?.status?.conditions
  t.match(
    conditions?.find(({ type }) => type === 'ReplicaFailure'),
    { status: 'True', reason: 'FailedCreate', message: /namespace shop because it is being terminated/ },
  )
})

t.test('A ReplicaSet adopts pods that match, and lets go those that do not any more', async (t) => {
  const cluster = await littleCluster(t)
  const metadata = { name: 'stray', namespace: 'default', labels: { app: 'web' } }
  cluster.objects.create(POD, { apiVersion: 'v1', kind: 'Pod', metadata, spec: { containers: [container()] } })
  await cluster.run()
  cluster.objects.create(REPLICA_SET, replicaSet('web'))
  await cluster.run()
  t.equal(cluster.pods('web').length, 3, 'two new ones beside the adopted')
  t.equal(cluster.objects.get(POD, 'default', 'stray')?.metadata.ownerReferences?.[0]?.name, 'web')
  cluster.objects.modify(POD, 'default', 'stray', (current) => ({
    ...current,
    metadata: { ...current.metadata, labels: { app: 'debug' } },
  }))
  await cluster.run()
  t.equal(cluster.objects.get(POD, 'default', 'stray')?.metadata.ownerReferences?.length ?? 0, 0)
  t.equal(cluster.pods('web').length, 3, 'and a new one takes its place')
})

t.test('Pods on a device that cannot be reached are replaced after a minute, not before', async (t) => {
  const cluster = await littleCluster(t)
  cluster.objects.create(DEPLOYMENT, deployment('web'))
  await cluster.run()
  cluster.disconnect('node-2')
  const aside = () => cluster.pods('web').filter(({ status }) => status?.reason === 'NodeLost')
  await cluster.run(55_000)
  t.equal(aside().length, 0)
  t.equal(cluster.pods('web').length, 3)
  await cluster.run(10_000)
  t.same(
    aside().map(({ spec }) => spec.nodeName),
    ['node-2'],
  )
  t.equal(web(cluster).status?.availableReplicas, 3, 'a replacement runs elsewhere')
  cluster.reconnect('node-2')
  await cluster.run()
  t.equal(aside().length, 0)
  t.equal(cluster.pods('web').length, 3)
})

t.test('Every namespace gets an account and the CA', async (t) => {
  const cluster = await littleCluster(t)
  await cluster.run()
  t.ok(cluster.objects.get(SERVICE_ACCOUNT, 'default', 'default'))
  t.same(cluster.objects.get(CONFIG_MAP, 'default', 'kube-root-ca.crt')?.data, { 'ca.crt': 'the CA' })
  cluster.objects.delete(SERVICE_ACCOUNT, 'default', 'default')
  await cluster.run()
  t.ok(cluster.objects.get(SERVICE_ACCOUNT, 'default', 'default'), 'and gets it back')
})
