// rebalance.test.ts - pods that move by themselves to a device that came back: slowly, within their budget, and only when asked for
import t, { type Test } from 'tap'
import { DEPLOYMENT } from '../../../shared/kinds/deployment.ts'
import { POD_DISRUPTION_BUDGET } from '../../../shared/kinds/policy.ts'
import { deployment } from '../../support/builders.ts'
import { littleCluster, type ClusterOptions, type LittleCluster } from '../../support/little-cluster.ts'

const HOUR_MS = 3_600_000

const counts = (cluster: LittleCluster) => {
  const names = ['node-1', 'node-2', 'node-3']
  const pods = cluster.pods('web').filter(({ metadata }) => !metadata.deletionTimestamp)
  return names.map((name) => pods.filter(({ spec }) => spec.nodeName === name).length)
}

/** Six pods on two of three devices, because the third was away. */
async function lopsided(t: Pick<Test, 'teardown' | 'same'>, options: ClusterOptions) {
  const cluster = await littleCluster(t, options)
  cluster.disconnect('node-3')
  cluster.objects.create(DEPLOYMENT, deployment('web', { replicas: 6 }))
  await cluster.run()
  t.same(counts(cluster), [3, 3, 0])
  return cluster
}

t.test('A device that came back for good gets its share, one pod at a time', async (t) => {
  const cluster = await lopsided(t, { rebalancePerHour: 6, startMs: 1_000 })
  cluster.reconnect('node-3')
  await cluster.run(4 * 60_000)
  t.same(counts(cluster), [3, 3, 0], 'it could go again at any moment')
  let fewest = 6
  for (let second = 0; second < 15 * 60; second++) {
    await cluster.run(1_000)
    const ready = cluster
      .pods('web')
      .filter(({ status, metadata }) => status?.phase === 'Running' && !metadata.deletionTimestamp)
    fewest = Math.min(fewest, ready.length)
  }
  t.same(counts(cluster), [2, 2, 2])
  t.ok(fewest >= 5, 'never more than one is on its way')
  t.equal(cluster.messages('Rebalanced').length, 2)
  t.match(cluster.messages('Rebalanced')[0], /^moved away from node-\d: default\/web-\S+ is spread node-\d 3/)
})

t.test('No more move in an hour than may', async (t) => {
  const cluster = await lopsided(t, { rebalancePerHour: 1 })
  cluster.reconnect('node-3')
  await cluster.run(HOUR_MS / 2)
  t.equal(counts(cluster)[2], 1)
  await cluster.run(HOUR_MS)
  t.equal(counts(cluster)[2], 2)
})

t.test('A disruption budget has the last word, and nobody who did not ask is moved', async (t) => {
  const cluster = await lopsided(t, { rebalancePerHour: 6 })
  cluster.objects.create(POD_DISRUPTION_BUDGET, {
    apiVersion: 'policy/v1',
    kind: 'PodDisruptionBudget',
    metadata: { name: 'web', namespace: 'default' },
    spec: { minAvailable: 6, selector: { matchLabels: { app: 'web' } } },
  })
  cluster.reconnect('node-3')
  await cluster.run(HOUR_MS / 2)
  t.same(counts(cluster), [3, 3, 0])
  cluster.objects.delete(POD_DISRUPTION_BUDGET, 'default', 'web')
  await cluster.run(2 * HOUR_MS)
  t.same(counts(cluster), [2, 2, 2], 'it is tried again')

  const still = await lopsided(t, {})
  still.reconnect('node-3')
  await still.run(2 * HOUR_MS)
  t.same(counts(still), [3, 3, 0])
})
