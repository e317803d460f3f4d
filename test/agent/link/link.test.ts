// link.test.ts - checks the way of a desired state down and of what happened up, over real MQTT and TLS
import t from 'tap'
import { createMqttConnect } from '../../../agent/link/connect.ts'
import { createHubPlaces } from '../../../agent/link/hub-places.ts'
import type { Connect, Wire } from '../../../agent/link/wire.ts'
import { CONFIG_MAP } from '../../../shared/kinds/config-map.ts'
import { NODE } from '../../../shared/kinds/node.ts'
import type { NewObject, Pod } from '../../../shared/kinds/object.ts'
import { POD } from '../../../shared/kinds/pod.ts'
import { SECRET } from '../../../shared/kinds/secret.ts'
import type { NodeReport } from '../../../shared/protocol/messages.ts'
import { eventually } from '../../support/eventually.ts'
import { startFleetRig, type FleetRig, type RigDevice } from '../../support/fleet-rig.ts'
import { rawDevice } from '../../support/raw-device.ts'

const boundPod = (name: string, nodeName: string, spec: Partial<Pod['spec']> = {}): NewObject<Pod> => ({
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: { name, namespace: 'default' },
  spec: { nodeName, containers: [{ name: 'app', image: 'my-image' }], ...spec },
})

const podsOf = ({ cache }: RigDevice): string[] => (cache.desired()?.pods ?? []).map(({ metadata }) => metadata.name)
const stateOf = (rig: FleetRig, node: string) =>
  rig.objects.get(NODE, undefined, node)?.metadata.annotations?.['holdfast.dev/state']

const reporting = (device: RigDevice, pod: Pod, rest: Partial<NodeReport['pods'][number]> = {}): NodeReport => ({
  pods: [
    {
      uid: pod.metadata.uid,
      namespace: 'default',
      name: pod.metadata.name,
      status: { phase: 'Running', podIP: '172.17.0.2', conditions: [{ type: 'Ready', status: 'True' }] },
      ...rest,
    },
  ],
  conditions: [{ type: 'DiskPressure', status: 'False', reason: 'KubeletHasNoDiskPressure', message: 'fine' }],
  observed: device.cache.held(),
})

t.test('A device that connects becomes ready and shows its facts', async (t) => {
  const rig = await startFleetRig()
  t.teardown(() => rig.stop())
  await rig.online('till')
  const node = await eventually(() => {
    const found = rig.objects.get(NODE, undefined, 'till')
    const ready = found?.status?.conditions?.find(({ type }) => type === 'Ready')
    return found && ready?.status === 'True' && found.status?.nodeInfo ? found : false
  })
  t.equal(stateOf(rig, 'till'), 'Online')
  t.match(node.status, { capacity: { cpu: '4', memory: '1048576Ki' }, nodeInfo: { kubeletVersion: '0.1.0' } })
  t.equal(node.metadata.labels?.['holdfast.dev/runtime-docker'], 'true')
  t.equal(node.metadata.labels?.['topology.kubernetes.io/zone'], undefined, 'a device does not choose its site')
  t.match(await eventually(() => rig.fleet.usage.latest('till') ?? false), { cpuMilli: 120, memoryBytes: 300_000_000 })
})

t.test('A pod bound to a device reaches its disk with what it mentions, and nothing else', async (t) => {
  const rig = await startFleetRig()
  t.teardown(() => rig.stop())
  const device = await rig.online('till')
  const head = (name: string) => ({ apiVersion: 'v1', metadata: { name, namespace: 'default' } })
  for (const name of ['wanted', 'other']) {
    rig.objects.create(CONFIG_MAP, { ...head(name), kind: 'ConfigMap', data: { a: '1' } })
    rig.objects.create(SECRET, { ...head(name), kind: 'Secret', data: { b: 'Mg==' } })
  }
  const sources = [{ configMap: { name: 'wanted' } }, { secret: { name: 'wanted' } }]
  rig.objects.create(POD, boundPod('web', 'till', { volumes: [{ name: 'all', projected: { sources } }] }))
  rig.objects.create(POD, boundPod('elsewhere', 'other'))
  await eventually(() => podsOf(device).includes('web'))
  t.same(podsOf(device), ['web'])
  t.same(Object.keys(device.cache.desired()?.configMaps ?? {}), ['default/wanted'])
  t.same(Object.keys(device.cache.desired()?.secrets ?? {}), ['default/wanted'])

  rig.objects.modify(CONFIG_MAP, 'default', 'wanted', (current) => ({ ...current, data: { a: '2' } }))
  await eventually(() => device.cache.desired()?.configMaps['default/wanted']?.data?.['a'] === '2')
  rig.objects.delete(POD, 'default', 'web', { gracePeriodSeconds: 0 })
  await eventually(() => device.cache.desired()?.pods.length === 0)
})

