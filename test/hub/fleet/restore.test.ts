// restore.test.ts - checks that a hub restored from an older copy stops nothing it does not know, and gets its knowledge back
import { readdirSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { createMemoryJournal } from '../../../hub/store/memory-journal.ts'
import { nextEpoch, type Journal, type JournalContents } from '../../../hub/store/journal.ts'
import { openRecovery, readRecovery } from '../../../hub/store/recovery-record.ts'
import { CONFIG_MAP } from '../../../shared/kinds/config-map.ts'
import { createRevocations, noteRestored, REVOCATIONS_FILE } from '../../../hub/fleet/revocations.ts'
import { systemClock } from '../../../shared/clock.ts'
import { silentLog } from '../../../shared/log.ts'
import { NAMESPACE } from '../../../shared/kinds/namespace.ts'
import { NODE } from '../../../shared/kinds/node.ts'
import type { PodStatus } from '../../../shared/kinds/object.ts'
import { POD } from '../../../shared/kinds/pod.ts'
import { RECOVERY_NAME, RECOVERY_NAMESPACE, UNKNOWN_ANNOTATION, UNKNOWN_REASON } from '../../../shared/recovery.ts'
import { systemRandom } from '../../../shared/random.ts'
import { eventually } from '../../support/eventually.ts'
import { startFleetRig, type FleetRig, type RigDevice } from '../../support/fleet-rig.ts'

/** A disk of which a copy can be put back, as an operator does with the whole data folder. */
interface Disk {
  journal: Journal
  copy(): void
  putBack(): void
  /** As `holdfast-hub restore` does it: in a new epoch; answers it. */
  restore(): number
  /** Damage that somebody has accepted: rows are gone one by one, and the next start says so. */
  damage(isLost: (resource: string, key: string) => boolean): void
}

function restorable(): Disk {
  const rows = new Map<string, JournalContents['rows'][number]>()
  const inner = createMemoryJournal({ random: systemRandom })
  let meta: JournalContents['meta'] | undefined
  let loss: JournalContents['loss']
  let saved: { rows: typeof rows; meta: typeof meta } | undefined
  const journal: Journal = {
    async load() {
      meta ??= (await inner.load()).meta
      return { meta, rows: [...rows.values()], ...(loss && { loss }) }
    },
    async append({ rows: written, revision, epoch }) {
      for (const row of written) {
        const key = `${row.resource}/${row.key}`
        if (row.body === undefined) rows.delete(key)
        else rows.set(key, row)
      }
      if (meta) meta = { ...meta, revision, ...(epoch !== undefined && { epoch }) }
    },
    async close() {},
  }
  function putBack(): void {
    rows.clear()
    for (const [key, row] of saved?.rows ?? []) rows.set(key, row)
    meta = saved?.meta
  }
  return {
    journal,
    damage(isLost) {
      for (const [key, row] of rows) if (isLost(row.resource, row.key)) rows.delete(key)
      if (meta) meta = { ...meta, ...nextEpoch(meta, meta) }
      loss = 'rows'
    },
    copy: () => void (saved = { rows: new Map(rows), meta }),
    putBack,
    restore() {
      const marked = meta
      putBack()
      if (!meta || !marked) throw new Error('there is nothing to restore')
      meta = { ...meta, ...nextEpoch(meta, marked) }
      return meta.epoch
    },
  }
}

async function rigOf(t: Test) {
  const disk = restorable()
  const folder = t.testdir()
  const path = () => join(folder, REVOCATIONS_FILE)
  const revocations = () => createRevocations({ path: path(), clock: systemClock, log: silentLog })
  const rig = await startFleetRig({ journal: disk.journal, revocations })
  t.teardown(() => rig.stop())
  return { rig, disk, revocationsPath: path(), restore: () => rig.restartHub(disk.putBack), damage: disk.damage }
}

const addPod = (rig: FleetRig, name: string, node: string, rest: { namespace?: string; configMap?: string } = {}) =>
  rig.objects.create(POD, {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name, namespace: rest.namespace ?? 'default', labels: { app: name } },
    spec: {
      nodeName: node,
      containers: [
        { name: 'a', image: 'b', ...(rest.configMap && { envFrom: [{ configMapRef: { name: rest.configMap } }] }) },
      ],
    },
  })

const held = ({ cache }: RigDevice) => (cache.desired()?.pods ?? []).map(({ metadata }) => metadata.name).toSorted()

