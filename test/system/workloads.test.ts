// workloads.test.ts - what users do with Deployments and DaemonSets, on a whole cluster
import t from 'tap'
import { createCluster, sideBySide } from '../support/cluster.ts'
import { daemonSet, deployment, template } from '../support/builders.ts'
import { REPLICA_SET } from '../../shared/kinds/replica-set.ts'

sideBySide(t)

const DEPLOYMENTS = '/apis/apps/v1/namespaces/default/deployments'
const DAEMON_SETS = '/apis/apps/v1/namespaces/default/daemonsets'

t.test('A Deployment runs, scales up and down, and goes', async (t) => {
  const cluster = await createCluster(t)
  await cluster.apply(deployment('web', { replicas: 3 }))
  await cluster.settled()
  t.equal(cluster.running('web').count, 3)
  t.same(cluster.running('web').nodes, ['n1', 'n2', 'n3'], 'one on each node')
  const first = cluster.running('web').ids

  await cluster.apply(deployment('web', { replicas: 6 }))
  await cluster.settled()
  t.equal(cluster.running('web').count, 6)
  t.ok(
    first.every((id) => cluster.running('web').ids.includes(id)),
    'what ran before runs on',
  )

  await cluster.apply(deployment('web', { replicas: 1 }))
  await cluster.settled()
  t.equal(cluster.running('web').count, 1)

  await cluster.api.send('DELETE', `${DEPLOYMENTS}/web`)
  await cluster.settled()
  t.equal(cluster.running('web').count, 0)
  t.same(cluster.pods('web'), [])
})

t.test('A rolling update never has fewer available than it may, and undo brings the old version back', async (t) => {
  const cluster = await createCluster(t)
  const strategy = { type: 'RollingUpdate' as const, rollingUpdate: { maxSurge: 1, maxUnavailable: 1 } }
  const web = (image: string) => deployment('web', { replicas: 4, strategy, template: template(image) })
  await cluster.apply(web('my-image:1'))
  await cluster.settled()

  const watch = await cluster.api.watch(`${DEPLOYMENTS}?watch=1&fieldSelector=metadata.name=web`)
  let fewestRunning = Infinity
  let mostPods = 0
  await cluster.apply(web('my-image:2'))
  await cluster.eventually(async () => {
    fewestRunning = Math.min(fewestRunning, cluster.running('web').count)
    mostPods = Math.max(mostPods, cluster.pods('web').filter(({ metadata }) => !metadata.deletionTimestamp).length)
    const { status } = await cluster.api.get(`${DEPLOYMENTS}/web`)
    return status.updatedReplicas === 4 && status.replicas === 4 && status.availableReplicas === 4
  }, 30_000)
  watch.end()
  await cluster.settled()
  t.ok(fewestRunning >= 3, `never fewer than 3 ran on devices, the fewest were ${fewestRunning}`)
  t.ok(mostPods <= 5, `never more than 5 pods, the most were ${mostPods}`)
  const available = watch.events.map(({ object }) => object.status.availableReplicas ?? 0)
  t.ok(Math.min(...available) >= 3, `never fewer than 3 were available, the hub said ${available.join(' ')}`)
  t.same(imagesOf(cluster), ['my-image:2'])

  const sets = cluster.hub.objects.list(REPLICA_SET)
  const old = sets.find(({ spec }) => spec.template?.spec?.containers[0]?.image === 'my-image:1')
  t.equal(old?.metadata.annotations?.['deployment.kubernetes.io/revision'], '1')
  // As `kubectl rollout undo` does it: the template of the older ReplicaSet, without its hash.
  const undone = structuredClone(old?.spec.template)
  delete undone?.metadata?.labels?.['pod-template-hash']
  await cluster.api.send('PATCH', `${DEPLOYMENTS}/web`, [{ op: 'replace', path: '/spec/template', value: undone }], {
    'content-type': 'application/json-patch+json',
  })
  await cluster.settled()
  t.same(imagesOf(cluster), ['my-image:1'])
  t.equal(cluster.hub.objects.list(REPLICA_SET).length, 2, 'the old ReplicaSet is used again')
})

t.test('A rollout to a version that does not start leaves the old one running', async (t) => {
  const cluster = await createCluster(t, { nodes: 2 })
  const web = (image: string) =>
    deployment('web', { replicas: 4, progressDeadlineSeconds: 2, template: template(image) })
  await cluster.apply(web('my-image:1'))
  await cluster.settled()
  await cluster.apply(web('no-such-image:1'))
  await cluster.eventually(async () => {
    const { status } = await cluster.api.get(`${DEPLOYMENTS}/web`)
    const { reason } = status.conditions.find((condition: { type: string }) => condition.type === 'Progressing')
    return reason === 'ProgressDeadlineExceeded'
  }, 20_000)
  t.ok(cluster.running('web').count >= 3, 'three quarters stay')
  await cluster.apply(web('my-image:1'))
  await cluster.settled()
  t.same(imagesOf(cluster), ['my-image:1'])
})

t.test('A DaemonSet follows the nodes', async (t) => {
  const cluster = await createCluster(t, { nodes: 2 })
  await cluster.apply(daemonSet('watcher'))
  await cluster.settled()
  t.same(cluster.running('watcher').nodes, ['n1', 'n2'])

  await cluster.addNode('n3')
  await cluster.eventually(() => cluster.running('watcher').on('n3').count === 1)
  await cluster.settled()

  await cluster.api.send(
    'PATCH',
    '/api/v1/nodes/n1',
    { metadata: { labels: { kind: 'gateway' } } },
    { 'content-type': 'application/merge-patch+json' },
  )
  await cluster.apply(
    daemonSet('watcher', { template: template('my-image:1', { nodeSelector: { kind: 'gateway' } }, 'watcher') }),
  )
  await cluster.settled()
  t.same(cluster.running('watcher').nodes, ['n1'])

  await cluster.api.send('DELETE', `${DAEMON_SETS}/watcher`)
  await cluster.settled()
  t.equal(cluster.running('watcher').count, 0)
})

const imagesOf = ({ devices }: { devices: Awaited<ReturnType<typeof createCluster>>['devices'] }) => [
  ...new Set([...devices.values()].flatMap((device) => device.running().map(({ image }) => image))),
]
