// fleet.test.ts - checks how the hub deals with devices that misbehave, have other dictionaries, or come all at once
import t from 'tap'
import { NODE } from '../../../shared/kinds/node.ts'
import { sealWill } from '../../../agent/link/uplink.ts'
import { dictionaryOf } from '../../../shared/protocol/dictionary.ts'
import { open, seal } from '../../../shared/protocol/envelope.ts'
import { createVerifier } from '../../../shared/protocol/signing.ts'
import { eventually } from '../../support/eventually.ts'
import { facts, startFleetRig, type FleetRig } from '../../support/fleet-rig.ts'
import { rawDevice, type RawDevice } from '../../support/raw-device.ts'

const stateOf = (rig: FleetRig, node: string) =>
  rig.objects.get(NODE, undefined, node)?.metadata.annotations?.['holdfast.dev/state']

t.test('Garbage ends the session, is told, and leaves the hub as it was', async (t) => {
  const rig = await startFleetRig()
  t.teardown(() => rig.stop())
  const identity = await rig.join(undefined, { nodeName: 'till' })
  const bombs: ((device: RawDevice) => Promise<unknown>)[] = [
    ({ wire }) => wire.publish('status', Buffer.from('not an envelope'), 1),
    ({ wire }) => wire.publish('status', Buffer.alloc(0), 1),
    ({ send }) => send('status', { seq: 0, report: 'none' }),
    ({ wire }) => wire.publish('beat', seal({ topic: 'hf/1/till/beat', body: Buffer.alloc(2_000_000) }), 1),
    ({ wire }) => wire.publish('hello', seal({ topic: 'hf/1/till/hello', body: Buffer.from('['.repeat(100_000)) }), 1),
    ({ hello }) => hello({ instance: 'somebody else' }),
  ]
  for (const [number, bomb] of bombs.entries()) {
    const device = await rawDevice(identity, { session: number + 1 })
    await bomb(device).catch(() => 'the session may end before the acknowledgement')
    await device.closed
  }
  await eventually(() => rig.events('ProtocolBreach').length >= 4)
  const honest = await rawDevice(identity, { session: 99 })
  await honest.hello()
  await eventually(() => stateOf(rig, 'till') === 'Online')
  await honest.wire.end()
})

t.test('A flood of messages ends the session', async (t) => {
  const rig = await startFleetRig()
  t.teardown(() => rig.stop())
  const device = await rawDevice(await rig.join(undefined, { nodeName: 'till' }))
  await device.hello()
  for (let number = 0; number < 1_000; number++) {
    void device.send('beat', { seq: number, e: 0, r: 0, cpu: 0, mem: 0, disk: 0, load: 0, up: 0 }).catch(() => 'closed')
  }
  await device.closed
  await eventually(() => rig.events('ProtocolBreach').length === 1)
})

t.test('A device with another dictionary is asked to speak plainly', async (t) => {
  const rig = await startFleetRig()
  t.teardown(() => rig.stop())
  const identity = await rig.join(undefined, { nodeName: 'till' })
  const device = await rawDevice(identity)
  const empty = { held: { epoch: 0, revision: 0 }, runtimes: [], labels: {}, statusDigest: '' }
  const hello = { protocol: 1, agentVersion: '1', instance: 'raw', facts: facts(), ...empty }
  await device.send('hello', hello, dictionaryOf(Buffer.from('of a later version')))
  const { payload } = await eventually(() => device.down.find(({ what }) => what === 'ack') ?? false)
  const { STATIC_DICTIONARY } = await import('../../../shared/protocol/dictionary.ts')
  const opened = open({
    topic: 'hf/1/till/ack',
    packet: payload,
    bytesMax: 1_000,
    dictionaries: () => STATIC_DICTIONARY.bytes,
    verifier: createVerifier(identity.signingKeys),
  })
  t.match(opened.ok && JSON.parse(opened.body.toString()), { wantPlain: true })
  await device.hello({ wantPlain: true })
  const state = await eventually(() => device.down.find(({ what }) => what === 'state') ?? false)
  t.match(open({ topic: 'hf/1/till/state', packet: state.payload, bytesMax: 10_000, dictionaries: () => undefined }), {
    ok: true,
  })
  await device.wire.end()
})

t.test('The will of an old session does not end a new one', async (t) => {
  const rig = await startFleetRig({ beatEveryMs: 60_000 })
  t.teardown(() => rig.stop())
  const identity = await rig.join(undefined, { nodeName: 'till' })
  const old = await rawDevice(identity, { session: 7, instance: 'same' })
  await old.hello({ instance: 'same' })
  await eventually(() => stateOf(rig, 'till') === 'Online')
  const next = await rawDevice(identity, { session: 8, instance: 'same' })
  await next.hello({ instance: 'same' })
  await old.closed
  await eventually(() => rig.fleet.session('till') === 8)
  await next.wire.publish('will', sealWill('till', 7), 1)
  const { taken } = rig.fleet.counters.messages
  await next.send('beat', { seq: 1, e: 0, r: 0, cpu: 1, mem: 1, disk: 1, load: 1, up: 1 })
  await eventually(() => rig.fleet.counters.messages.taken > taken)
  t.equal(stateOf(rig, 'till'), 'Online')
  await next.wire.publish('will', sealWill('till', 8), 1)
  await eventually(() => stateOf(rig, 'till') === 'Late')
  await next.wire.end()
})

t.test('Twenty devices that come at once after a restart of the hub are all online again', async (t) => {
  const rig = await startFleetRig()
  t.teardown(() => rig.stop())
  const token = rig.token({ usesLeft: 20 })
  const identities = await Promise.all(
    Array.from({ length: 20 }, (_, number) => rig.join(token, { nodeName: `till-${number}` })),
  )
  const devices = await Promise.all(identities.map((identity) => rig.device(identity)))
  for (const { link } of devices) await link.start()
  await eventually(() => rig.fleet.counters.sessions === 20)
  await rig.restartHub()
  await eventually(() => identities.every(({ nodeName }) => rig.fleet.session(nodeName) !== undefined))
  for (const view of rig.fleet.nodeStates().values()) t.equal(view.state, 'Online')
})