t.test('A change that does not concern a device sends it nothing', async (t) => {
  const rig = await startFleetRig()
  t.teardown(() => rig.stop())
  const device = await rig.online('till')
  const pod = rig.objects.create(POD, boundPod('web', 'till'))
  await eventually(() => podsOf(device).length === 1)
  const { revision } = device.cache.held()
  const { taken } = device.link.state().inbox
  device.cache.setReport(reporting(device, pod))
  await eventually(() => rig.objects.get(POD, 'default', 'web')?.status?.phase === 'Running')
  rig.objects.create(POD, boundPod('later', 'till'))
  await eventually(() => podsOf(device).length === 2)
  t.equal(device.link.state().inbox.taken, taken + 1)
  t.ok(device.cache.held().revision > revision)
})

t.test('What a device reports becomes the status of its own pods only', async (t) => {
  const rig = await startFleetRig()
  t.teardown(() => rig.stop())
  const device = await rig.online('till')
  const mine = rig.objects.create(POD, boundPod('mine', 'till'))
  const foreign = rig.objects.create(POD, boundPod('foreign', 'other'))
  const both = reporting(device, mine)
  device.cache.setReport({ ...both, pods: [...both.pods, ...reporting(device, foreign).pods] })
  await eventually(() => rig.objects.get(POD, 'default', 'mine')?.status?.phase === 'Running')
  t.not(rig.objects.get(POD, 'default', 'foreign')?.status?.phase, 'Running')
  t.match(rig.fleet.counters.reports, { foreign: 1 })
  t.match(
    rig.objects.get(NODE, undefined, 'till')?.status?.conditions?.find(({ type }) => type === 'DiskPressure'),
    { status: 'False' },
  )
})

t.test('A device that reports a full disk is tainted within the moment, until it reports room', async (t) => {
  const rig = await startFleetRig()
  t.teardown(() => rig.stop())
  const device = await rig.online('till')
  const taints = () => rig.objects.get(NODE, undefined, 'till')?.spec.taints?.map(({ key }) => key) ?? []
  const report = (status: string) => {
    const conditions = [{ type: 'DiskPressure', status, reason: 'KubeletDisk', message: status }]
    device.cache.setReport({ pods: [], conditions, observed: device.cache.held() })
  }
  report('True')
  await eventually(() => taints().includes('node.kubernetes.io/disk-pressure'))
  report('False')
  await eventually(() => taints().length === 0)
})

t.test('A pod that was deleted goes when its device says that nothing of it runs', async (t) => {
  const rig = await startFleetRig()
  t.teardown(() => rig.stop())
  const device = await rig.online('till')
  const pod = rig.objects.create(POD, boundPod('web', 'till'))
  await eventually(() => podsOf(device).length === 1)
  rig.objects.delete(POD, 'default', 'web')
  await eventually(() => device.cache.desired()?.pods[0]?.metadata.deletionTimestamp !== undefined)
  t.ok(rig.objects.get(POD, 'default', 'web'), 'it waits for the device')
  device.cache.setReport(reporting(device, pod, { stopped: true }))
  await eventually(() => rig.objects.get(POD, 'default', 'web') === undefined)
  await eventually(() => podsOf(device).length === 0)
})