const status: PodStatus = { phase: 'Running', startTime: '2026-11-20T12:00:00Z' }
function report({ cache }: RigDevice, names: readonly string[] = held({ cache } as RigDevice)) {
  const pods = (cache.desired()?.pods ?? []).filter(({ metadata }) => names.includes(metadata.name))
  cache.setReport({
    pods: pods.map(({ metadata: { uid, name, namespace = '' } }) => ({ uid, name, namespace, status })),
    conditions: [],
    observed: cache.held(),
  })
}
const unknown = (rig: FleetRig) =>
  rig.objects
    .list(POD)
    .filter(({ metadata }) => metadata.annotations?.[UNKNOWN_ANNOTATION])
    .map(({ metadata }) => metadata.name)
    .toSorted()

t.test(
  'Pods that were made after the backup run on, come back as unknown, and the hub goes on in a new epoch',
  async (t) => {
    const { rig, disk, restore } = await rigOf(t)
    const till = await rig.online('till')
    const shelf = await rig.online('shelf')
    addPod(rig, 'old', 'till')
    await eventually(() => held(till).length === 1 && held(shelf).length === 0)
    await rig.store.durable()
    disk.copy()
    const backupRevision = rig.store.revision
    rig.objects.create(NAMESPACE, { apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'later' }, spec: {} })
    rig.objects.create(CONFIG_MAP, {
      apiVersion: 'v1',
      kind: 'ConfigMap',
      metadata: { name: 'words', namespace: 'later' },
      data: { a: '1' },
    })
    addPod(rig, 'new', 'till', { namespace: 'later', configMap: 'words' })
    addPod(rig, 'other', 'shelf')
    await eventually(() => held(till).length === 2 && held(shelf).length === 1)
    for (const device of [till, shelf]) report(device)
    await restore()
    await eventually(() => unknown(rig).length === 2)
    t.same(unknown(rig), ['new', 'other'])
    t.equal(rig.store.identity.epoch, 2)
    t.ok(rig.store.revision > backupRevision + 1_000_000, 'revisions never go back for clients')
    t.same(held(till), ['new', 'old'], 'nothing was taken from the device')
    t.same(held(shelf), ['other'])
    const back = rig.objects.get(POD, 'later', 'new')
    t.equal(
      back?.metadata.uid,
      till.cache.desired()?.pods.find(({ metadata }) => metadata.name === 'new')?.metadata.uid,
    )
    await eventually(() => rig.objects.get(POD, 'later', 'new')?.status?.phase === 'Running')
    t.equal(rig.objects.get(POD, 'later', 'new')?.status?.reason, UNKNOWN_REASON)
    t.same(rig.objects.get(CONFIG_MAP, 'later', 'words')?.data, { a: '1' })
    t.match(rig.events('HubBehind')[0], /restored from an older copy/)
    t.match(rig.events('UnknownPods').join(), /later\/new/)
    t.match(readRecovery(rig.objects), { isOpen: true, epoch: 2, loss: 'tail' })
  },
)

t.test(
  'What a person says they know is known again, what they delete stops, and then the recovery is over',
  async (t) => {
    const { rig, disk, restore } = await rigOf(t)
    const till = await rig.online('till')
    await eventually(() => till.cache.held().revision > 0)
    await rig.store.durable()
    disk.copy()
    for (const name of ['keep', 'stop']) addPod(rig, name, 'till')
    await eventually(() => held(till).length === 2)
    report(till)
    await restore()
    await eventually(() => unknown(rig).length === 2)
    rig.objects.modify(POD, 'default', 'keep', (pod) => ({ ...pod, metadata: { ...pod.metadata, annotations: {} } }))
    await eventually(() => rig.objects.get(POD, 'default', 'keep')?.status?.reason === undefined)
    t.ok(readRecovery(rig.objects)?.isOpen)
    rig.objects.delete(POD, 'default', 'stop')
    await eventually(() => till.cache.desired()?.pods.some(({ metadata }) => metadata.deletionTimestamp) === true)
    till.cache.setReport({
      pods: (till.cache.desired()?.pods ?? []).map(({ metadata: { uid, name, namespace = '' } }) => ({
        ...{ uid, name, namespace, status },
        ...(name === 'stop' && { stopped: true }),
      })),
      conditions: [],
      observed: till.cache.held(),
    })
    await eventually(() => held(till).join() === 'keep')
    await eventually(() => readRecovery(rig.objects)?.isOpen === false)
    t.equal(till.cache.held().epoch, 2)
  },
)

