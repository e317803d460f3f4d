// engine-silent.test.ts - a device is there and its container engine is not, for long: its work goes on elsewhere, by each workload's own policy
import t from 'tap'
import { DEPLOYMENT } from '../../shared/kinds/deployment.ts'
import { podStatusText } from '../../shared/kinds/pod-columns.ts'
import { deployment, template } from '../support/builders.ts'
import { createCluster } from '../support/cluster.ts'

t.jobs = 2

const web = (said: Record<string, string> = {}) => {
  const { metadata, ...rest } = template()
  return deployment('web', { replicas: 1, template: { metadata: { ...metadata, annotations: said }, ...rest } })
}

t.test(
  'A spare runs elsewhere, the original goes on and is put aside; when the engine answers, one of them stays',
  async (t) => {
    const cluster = await createCluster(t, { nodes: 2, hub: { unreachableToleration: 2_000 } })
    await cluster.apply(web({ 'holdfast.dev/on-reconnect': 'keep-original' }))
    await cluster.settled()
    const [original] = cluster.pods('web')
    const ids = cluster.running('web').ids
    const home = original?.spec.nodeName ?? ''
    cluster.device(home).runtime.setAvailable(false)
    await cluster.eventually(() => cluster.running('web').count === 2)
    t.same(cluster.running('web').on(home).ids, ids, 'the engine does not answer; what it runs goes on')
    const aside = () => cluster.pods('web').find(({ metadata }) => metadata.uid === original?.metadata.uid)
    await cluster.eventually(() => cluster.hub.objects.get(DEPLOYMENT, 'default', 'web')?.status?.readyReplicas === 1)
    // The device goes on to report, and says of this pod what it said before.
    await cluster.apply(web({ 'holdfast.dev/on-reconnect': 'keep-original' }))
    await cluster.restartAgent(home)
    await cluster.eventually(() => cluster.ready(home) === 'True')
    t.equal(podStatusText(aside()!), 'NodeLost')
    t.match(cluster.events('NodeLost'), [/does not answer/])

    cluster.device(home).runtime.setAvailable(true)
    await cluster.eventually(() => cluster.pods('web').length === 1)
    await cluster.settled()
    t.same(cluster.running('web').ids, ids)
  },
)

t.test('What is to wait for its device waits for its engine too', async (t) => {
  const cluster = await createCluster(t, { nodes: 1, hub: { unreachableToleration: 1_000 } })
  await cluster.apply(web({ 'holdfast.dev/on-disconnect': 'wait' }), deployment('often', { replicas: 1 }))
  await cluster.settled()
  const before = cluster.pods('web').map(({ metadata }) => metadata.uid)
  await cluster.addNode('n2')
  cluster.device('n1').runtime.setAvailable(false)
  await cluster.eventually(() => cluster.running('often').on('n2').count === 1)
  t.same(
    cluster.pods('web').map(({ metadata }) => metadata.uid),
    before,
  )
  cluster.device('n1').runtime.setAvailable(true)
  await cluster.settled()
  t.same(
    cluster.pods('web').map(({ metadata }) => metadata.uid),
    before,
  )
})
