// removal.test.ts - how pods, namespaces and nodes go: politely, by force, and when nobody can be asked
import t from 'tap'
import { daemonSet, deployment, newPod } from '../support/builders.ts'
import { createCluster, sideBySide } from '../support/cluster.ts'

sideBySide(t)

const PODS = '/api/v1/namespaces/default/pods'
const at = (node: string) => ({ nodeName: node })

t.test('A pod that is deleted stays until its device has stopped it, and force takes it away at once', async (t) => {
  const cluster = await createCluster(t, { nodes: 1 })
  const { runtime } = cluster.device('n1')
  runtime.behave('my-image:1', { termMs: 1_500 })
  const slow = (name: string) => newPod(name, { containers: [{ name: 'app', image: 'my-image:1' }], ...at('n1') })
  await cluster.apply(slow('polite'), slow('forced'))
  await cluster.settled()

  const answer = await cluster.api.send('DELETE', `${PODS}/polite`)
  t.ok(answer.metadata.deletionTimestamp)
  t.equal(answer.metadata.deletionGracePeriodSeconds, 30)
  await cluster.eventually(() =>
    runtime.actions.some(({ do: what, signal }) => what === 'signal' && signal === 'SIGTERM'),
  )
  t.equal((await cluster.api.ask('GET', `${PODS}/polite`)).code, 200, 'it is still there while it stops')
  await cluster.eventually(async () => (await cluster.api.ask('GET', `${PODS}/polite`)).code === 404)
  t.equal(cluster.running('polite').count, 0, 'it went only when nothing of it ran any more')

  await cluster.api.send('DELETE', `${PODS}/forced?gracePeriodSeconds=0`)
  t.equal((await cluster.api.ask('GET', `${PODS}/forced`)).code, 404, 'by force it is gone at once')
  await cluster.settled()
  t.equal(cluster.running('forced').count, 0, 'and its device stops it')
})

t.test(
  'A pod of a device that is away waits in deletion; after force, the device stops it when it returns',
  async (t) => {
    const cluster = await createCluster(t, { nodes: 1 })
    await cluster.apply(newPod('web', at('n1')), newPod('other', at('n1')))
    await cluster.settled()
    cluster.disconnect('n1')
    await cluster.eventually(() => cluster.ready('n1') === 'Unknown')
    await cluster.api.send('DELETE', `${PODS}/web?gracePeriodSeconds=1`)
    await cluster.api.send('DELETE', `${PODS}/web?gracePeriodSeconds=1`)
    t.equal((await cluster.api.ask('GET', `${PODS}/web`)).code, 200)
    await cluster.api.send('DELETE', `${PODS}/web?gracePeriodSeconds=0`)
    t.equal((await cluster.api.ask('GET', `${PODS}/web`)).code, 404)
    t.equal(cluster.running('web').count, 1)

    cluster.reconnect('n1')
    await cluster.settled()
    t.equal(cluster.running('web').count, 0)
    t.equal(cluster.running('other').count, 1)
  },
)

t.test('A pod that was deleted and made again under the same name is another pod', async (t) => {
  const cluster = await createCluster(t, { nodes: 2 })
  await cluster.apply(newPod('web', at('n1')))
  await cluster.settled()
  const [before] = cluster.pods('web')
  await cluster.api.send('DELETE', `${PODS}/web?gracePeriodSeconds=0`)
  await cluster.apply(newPod('web', at('n2')))
  await cluster.settled()
  const [after] = cluster.pods('web')
  t.not(after?.metadata.uid, before?.metadata.uid)
  t.same(cluster.running('web').nodes, ['n2'])
})

t.test('An eviction makes a pod go, and its Deployment makes another', async (t) => {
  const cluster = await createCluster(t, { nodes: 2 })
  await cluster.apply(deployment('web', { replicas: 2 }))
  await cluster.settled()
  const victim = cluster.pods('web').find(({ spec }) => spec.nodeName === 'n1')
  const name = victim?.metadata.name ?? ''
  await cluster.api.send(
    'PATCH',
    '/api/v1/nodes/n1',
    { spec: { unschedulable: true } },
    { 'content-type': 'application/merge-patch+json' },
  )
  await cluster.api.send('POST', `${PODS}/${name}/eviction`, {
    apiVersion: 'policy/v1',
    kind: 'Eviction',
    metadata: { name },
  })
  await cluster.settled()
  t.same(cluster.running('web').nodes, ['n2', 'n2'], 'the cordoned node is empty')
})

t.test('A namespace that is deleted takes its running pods with it, and then ends', async (t) => {
  const cluster = await createCluster(t, { nodes: 2 })
  const namespace = 'shop'
  const inside = <T extends { metadata: { name?: string } }>(object: T) => ({
    ...object,
    metadata: { ...object.metadata, namespace },
  })
  await cluster.apply(
    { apiVersion: 'v1', kind: 'Namespace', metadata: { name: namespace } },
    inside(deployment('web', { replicas: 3 })),
    inside(daemonSet('watcher')),
    deployment('neighbour', { replicas: 2 }),
  )
  await cluster.settled()
  t.equal(cluster.running('web').count, 3)

  await cluster.api.send('DELETE', `/api/v1/namespaces/${namespace}`)
  t.equal((await cluster.api.get(`/api/v1/namespaces/${namespace}`)).status.phase, 'Terminating')
  const late = await cluster.api.ask('POST', `/api/v1/namespaces/${namespace}/configmaps`, {
    body: { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'late' } },
  })
  t.equal(late.code, 403, 'nothing new may be made in it')
  await cluster.eventually(async () => (await cluster.api.ask('GET', `/api/v1/namespaces/${namespace}`)).code === 404)
  t.equal(cluster.running('web').count, 0, 'nothing of it runs')
  t.equal(cluster.running('watcher').count, 0)
  t.equal(cluster.running('neighbour').count, 2)
  await cluster.settled()
})

t.test('A node that is deleted is shut out within five seconds, and its pods run elsewhere', async (t) => {
  const cluster = await createCluster(t, { nodes: 2 })
  await cluster.apply(deployment('web', { replicas: 2 }))
  await cluster.settled()
  await cluster.api.send('DELETE', '/api/v1/nodes/n2')
  await cluster.eventually(() => cluster.device('n2').agent?.link.state().link !== 'online', 5_000)
  await cluster.eventually(() => cluster.device('n2').agent?.link.state().reason?.kind === 'identity')
  t.equal(cluster.hub.fleet.session('n2'), undefined)
  t.equal((await cluster.api.ask('GET', '/api/v1/nodes/n2')).code, 404, 'it does not come back by itself')
  t.equal(cluster.running('web').on('n2').count, 1, 'what runs there runs on: only its owner can stop it now')

  const name = cluster.pods('web').find(({ spec }) => spec.nodeName === 'n2')?.metadata.name ?? ''
  await cluster.api.send('DELETE', `${PODS}/${name}?gracePeriodSeconds=0`)
  await cluster.eventually(() => cluster.running('web').on('n1').count === 2)
})