t.test('A pod that was taken from its device after the backup does not come back to life', async (t) => {
  const { rig, disk, restore } = await rigOf(t)
  const till = await rig.online('till')
  addPod(rig, 'moved', 'till')
  addPod(rig, 'stays', 'till')
  await eventually(() => held(till).length === 2)
  report(till)
  await eventually(() => rig.objects.get(POD, 'default', 'moved')?.status?.phase === 'Running')
  await rig.store.durable()
  disk.copy()
  rig.objects.delete(POD, 'default', 'moved', { gracePeriodSeconds: 0 })
  await eventually(() => held(till).join() === 'stays')
  report(till)
  await restore()
  await eventually(() => rig.objects.get(POD, 'default', 'moved') === undefined)
  await eventually(() => readRecovery(rig.objects)?.isOpen === false)
  t.same(held(till), ['stays'])
  t.same(unknown(rig), [])
})

t.test('What a device is about to stop when the history breaks is there until it has stopped it', async (t) => {
  const { rig, disk, restore } = await rigOf(t)
  const till = await rig.online('till')
  addPod(rig, 'old', 'till')
  await eventually(() => held(till).length === 1)
  report(till)
  await eventually(() => rig.objects.get(POD, 'default', 'old')?.status?.phase === 'Running')
  await rig.store.durable()
  disk.copy()
  addPod(rig, 'new', 'till')
  for (const name of ['old', 'new']) rig.objects.delete(POD, 'default', name, { gracePeriodSeconds: 600 })
  const leaving = () => (till.cache.desired()?.pods ?? []).filter(({ metadata }) => metadata.deletionTimestamp)
  await eventually(() => leaving().length === 2)
  const before = till.cache.held()
  await restore()
  const going = () => rig.objects.list(POD).filter(({ metadata }) => metadata.deletionTimestamp)
  await eventually(() => going().length === 2)
  t.same(
    going().map(({ metadata: { name, deletionGracePeriodSeconds } }) => [name, deletionGracePeriodSeconds]),
    [
      ['new', 600],
      ['old', 600],
    ],
  )
  t.same(till.cache.held(), before, 'nothing had to be said to the device')
  t.same(rig.events('UnknownPods'), [], 'there is nothing to decide')
  t.ok(readRecovery(rig.objects)?.isOpen)
  const pods = leaving().map(({ metadata: { uid, name, namespace = '' } }) => ({ uid, name, namespace, status }))
  till.cache.setReport({
    pods: pods.map((pod) => ({ ...pod, stopped: true })),
    conditions: [],
    observed: till.cache.held(),
  })
  await eventually(() => rig.objects.list(POD).length === 0)
  await eventually(() => readRecovery(rig.objects)?.isOpen === false)
})

t.test('A name that somebody else has by now gets an ending of its own; nobody is replaced', async (t) => {
  const { rig, disk, restore } = await rigOf(t)
  const till = await rig.online('till')
  const shelf = await rig.online('shelf')
  addPod(rig, 'db', 'shelf')
  await eventually(() => held(shelf).length === 1 && till.cache.held().revision > 0)
  await rig.store.durable()
  disk.copy()
  rig.objects.delete(POD, 'default', 'db', { gracePeriodSeconds: 0 })
  await eventually(() => held(shelf).length === 0)
  const { uid } = addPod(rig, 'db', 'till').metadata
  await eventually(() => held(till).length === 1)
  // The other one is away: nobody can tell whether it still runs there.
  await shelf.link.stop()
  await restore()
  await eventually(() => unknown(rig).length === 1)
  t.same(unknown(rig), [`db-${uid.slice(0, 5)}`])
  await eventually(() => till.cache.held().epoch === 2)
  t.equal(till.cache.desired()?.pods[0]?.metadata.uid, uid)
})

t.test('A device that claims a higher number and shows no proof is told nothing, and moves nobody', async (t) => {
  const { rig } = await rigOf(t)
  const liar = await rig.device(await rig.join(undefined, { nodeName: 'liar' }))
  const forged = JSON.stringify({ node: 'liar' })
  const state = {
    type: 'state' as const,
    ...{ node: 'liar', epoch: 9, revision: 9_000_000_000_000 },
    ...{ pods: [], configMaps: {}, secrets: {}, settings: { beatEveryMs: 1_000 } },
  }
  liar.cache.commitDesired(state, Buffer.from(forged))
  await liar.link.start()
  await eventually(() => rig.events('HeldStateRefused').length > 0)
  t.equal(rig.store.identity.epoch, 1)
  t.equal(readRecovery(rig.objects), undefined)
  t.equal(liar.cache.held().epoch, 9)
  t.ok(rig.objects.get(NODE, undefined, 'liar'))
})

