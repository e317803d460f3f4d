// leases.test.ts - what a beat earns, and when a pod has provably been stopped by its own device
import t, { type Test } from 'tap'
import { createLeases } from '../../../hub/fleet/leases.ts'
import { openRecovery } from '../../../hub/store/recovery-record.ts'
import { fenceMsOf } from '../../../shared/disconnect-policy.ts'
import { CONFIG_MAP } from '../../../shared/kinds/config-map.ts'
import type { Pod } from '../../../shared/kinds/object.ts'
import { POD } from '../../../shared/kinds/pod.ts'
import { RECOVERY_NAME, RECOVERY_NAMESPACE } from '../../../shared/recovery.ts'
import { pod } from '../../support/builders.ts'
import { littleCluster } from '../../support/little-cluster.ts'

async function rig(t: Test) {
  const { store, objects, clock } = await littleCluster(t, { withScheduler: false })
  const leases = createLeases({ objects, clock })
  leases.start()
  const create = (name: string, nodeName: string, annotations: Record<string, string> = {}): Pod =>
    objects.create(POD, {
      ...pod(name, { nodeName }),
      metadata: { name, namespace: 'default', annotations },
    })
  return {
    objects,
    clock,
    leases,
    create,
    only: (name: string, node = 'node-1') => create(name, node, ONLY),
    lose: (epoch: number) =>
      openRecovery(store, { epoch, loss: 'tail', revocationsAre: 'kept', uid: 'note', wallMs: 0 }),
    close: () =>
      objects.modify(CONFIG_MAP, RECOVERY_NAMESPACE, RECOVERY_NAME, (note) => ({
        ...note,
        data: { ...note.data, state: 'closed' },
      })),
  }
}

const ONLY = { 'holdfast.dev/singleton': 'true' }

t.test('A beat renews what is on its node at that moment and runs under a lease, nothing else', async (t) => {
  const { leases, objects, create, only } = await rig(t)
  const db = only('db')
  create('web', 'node-1')
  only('queue', 'node-2')
  t.same(leases.onBeat('node-1', 5), { seq: 5, pods: [db.metadata.uid] })
  t.equal(leases.onBeat('node-3', 1), undefined)
  objects.delete(POD, 'default', 'db', { gracePeriodSeconds: 0 })
  t.equal(leases.onBeat('node-1', 6), undefined, 'what was taken away is never renewed')
})

t.test('A pod has stopped one lease after the last beat that was answered', async (t) => {
  const { leases, clock, only } = await rig(t)
  const db = only('db')
  await clock.advance(1_000_000)
  leases.onBeat('node-1', 1)
  t.equal(leases.passesInMs(db), fenceMsOf(db))
  await clock.advance(fenceMsOf(db) - 1)
  t.equal(leases.passesInMs(db), 1)
  leases.onBeat('node-1', 2)
  t.equal(leases.passesInMs(db), fenceMsOf(db))
})

t.test('A hub that has just started does not know what it granted: it waits for a whole lease', async (t) => {
  const { leases, clock, only } = await rig(t)
  const db = only('db')
  await clock.advance(1_000)
  t.equal(leases.passesInMs(db), fenceMsOf(db) - 1_000)
})

t.test('For one lease after its start a hub only renews what is older than itself', async (t) => {
  const { leases, clock, only } = await rig(t)
  const old = only('db')
  leases.start()
  const made = only('queue')
  t.same(leases.onBeat('node-1', 1), { seq: 1, pods: [made.metadata.uid], renewed: [old.metadata.uid] })
  await clock.advance(fenceMsOf(old))
  t.match(leases.onBeat('node-1', 2)?.pods.length, 2)
})

t.test('What is told to go may end in its own time, and is started by no late word', async (t) => {
  const { leases, objects, only } = await rig(t)
  const { uid } = only('db').metadata
  objects.delete(POD, 'default', 'db')
  t.same(leases.onBeat('node-1', 1), { seq: 1, pods: [], renewed: [uid] })
})

t.test('While a recovery is open nothing is started that may run only once: it may run elsewhere', async (t) => {
  const { leases, clock, only, lose, close } = await rig(t)
  lose(2)
  leases.start()
  const made = only('db')
  const found = only('queue', 'node-2')
  await clock.advance(2 * fenceMsOf(made))
  t.same(leases.onBeat('node-1', 1), { seq: 1, pods: [], renewed: [made.metadata.uid] })
  t.same(leases.onBeat('node-2', 1), { seq: 1, pods: [], renewed: [found.metadata.uid] })
  t.equal(leases.passesInMs(made), fenceMsOf(made), 'it may go on: nobody may be started elsewhere before it has ended')
  close()
  t.same(leases.onBeat('node-1', 2), { seq: 2, pods: [made.metadata.uid] })
})

t.test('After a loss also what the hub makes anew waits for a lease of which it does not know', async (t) => {
  const { leases, clock, only, lose, close } = await rig(t)
  lose(2)
  leases.start()
  close()
  const made = only('db')
  t.same(leases.onBeat('node-1', 1), { seq: 1, pods: [], renewed: [made.metadata.uid] })
  await clock.advance(fenceMsOf(made))
  t.same(leases.onBeat('node-1', 2), { seq: 2, pods: [made.metadata.uid] })
  leases.start()
  const later = only('queue', 'node-2')
  t.same(leases.onBeat('node-2', 1), { seq: 1, pods: [later.metadata.uid] }, 'a loss that is over delays nothing')
  lose(3)
  close()
  t.same(leases.onBeat('node-2', 2)?.pods, [], 'one that has shown while the hub was running does')
})

t.test('What runs without a lease is stopped by nobody', async (t) => {
  const { leases, create } = await rig(t)
  t.equal(leases.passesInMs(create('web', 'node-1')), Infinity)
})
