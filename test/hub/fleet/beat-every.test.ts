// beat-every.test.ts - a device whose link is paid for by the byte beats seldom, and is judged by its own rhythm
import t from 'tap'
import { createBeatEvery } from '../../../hub/fleet/beat-every.ts'
import { createObjects } from '../../../hub/store/objects.ts'
import { NAMESPACE } from '../../../shared/kinds/namespace.ts'
import { NODE } from '../../../shared/kinds/node.ts'
import { systemRandom } from '../../../shared/random.ts'
import { createManualClock } from '../../support/manual-clock.ts'
import { startedStore } from '../../support/store.ts'

t.test('The label of a node says how often it beats, also when it changes', async (t) => {
  const store = await startedStore()
  t.teardown(() => store.stop())
  const objects = createObjects({ store, namespaces: NAMESPACE, clock: createManualClock(), random: systemRandom })
  const labels = { 'holdfast.dev/profile': 'metered' }
  objects.create(NODE, { apiVersion: 'v1', kind: 'Node', metadata: { name: 'boat', labels }, spec: {} })
  objects.create(NODE, { apiVersion: 'v1', kind: 'Node', metadata: { name: 'till' }, spec: {} })
  const every = createBeatEvery({ store, beatEveryMs: 10_000, meteredBeatEveryMs: 30_000 })
  t.equal(every('boat'), 30_000)
  t.equal(every('till'), 10_000)
  t.equal(every('nobody'), 10_000)
  objects.modify(NODE, undefined, 'boat', (node) => ({ ...node, metadata: { ...node.metadata, labels: {} } }))
  t.equal(every('boat'), 10_000)
  const slow = createBeatEvery({ store, beatEveryMs: 60_000, meteredBeatEveryMs: 30_000 })
  t.equal(slow('boat'), 60_000)
})