t.test('A restart of the same hub with devices away loses nothing and asks nobody', async (t) => {
  const { rig } = await rigOf(t)
  const till = await rig.online('till')
  addPod(rig, 'gone', 'till')
  addPod(rig, 'stays', 'till')
  await eventually(() => held(till).length === 2)
  await till.link.stop()
  rig.objects.delete(POD, 'default', 'gone', { gracePeriodSeconds: 0 })
  await rig.store.durable()
  await rig.restartHub()
  await till.link.start()
  await eventually(() => held(till).join() === 'stays')
  t.equal(rig.store.identity.epoch, 1)
  t.equal(rig.objects.get(CONFIG_MAP, RECOVERY_NAMESPACE, RECOVERY_NAME), undefined)
})

t.test(
  'Objects that a damage has taken come back from the devices, also those that were told nothing since',
  async (t) => {
    const { rig, disk } = await rigOf(t)
    const till = await rig.online('till')
    for (const name of ['a', 'b', 'c']) addPod(rig, name, 'till')
    await eventually(() => held(till).length === 3)
    report(till)
    await rig.store.durable()
    const before = till.cache.held()
    await rig.restartHub(() => disk.damage((resource, key) => resource === 'pods' && key !== 'default/b'))
    await eventually(() => unknown(rig).length === 2)
    t.same(unknown(rig), ['a', 'c'])
    t.same(held(till), ['a', 'b', 'c'])
    t.same(till.cache.held(), before, 'nothing had to be said to the device')
    t.match(readRecovery(rig.objects), { isOpen: true, loss: 'rows' })
  },
)

t.test('A second copy that is restored, before the first loss is over, is one more epoch', async (t) => {
  const { rig, disk, restore } = await rigOf(t)
  const till = await rig.online('till')
  await eventually(() => till.cache.held().revision > 0)
  await rig.store.durable()
  disk.copy()
  addPod(rig, 'a', 'till')
  await eventually(() => held(till).length === 1)
  await restore()
  await eventually(() => unknown(rig).length === 1)
  addPod(rig, 'b', 'till')
  await eventually(() => held(till).length === 2)
  t.equal(till.cache.held().epoch, 2)
  await restore()
  await eventually(() => unknown(rig).length === 2)
  t.equal(rig.store.identity.epoch, 3)
  t.same(held(till), ['a', 'b'])
  addPod(rig, 'c', 'till')
  await eventually(() => held(till).length === 3)
  t.equal(till.cache.held().epoch, 3)
})

t.test(
  'A device that joined after the backup is named, joins again with what it runs, and nothing of it stops',
  async (t) => {
    const { rig, disk, restore } = await rigOf(t)
    await rig.online('till')
    await rig.store.durable()
    disk.copy()
    const dir = rig.folder()
    const late = await rig.device(await rig.join(undefined, { nodeName: 'late', dir }), { dir })
    await late.link.start()
    addPod(rig, 'a', 'late')
    await eventually(() => held(late).length === 1)
    await restore()
    const till = rig.objects.get(NODE, undefined, 'till')
    t.ok(till)
    // Whether the copy was older shows when the first device that knows better comes.
    openRecovery(rig.store, {
      epoch: rig.store.identity.epoch,
      loss: 'tail',
      revocationsAre: 'kept',
      uid: 'note',
      wallMs: 0,
    })
    await eventually(
      () =>
        rig.objects.get(CONFIG_MAP, RECOVERY_NAMESPACE, RECOVERY_NAME)?.data?.['strangers']?.includes('late') ?? false,
    )
    await late.link.stop()
    await late.cache.stop()
    const again = await rig.device(await rig.join(undefined, { nodeName: 'late', dir }), { dir })
    await again.link.start()
    await eventually(() => unknown(rig).length === 1)
    t.same(held(again), ['a'])
  },
)

const areOnline = (rig: FleetRig, ...names: string[]) => names.every((name) => rig.fleet.session(name) !== undefined)
const noteOf = (rig: FleetRig) => rig.objects.get(CONFIG_MAP, RECOVERY_NAMESPACE, RECOVERY_NAME)?.data

