// rotation.test.ts - checks that devices follow the hub's root key to a new signing key, and nobody else
import { createPrivateKey } from 'node:crypto'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { createKeyRing, keySetFile } from '../../../agent/link/key-ring.ts'
import { createStateVerifier } from '../../../agent/link/state-verifier.ts'
import { loadOrCreatePki } from '../../../hub/fleet/pki.ts'
import { loadOrCreateSigningKeys, rotateSigningKey } from '../../../hub/fleet/signing-keys.ts'
import { systemClock, type Clock } from '../../../shared/clock.ts'
import { POD } from '../../../shared/kinds/pod.ts'
import { silentLog } from '../../../shared/log.ts'
import { seal } from '../../../shared/protocol/envelope.ts'
import { createSigner } from '../../../shared/protocol/signing.ts'
import { topicOf } from '../../../shared/protocol/topics.ts'
import { systemRandom } from '../../../shared/random.ts'
import { canonicalJson } from '../../../shared/hash.ts'
import { eventually } from '../../support/eventually.ts'
import { startFleetRig, type FleetRig } from '../../support/fleet-rig.ts'

function folder(t: Pick<Test, 'teardown'>): string {
  const dir = mkdtempSync(join(tmpdir(), 'holdfast-keys-'))
  t.teardown(() => rmSync(dir, { recursive: true, force: true }))
  return dir
}

const pkiIn = (dir: string) => () =>
  loadOrCreatePki({ dir, names: ['localhost'], addresses: ['127.0.0.1'], random: systemRandom })

const addPod = (rig: FleetRig, name: string) =>
  rig.objects.create(POD, {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name, namespace: 'default' },
    spec: { nodeName: 'till', containers: [{ name: 'a', image: 'b' }] },
  })

const stateBody = (epoch: number, revision: number) =>
  Buffer.from(
    canonicalJson({
      ...{ type: 'state', node: 'till', epoch, revision, pods: [], configMaps: {}, secrets: {} },
      settings: { beatEveryMs: 1_000 },
    }),
  )

t.test('Devices take the new key when they connect, keep what they hold, and stop believing the old one', async (t) => {
  const dir = folder(t)
  const rig = await startFleetRig({ pki: pkiIn(dir) })
  t.teardown(() => rig.stop())
  const identity = await rig.join(undefined, { nodeName: 'till' })
  const keyRing = createKeyRing({ identity, log: silentLog, file: keySetFile(folder(t)) })
  const device = await rig.device(identity, { keyRing })
  await device.link.start()
  addPod(rig, 'web')
  await eventually(() => device.cache.desired()?.pods.length === 1)
  const oldKey = createPrivateKey(readFileSync(join(dir, 'signing.key')))
  await rig.restartHub(() => t.equal(rotateSigningKey(dir, { isCompromised: false }), 2))
  const signedBefore = device.cache.signed()
  await eventually(() => !Buffer.from(device.cache.signed() ?? []).equals(Buffer.from(signedBefore ?? [])))
  t.ok(createStateVerifier(identity, keyRing.incoming)(device.cache.signed() ?? new Uint8Array()), 'signed anew')
  addPod(rig, 'db')
  await eventually(() => device.cache.desired()?.pods.length === 2)
  t.equal(keyRing.version(), 2)
  t.same(device.link.state().inbox.causes, {}, 'nobody was alarmed')
  const topic = topicOf('till', 'state')
  rig.broker.publish('till', 'state', seal({ topic, body: stateBody(9, 9_000_000), signer: createSigner(oldKey) }))
  await eventually(() => device.link.state().inbox.refused === 1)
  t.equal(device.cache.desired()?.pods.length, 2)
})

/** Timers of half a minute go off when the test says so. */
function patientClock() {
  const due = new Set<() => void>()
  const clock: Clock = {
    ...systemClock,
    after(ms, run) {
      if (ms !== 30_000) return systemClock.after(ms, run)
      due.add(run)
      return { cancel: () => void due.delete(run) }
    },
  }
  return { clock, passes: () => due.forEach((run) => due.delete(run) && run()) }
}

