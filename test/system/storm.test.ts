// storm.test.ts - checks that hundreds of devices that return at once are all let in, while those that are there are heard
import { generateKeyPairSync } from 'node:crypto'
import t from 'tap'
import { certificateRequest } from '../../agent/link/certificate-request.ts'
import type { Identity } from '../../agent/link/identity.ts'
import { createIdentities } from '../../hub/fleet/identities.ts'
import { createRevocations } from '../../hub/fleet/revocations.ts'
import { NODE } from '../../shared/kinds/node.ts'
import { systemClock } from '../../shared/clock.ts'
import { silentLog } from '../../shared/log.ts'
import { eventually } from '../support/eventually.ts'
import { fileWithin } from '../support/file-within.ts'
import { startFleetRig, type FleetRig } from '../support/fleet-rig.ts'
import { rawDevice } from '../support/raw-device.ts'

const TIMEOUT_MS = 120_000
fileWithin(t, TIMEOUT_MS)

const DEVICES = 200
/** A lease of twelve seconds: whoever is not heard for so long, because others come, shows up as a lost device. */
const BEAT_EVERY_MS = 3_000

/** As joining ends, without the way there: that is not what this is about. */
async function enrolled(rig: FleetRig, nodeName: string): Promise<Identity> {
  const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'prime256v1' })
  const key = privateKey.export({ type: 'pkcs8', format: 'pem' }).toString()
  const request = await certificateRequest(key)
  const node = rig.objects.create(NODE, { apiVersion: 'v1', kind: 'Node', metadata: { name: nodeName }, spec: {} })
  const keyFingerprint = await rig.pki.keyOfRequest(request)
  createIdentities(rig.objects, createRevocations({ clock: systemClock, log: silentLog })).add({
    node: nodeName,
    nodeUid: node.metadata.uid,
    keyFingerprint,
    tokenId: 'test',
  })
  const certificate = await rig.pki.issueNode(request, nodeName)
  const hub = { host: '127.0.0.1', apiPort: 1, mqttPort: rig.broker.port }
  return { nodeName, hub, ca: rig.pki.caPem, certificate, key, signingKeys: [...rig.pki.signingKeysPem] }
}

t.test(
  'Two hundred devices that return at once are online again, none is lost, and who is there is heard',
  // Alone: whole clusters beside it would take its lease away.
  { buffered: false, timeout: TIMEOUT_MS },
  async (t) => {
    const rig = await startFleetRig({ beatEveryMs: BEAT_EVERY_MS })
    t.teardown(() => rig.stop())
    const identities = await Promise.all(
      Array.from({ length: DEVICES }, (_, number) => enrolled(rig, `till-${number}`)),
    )
    const states: string[] = []
    const end = rig.store.watch(NODE, rig.store.revision, ({ object }) => {
      const state = object.metadata.annotations?.['holdfast.dev/state']
      if (state === 'Unreachable' || state === 'Dead') states.push(`${object.metadata.name} ${state}`)
    })
    t.teardown(end)
    const [first, ...others] = identities
    if (!first) return
    const witness = await rawDevice(first)
    await witness.hello()

    let isOver = false
    const storm = Promise.all(
      others.map(async (identity) => {
        const device = await rawDevice(identity)
        await device.hello()
        // As agents do from then on, however long the others take.
        const beats = systemClock.every(BEAT_EVERY_MS, () => void device.beat().catch(() => beats.cancel()))
        t.teardown(() => beats.cancel())
        return device
      }),
    )
    const beating = (async () => {
      while (!isOver) {
        // Answered by the broker when the hub has taken it.
        await witness.beat()
        await new Promise<void>((resolve) => systemClock.after(20, resolve))
      }
    })()
    const devices = await storm
    isOver = true
    await beating
    await eventually(() => [...rig.fleet.nodeStates().values()].every(({ state }) => state === 'Online'))
    t.equal(rig.fleet.counters.sessions, DEVICES)
    t.same(states, [])
    for (const { wire } of [witness, ...devices]) wire.drop()
  },
)