/** Two devices in the backup; one of them is removed after it. */
async function removedAfterBackup(t: Test) {
  const made = await rigOf(t)
  const { rig, disk } = made
  const till = await rig.online('till')
  const stolen = await rig.online('stolen')
  await eventually(() => areOnline(rig, 'till', 'stolen'))
  await rig.store.durable()
  disk.copy()
  rig.objects.delete(NODE, undefined, 'stolen')
  await eventually(() => stolen.link.state().reason?.kind === 'identity')
  await rig.store.durable()
  return { ...made, till, stolen }
}

t.test('A device that was removed after the backup stays out when the disk of the hub is still there', async (t) => {
  const { rig, disk, till, stolen, revocationsPath } = await removedAfterBackup(t)
  await rig.restartHub(() => t.ok(noteRestored(revocationsPath, disk.restore())))
  await eventually(() => areOnline(rig, 'till'))
  t.ok(rig.objects.get(NODE, undefined, 'stolen'), 'its node came back with the backup')
  t.match(noteOf(rig), { lockedOut: 'stolen', revocations: 'kept' })
  await stolen.link.stop()
  await stolen.link.start()
  await eventually(() => stolen.link.state().link === 'waiting')
  t.equal(stolen.link.state().reason?.kind, 'identity')
  t.equal(rig.fleet.session('stolen'), undefined)
  t.equal(till.link.state().link, 'online')
  await rig.restartHub()
  t.match(noteOf(rig), { lockedOut: 'stolen' }, 'told until it is dealt with')
})

t.test(
  'When the disk is lost, or all of it is an older copy, the hub says that removals have to be repeated',
  async (t) => {
    const { rig, disk, stolen, revocationsPath } = await removedAfterBackup(t)
    await rig.restartHub(() => {
      rmSync(revocationsPath)
      t.notOk(noteRestored(revocationsPath, disk.restore()))
    })
    t.match(noteOf(rig), { revocations: 'lost' })
    t.equal(noteOf(rig)?.['lockedOut'], undefined)
    await stolen.link.stop()
    await stolen.link.start()
    await eventually(() => areOnline(rig, 'stolen'))
    rig.objects.delete(NODE, undefined, 'stolen')
    await eventually(() => stolen.link.state().reason?.kind === 'identity')
    await rig.restartHub(disk.putBack)
    t.equal(noteOf(rig)?.['lockedOut'], undefined, 'no backup was put in: but the file knows, and keeps it out')
    t.equal(rig.fleet.session('stolen'), undefined)
  },
)

t.test('A device that lost its store meets a hub that lost its newest: they go on from what the hub has', async (t) => {
  const { rig, disk, restore } = await rigOf(t)
  const dir = rig.folder()
  const till = await rig.device(await rig.join(undefined, { nodeName: 'till', dir }), { dir })
  await till.link.start()
  addPod(rig, 'old', 'till')
  await eventually(() => held(till).length === 1)
  await rig.store.durable()
  disk.copy()
  addPod(rig, 'new', 'till')
  await eventually(() => held(till).length === 2)
  const before = till.cache.held()
  await till.link.stop()
  await till.cache.stop()
  for (const file of readdirSync(dir))
    if (/^agent\.sqlite|^state\.signed/.test(file)) writeFileSync(join(dir, file), '')
  await restore()
  const again = await rig.device(till.identity, { dir })
  await again.link.start()
  await eventually(() => held(again).join() === 'old')
  t.ok(again.cache.held().revision > before.revision, 'the number is beyond what the device remembers')
  t.match(rig.events('NothingToShow'), [/what the hub does not know of stops/])
})

t.test('The recovery ends although a device was heard before another one showed the loss', async (t) => {
  const { rig, disk, restore } = await rigOf(t)
  const till = await rig.online('till')
  const shelf = await rig.online('shelf')
  await eventually(() => [till, shelf].every(({ cache }) => cache.held().revision > 0))
  await rig.store.durable()
  disk.copy()
  addPod(rig, 'new', 'till')
  await eventually(() => held(till).length === 1)
  await till.link.stop()
  await restore()
  await eventually(() => areOnline(rig, 'shelf'))
  t.equal(rig.store.identity.epoch, 1, 'what this one holds is known')
  await till.link.start()
  await eventually(() => unknown(rig).length === 1)
  rig.objects.modify(POD, 'default', 'new', (pod) => ({ ...pod, metadata: { ...pod.metadata, annotations: {} } }))
  await eventually(() => readRecovery(rig.objects)?.isOpen === false)
})