t.test('A device whose disk is full takes the new key when there is room, and goes on meanwhile', async (t) => {
  const dir = folder(t)
  const rig = await startFleetRig({ pki: pkiIn(dir) })
  t.teardown(() => rig.stop())
  const identity = await rig.join(undefined, { nodeName: 'till' })
  const kept = keySetFile(folder(t))
  let isFull = true
  const file = {
    ...kept,
    write(bytes: Uint8Array) {
      if (isFull) throw Object.assign(new Error('ENOSPC: no space left on device, write'), { code: 'ENOSPC' })
      kept.write(bytes)
    },
  }
  const keyRing = createKeyRing({ identity, log: silentLog, file })
  const halfMinute = patientClock()
  const device = await rig.device(identity, { keyRing, clock: halfMinute.clock })
  await device.link.start()
  addPod(rig, 'web')
  await eventually(() => device.cache.desired()?.pods.length === 1)
  await rig.restartHub(() => void rotateSigningKey(dir, { isCompromised: false }))
  for (const tries of [1, 2]) {
    await eventually(() => device.link.state().inbox.uncommitted === tries)
    t.equal(keyRing.version(), 1)
    isFull = tries === 1
    halfMinute.passes()
  }
  await eventually(() => keyRing.version() === 2)
  addPod(rig, 'db')
  await eventually(() => device.cache.desired()?.pods.length === 2)
  t.same(device.link.state().inbox.causes, {}, 'nobody was alarmed')
})

t.test('What a thief made a device hold with the old key ends with the key, however large its number', async (t) => {
  const dir = folder(t)
  const rig = await startFleetRig({ pki: pkiIn(dir) })
  t.teardown(() => rig.stop())
  const device = await rig.online('till')
  await eventually(() => device.cache.held().revision > 0)
  rig.broker.publish(
    'till',
    'state',
    seal({ topic: topicOf('till', 'state'), body: stateBody(99, 9_000_000_000_000), signer: rig.pki.signer }),
  )
  await eventually(() => device.cache.held().epoch === 99)
  await rig.restartHub(() => void rotateSigningKey(dir, { isCompromised: true }))
  addPod(rig, 'web')
  await eventually(() => device.cache.desired()?.pods.length === 1)
  t.equal(device.cache.held().epoch, 1)
  t.equal(rig.store.identity.epoch, 1, 'the hub did not follow the thief')
})

t.test('Only newer sets that the root key has signed are taken, and they last', async (t) => {
  const dir = folder(t)
  const { rootKeyPem: rootKey, keySet } = loadOrCreateSigningKeys(dir)
  const stranger = loadOrCreateSigningKeys(folder(t))
  const identity = { signingKeys: [keySet.keys[0]!.pem], rootKey, keySet }
  const file = keySetFile(folder(t))
  const ring = createKeyRing({ identity, log: silentLog, file })
  rotateSigningKey(dir, { isCompromised: false })
  const second = loadOrCreateSigningKeys(dir).keySet
  rotateSigningKey(dir, { isCompromised: true })
  const third = loadOrCreateSigningKeys(dir).keySet
  const bytes = (value: object) => Buffer.from(JSON.stringify(value))
  t.match(ring.take(bytes({ ...second, version: 7 })), { kind: 'refused', why: /root key has not signed/ })
  t.match(ring.take(bytes({ ...stranger.keySet, version: 2 })), { kind: 'refused', why: /root key has not signed/ })
  t.match(ring.take(bytes({ version: 2 })), { kind: 'refused', why: /keys/ })
  t.match(ring.take(bytes(keySet)), { kind: 'refused', why: /older version, 1/ })
  t.same(ring.take(bytes(third)), { kind: 'taken' })
  t.match(ring.take(bytes(second)), { kind: 'refused', why: /older version, 2/ })
  t.same(
    third.keys.map(({ rank }) => rank),
    [2],
    'after a theft the old ones are gone, and their ranks stay unused',
  )
  t.equal(createKeyRing({ identity, log: silentLog, file }).version(), 3, 'after a restart too')
  file.write(bytes({ ...second, version: 9 }))
  t.equal(
    createKeyRing({ identity, log: silentLog, file }).version(),
    1,
    'a file that nobody signed counts for nothing',
  )
  t.match(createKeyRing({ identity: { signingKeys: [] }, log: silentLog }).take(bytes(third)), {
    kind: 'refused',
    why: /no root key/,
  })
})

t.test('Without its root key a hub runs and cannot rotate; a half-done rotation is told and mended', async (t) => {
  const dir = folder(t)
  loadOrCreateSigningKeys(dir)
  const root = readFileSync(join(dir, 'root.key'))
  rmSync(join(dir, 'root.key'))
  loadOrCreateSigningKeys(dir)
  t.throws(() => rotateSigningKey(dir, { isCompromised: false }), /bring it back/)
  writeFileSync(join(dir, 'root.key'), root)
  const before = readFileSync(join(dir, 'keys.json'))
  rotateSigningKey(dir, { isCompromised: false })
  writeFileSync(join(dir, 'keys.json'), before)
  t.throws(() => loadOrCreateSigningKeys(dir), /not the newest key/)
  t.equal(rotateSigningKey(dir, { isCompromised: false }), 2)
  t.equal(loadOrCreateSigningKeys(dir).keySet.version, 2)
})
