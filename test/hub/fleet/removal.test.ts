// removal.test.ts - checks that pods whose objects merely vanish are not stopped in masses, and that what was asked for is never held
import fc from 'fast-check'
import t, { type Test } from 'tap'
import { judgeRemoval } from '../../../hub/fleet/removal.ts'
import { createRemovalGuard } from '../../../hub/fleet/removal-guard.ts'
import { createObjects } from '../../../hub/store/objects.ts'
import { systemClock } from '../../../shared/clock.ts'
import type { Pod } from '../../../shared/kinds/object.ts'
import { NAMESPACE } from '../../../shared/kinds/namespace.ts'
import { POD } from '../../../shared/kinds/pod.ts'
import { silentLog } from '../../../shared/log.ts'
import { systemRandom } from '../../../shared/random.ts'
import { isUnknownToHub } from '../../../shared/recovery.ts'
import { eventually } from '../../support/eventually.ts'
import { startFleetRig, type FleetRig } from '../../support/fleet-rig.ts'
import { startedStore } from '../../support/store.ts'

t.test('More than half, or all, has to vanish to be held; what was deleted does not count', async (t) => {
  const cases: [before: string, now: string, sawGo: string, vanished: string, isHeld: boolean][] = [
    ['', '', '', '', false],
    ['a', 'a', '', '', false],
    ['a', '', 'a', '', false],
    ['a', '', '', 'a', true],
    ['ab', 'b', '', 'a', false],
    ['abc', 'c', '', 'ab', true],
    ['abc', '', 'ab', 'c', false],
    ['abc', '', 'a', 'bc', true],
    ['abcd', 'ab', '', 'cd', false],
    ['abcd', 'axyz', '', 'bcd', true],
  ]
  for (const [before, now, sawGo, vanished, isHeld] of cases) {
    const verdict = judgeRemoval({ before: before.split(''), now: new Set(now), sawGo: (uid) => sawGo.includes(uid) })
    t.same(verdict, { vanished: vanished.split(''), isHeld }, `${before} -> ${now}, deleted ${sawGo}`)
  }
})

t.test('Whatever changes: nothing is held that was asked for, and no majority vanishes unheld', async (t) => {
  const uids = fc.uniqueArray(fc.constantFrom(...'abcdefgh'.split('')), { maxLength: 8 })
  fc.assert(
    fc.property(uids, uids, uids, (before, now, deleted) => {
      const verdict = judgeRemoval({ before, now: new Set(now), sawGo: (uid) => deleted.includes(uid) })
      const missing = before.filter((uid) => !now.includes(uid) && !deleted.includes(uid))
      if (verdict.isHeld !== missing.length > before.length / 2) return false
      return verdict.vanished.every((uid) => missing.includes(uid)) && verdict.vanished.length === missing.length
    }),
  )
  t.pass('held for all')
})

const addPod = (rig: Pick<FleetRig, 'objects'>, name: string) =>
  rig.objects.create(POD, {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name, namespace: 'default' },
    spec: { nodeName: 'till', containers: [{ name: 'a', image: 'b' }] },
  })

t.test('Objects that vanish from the store are put back, shown as unknown, and nothing stops', async (t) => {
  const rig = await startFleetRig()
  t.teardown(() => rig.stop())
  const till = await rig.online('till')
  const pods = ['a', 'b', 'c'].map((name) => addPod(rig, name))
  await eventually(() => till.cache.desired()?.pods.length === 3)
  const held = till.cache.held()
  rig.store.transact((tx) => {
    for (const pod of pods.slice(0, 2)) tx.remove(POD, pod)
  })
  await eventually(() => rig.objects.list(POD).filter(isUnknownToHub).length === 2)
  await rig.store.durable()
  t.same(
    till.cache.desired()?.pods.map(({ metadata }) => metadata.name),
    pods.toSorted((a, b) => (a.metadata.uid < b.metadata.uid ? -1 : 1)).map(({ metadata }) => metadata.name),
  )
  t.same(till.cache.held(), held, 'the device did not even hear of it')
  t.match(rig.events('RemovalHeld'), [/2 of 3 pods/])
})

const removed = (pod: Pod): Pod => ({
  ...pod,
  metadata: { ...pod.metadata, deletionTimestamp: '2026-11-20T12:00:00Z' },
})

async function held(t: Test, names: readonly string[]) {
  const rig = await startFleetRig()
  t.teardown(() => rig.stop())
  const till = await rig.online('till')
  const pods = names.map((name) => addPod(rig, name))
  await eventually(() => till.cache.desired()?.pods.length === names.length)
  const vanish = (count: number) =>
    rig.store.transact((tx) => {
      for (const { metadata } of pods.slice(0, count)) tx.remove(POD, rig.objects.get(POD, 'default', metadata.name)!)
    })
  const unknown = () => rig.objects.list(POD).filter(isUnknownToHub).length
  return { rig, till, pods, vanish, unknown }
}