t.test('What happened offline arrives in order and once, also when it is sent twice', async (t) => {
  const rig = await startFleetRig()
  t.teardown(() => rig.stop())
  const device = await rig.device(await rig.join(undefined, { nodeName: 'till' }))
  const say = (message: string) =>
    device.cache.appendJournal({ body: { kind: 'event', severity: 'Normal', reason: 'Tried', message } })
  for (let number = 0; number < 10; number++) say(`try ${number}`)
  await device.link.start()
  await eventually(() => device.cache.peekJournal(10).length === 0)
  t.same(new Set(rig.events('Tried')), new Set(Array.from({ length: 10 }, (_, number) => `try ${number}`)))
  await rig.restartHub()
  say('after')
  await eventually(() => device.cache.peekJournal(10).length === 0)
  await eventually(() => rig.events('Tried').includes('after'))
  t.equal(rig.events('Tried').length, 11)
})

t.test('After a restart of the hub devices come back and are sent only what changed', async (t) => {
  const rig = await startFleetRig()
  t.teardown(() => rig.stop())
  const device = await rig.online('till')
  rig.objects.create(POD, boundPod('web', 'till'))
  await eventually(() => podsOf(device).length === 1)
  const before = {
    held: device.cache.held(),
    taken: device.link.state().inbox.taken,
    session: device.link.state().session,
  }
  await rig.restartHub()
  await eventually(() => rig.fleet.session('till') !== undefined)
  t.ok(rig.fleet.session('till')! > before.session!)
  rig.objects.create(POD, boundPod('second', 'till'))
  await eventually(() => podsOf(device).length === 2)
  t.equal(device.link.state().inbox.taken, before.taken + 1)
  t.equal(device.link.state().inbox.conflicting, 0)
})

t.test('Everything also runs over WebSocket on the one HTTPS port', async (t) => {
  const rig = await startFleetRig()
  t.teardown(() => rig.stop())
  const identity = await rig.join(undefined, { nodeName: 'till' })
  const device = await rig.device(identity, { settings: { transport: 'websocket', agentVersion: '0.1.0' } })
  await device.link.start()
  rig.objects.create(POD, boundPod('web', 'till'))
  await eventually(() => podsOf(device).length === 1)
  t.equal(device.link.state().link, 'online')
  rig.objects.delete(NODE, undefined, 'till')
  await eventually(() => device.link.state().reason?.kind === 'identity')
})

t.test('A device whose hub has moved finds it at another address that it was told of', async (t) => {
  const rig = await startFleetRig()
  t.teardown(() => rig.stop())
  const joined = await rig.join(undefined, { nodeName: 'till' })
  const { host, apiPort, mqttPort } = joined.hub
  // Nobody listens there any more.
  const hub = { host: '127.0.0.9', apiPort, mqttPort, others: [`127.0.0.8:${apiPort}`, `${host}:${apiPort}`] }
  const device = await rig.device({ ...joined, hub })
  await device.link.start()
  rig.objects.create(POD, boundPod('web', 'till'))
  await eventually(() => podsOf(device).length === 1)
  t.equal(device.link.state().link, 'online')
})

t.test('A state larger than a packet arrives in parts', async (t) => {
  const rig = await startFleetRig()
  t.teardown(() => rig.stop())
  const device = await rig.online('till')
  const noise = Buffer.from(Array.from({ length: 600_000 }, () => Math.floor(Math.random() * 256))).toString('base64')
  rig.objects.create(SECRET, {
    apiVersion: 'v1',
    kind: 'Secret',
    metadata: { name: 'big', namespace: 'default' },
    data: { noise },
  })
  rig.objects.create(POD, boundPod('web', 'till', { volumes: [{ name: 'big', secret: { secretName: 'big' } }] }))
  await eventually(() => device.cache.desired()?.secrets['default/big']?.data?.['noise'] === noise)
})

t.test('A call reaches the device that it was made for, in its session', async (t) => {
  const rig = await startFleetRig()
  t.teardown(() => rig.stop())
  const device = await rig.online('till')
  const session = await eventually(() => rig.fleet.session('till') ?? false)
  const call = {
    type: 'call',
    session,
    number: 1,
    id: '0'.repeat(32),
    ttlMs: 1_000,
    request: { kind: 'usage' },
  } as const
  t.ok(rig.fleet.sendCall('till', call))
  t.notOk(rig.fleet.sendCall('nobody', call))
  t.same(await eventually(() => (device.calls.length > 0 ? device.calls : false)), [call])
})