for (const [count, of] of [
  [1, 1],
  [2, 3],
] as const) {
  t.test(
    `${count} of ${of} pods that vanish are held, and stay so through a restart of the hub and of the device`,
    async (t) => {
      const { rig, till, vanish, unknown } = await held(t, ['a', 'b', 'c'].slice(0, of))
      vanish(count)
      await eventually(() => unknown() === count)
      await till.link.stop()
      await rig.restartHub()
      t.equal(unknown(), count)
      const before = till.cache.held()
      await till.link.start()
      await eventually(() => rig.fleet.nodeStates().get('till')?.state === 'Online')
      addPod(rig, 'news')
      await eventually(() => till.cache.desired()?.pods.length === of + 1)
      t.ok(till.cache.held().revision > before.revision)
      t.equal(unknown(), count)
    },
  )
}

t.test('One of two pods that vanishes is not held: half is not more than half', async (t) => {
  const { rig, till, vanish, unknown } = await held(t, ['a', 'b'])
  vanish(1)
  await eventually(() => till.cache.desired()?.pods.length === 1)
  t.equal(unknown(), 0)
  t.same(rig.events('RemovalHeld'), [])
})

t.test(
  'Pods that vanish while their device is away are held too, also of one that this life of the hub never met',
  async (t) => {
    const { rig, till, vanish, unknown } = await held(t, ['a', 'b', 'c'])
    await till.link.stop()
    vanish(2)
    await eventually(() => unknown() === 2)
    await rig.store.durable()
    await rig.restartHub()
    vanish(3)
    await eventually(() => unknown() === 3)
    t.match(rig.events('RemovalHeld'), [/2 of 3 pods/, /3 of 3 pods/])
    await till.link.start()
    await eventually(() => rig.fleet.nodeStates().get('till')?.state === 'Online')
    addPod(rig, 'news')
    await eventually(() => till.cache.desired()?.pods.length === 4)
  },
)

t.test('What is deleted while its device is away is not held when it is back', async (t) => {
  const { rig, till, pods, unknown } = await held(t, ['a', 'b', 'c'])
  await till.link.stop()
  await rig.restartHub()
  for (const { metadata } of pods) rig.objects.delete(POD, 'default', metadata.name, { gracePeriodSeconds: 0 })
  await till.link.start()
  await eventually(() => till.cache.desired()?.pods.length === 0)
  t.equal(unknown(), 0)
})

async function guarded(t: { teardown(end: () => unknown): void }) {
  const [clock, log] = [systemClock, silentLog]
  const store = await startedStore()
  t.teardown(() => store.stop())
  const objects = createObjects({ store, namespaces: NAMESPACE, clock, random: systemRandom })
  objects.create(NAMESPACE, { apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'default' }, spec: {} })
  const guard = createRemovalGuard({ store, objects, clock, log, events: { record() {} } })
  const pod = addPod({ objects }, 'web')
  const head = { type: 'state', node: 'till', epoch: 1, revision: 1, settings: { beatEveryMs: 1 } }
  const body = Buffer.from(JSON.stringify({ ...head, pods: [pod], configMaps: {}, secrets: {} }))
  return {
    guard,
    pod,
    told: () => guard.told('till', [pod.metadata.uid], body),
    vanish: () => store.transact((tx) => tx.remove(POD, pod)),
    check: () => guard.check('till'),
    isBack: () => objects.get(POD, 'default', 'web') !== undefined,
  }
}

t.test(
  'What was seen to go counts for what the device was told then, and for nothing that it is told later',
  async (t) => {
    const { guard, pod, told, vanish, check, isBack } = await guarded(t)
    guard.sawRemoved(removed(pod))
    told()
    vanish()
    await check()
    t.ok(isBack())
    vanish()
    guard.sawRemoved(removed(pod))
    await check()
    t.notOk(isBack())
  },
)

t.test('Pods that go with their device are not put back', async (t) => {
  const { guard, told, vanish, check, isBack } = await guarded(t)
  told()
  vanish()
  const checking = check()
  guard.forget('till')
  await checking
  t.notOk(isBack())
})

t.test('All pods of a device that are deleted by somebody stop at once', async (t) => {
  const rig = await startFleetRig()
  t.teardown(() => rig.stop())
  const till = await rig.online('till')
  for (const name of ['a', 'b', 'c']) addPod(rig, name)
  await eventually(() => till.cache.desired()?.pods.length === 3)
  for (const name of ['a', 'b', 'c']) rig.objects.delete(POD, 'default', name, { gracePeriodSeconds: 0 })
  await eventually(() => till.cache.desired()?.pods.length === 0)
  t.same(rig.events('RemovalHeld'), [])
})