/** A network with a plug that can be pulled. */
function cuttable(real: Connect): { connect: Connect; cut(): void } {
  let isCut = false
  let current: Wire | undefined
  const nothing: Wire = { publish: () => Promise.reject(new Error('cut')), end: async () => {}, drop() {} }
  return {
    connect(attempt, handlers) {
      if (!isCut) return (current = real(attempt, handlers))
      setImmediate(() => handlers.onClose({ kind: 'network', message: 'cut' }))
      return nothing
    },
    cut() {
      isCut = true
      current?.drop()
    },
  }
}

t.test('A device that stops cleanly is not mourned, and one whose link breaks is late at once', async (t) => {
  const rig = await startFleetRig({ beatEveryMs: 60_000 })
  t.teardown(() => rig.stop())
  const clean = await rig.online('clean')
  const identity = await rig.join(undefined, { nodeName: 'broken' })
  const network = cuttable(createMqttConnect(identity, createHubPlaces(identity), { transport: 'mqtt' }))
  const broken = await rig.device(identity, { connect: network.connect })
  await broken.link.start()
  await eventually(() => stateOf(rig, 'clean') === 'Online' && stateOf(rig, 'broken') === 'Online')
  await clean.link.stop()
  network.cut()
  await eventually(() => stateOf(rig, 'broken') === 'Late')
  t.equal(stateOf(rig, 'clean'), 'Online')
  t.equal(rig.fleet.session('clean'), undefined)
})

t.test('Deleting a node ends its session and its identity for good', async (t) => {
  const rig = await startFleetRig()
  t.teardown(() => rig.stop())
  const device = await rig.online('till')
  const node = await eventually(() =>
    stateOf(rig, 'till') === 'Online' ? rig.objects.get(NODE, undefined, 'till')! : false,
  )
  rig.objects.delete(NODE, undefined, 'till')
  await eventually(() => rig.fleet.session('till') === undefined, 5_000)
  await eventually(() => device.link.state().reason?.kind === 'identity')
  const { uid: _, resourceVersion: __, ...metadata } = node.metadata
  rig.objects.create(NODE, { ...node, metadata })
  const again = await rig.device(device.identity)
  await again.link.start()
  await eventually(() => again.link.state().reason?.kind === 'identity')
})

t.test(
  'A device whose power came back at once is let in as soon as the hub knows that its old session is dead',
  async (t) => {
    const rig = await startFleetRig({ beatEveryMs: 2_000 })
    t.teardown(() => rig.stop())
    const dir = rig.folder()
    const identity = await rig.join(undefined, { nodeName: 'till' })
    const before = await rig.device(identity, { dir })
    await before.link.start()
    await eventually(() => before.cache.desired() !== undefined)
    await before.link.stop()
    await before.cache.stop()
    // Its connection stands at the hub: nothing was said when power went.
    const ghost = await rawDevice(identity, { session: 1_000_000 })
    await ghost.hello()
    await eventually(() => rig.fleet.session('till') !== undefined)
    const after = await rig.device(identity, { dir })
    await ghost.beat()
    await after.link.start()
    await eventually(() => after.link.state().reason?.kind === 'duplicate')
    await eventually(() => after.link.state().link === 'online')
    t.ok(await ghost.closed, 'and the old one is over')
  },
)

t.test('Of two devices with one identity the first stays, both are told, and neither flaps', async (t) => {
  const rig = await startFleetRig()
  t.teardown(() => rig.stop())
  const first = await rig.online('till')
  const session = await eventually(() => rig.fleet.session('till') ?? false)
  const clone = await rig.device(first.identity)
  await clone.link.start()
  await eventually(() => clone.link.state().reason?.kind === 'duplicate')
  await eventually(() => rig.events('DuplicateIdentity').length === 1)
  t.equal(rig.fleet.session('till'), session)
  t.equal(first.link.state().link, 'online')
  await first.link.stop()
})
