// broker.test.ts - attacks the broker with raw sockets: what no agent sends is refused, bounded, and told
import { generateKeyPairSync } from 'node:crypto'
import { connect as connectTcp } from 'node:net'
import { connect as connectTls, type TLSSocket } from 'node:tls'
import fc from 'fast-check'
import t from 'tap'
import { certificateRequest } from '../../../agent/link/certificate-request.ts'
import { acceptByteStream } from '../../../hub/api/streams/byte-stream.ts'
import { createAedesBroker } from '../../../hub/broker/aedes-broker.ts'
import type { Admission, Broker, Connection } from '../../../hub/broker/broker.ts'
import type { CapSettings } from '../../../hub/broker/connection-caps.ts'
import { createPacketGuard } from '../../../hub/broker/packet-guard.ts'
import { systemClock } from '../../../shared/clock.ts'
import { silentLog } from '../../../shared/log.ts'
import { eventually } from '../../support/eventually.ts'
import { sharedPki } from '../../support/shared-pki.ts'

async function device(name: string) {
  const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'prime256v1' })
  const key = privateKey.export({ type: 'pkcs8', format: 'pem' }).toString()
  const cert = await (await sharedPki()).issueNode(await certificateRequest(key), name)
  return { name, key, cert }
}
type Device = Awaited<ReturnType<typeof device>>

interface Rig {
  broker: Broker
  breaches: string[]
  opened: Connection[]
  messages: string[]
}

async function startBroker(caps?: CapSettings, admission: Admission = { ok: true }): Promise<Rig> {
  const pki = await sharedPki()
  const tls = { caPem: pki.caPem, certPem: pki.serverCertPem, keyPem: pki.serverKeyPem }
  const broker = createAedesBroker({
    listen: { host: '127.0.0.1', port: 0 },
    ...tls,
    clock: systemClock,
    log: silentLog,
    acceptStream: acceptByteStream,
    ...(caps && { caps }),
  })
  const rig: Rig = { broker, breaches: [], opened: [], messages: [] }
  broker.use({
    admit: () => admission,
    opened: (connection) => void rig.opened.push(connection),
    closed: () => {},
    crowded: () => {},
    message: ({ node }, what, payload) => void rig.messages.push(`${node} ${what} ${payload.toString()}`),
    breach: ({ node }, message) => void rig.breaches.push(`${node}: ${message}`),
  })
  await broker.start()
  return rig
}

// ---- MQTT by hand ----

const text = (value: string | Buffer) => {
  const bytes = Buffer.from(value)
  return Buffer.concat([Buffer.from([bytes.length >> 8, bytes.length & 0xff]), bytes])
}
function packet(type: number, ...parts: Uint8Array[]): Buffer {
  const body = Buffer.concat(parts)
  const length: number[] = []
  for (let left = body.length, first = true; left > 0 || first; left >>= 7, first = false)
    length.push((left & 0x7f) | (left > 0x7f ? 0x80 : 0))
  return Buffer.concat([Buffer.from([type, ...length]), body])
}
interface ConnectOptions {
  id?: string | Buffer
  clean?: boolean
  keepalive?: number
  user?: string
  will?: { topic: string | Buffer; retain?: boolean }
}
function connectPacket({
  id = 'till',
  clean = true,
  keepalive = 60,
  user = 'instance-1',
  will,
}: ConnectOptions = {}): Buffer {
  const flags = 0x80 | (clean ? 2 : 0) | (will ? 4 | 8 : 0) | (will?.retain ? 32 : 0)
  const head = Buffer.concat([text('MQTT'), Buffer.from([4, flags, keepalive >> 8, keepalive & 0xff])])
  return packet(0x10, head, text(id), ...(will ? [text(will.topic), text('bye')] : []), text(user))
}
const publishPacket = (topic: string | Buffer, payload: string | Buffer = 'x', flags = 0) =>
  packet(0x30 | flags, text(topic), ...(flags & 6 ? [Buffer.from([0, 1])] : []), Buffer.from(payload))
const subscribePacket = (filter: string) => packet(0x82, Buffer.from([0, 1]), text(filter), Buffer.from([1]))

interface Raw {
  socket: TLSSocket
  received: Buffer[]
  closed: Promise<void>
}
async function dial({ broker }: Rig, by?: Device): Promise<Raw> {
  const { caPem: ca } = await sharedPki()
  const socket = connectTls({
    host: '127.0.0.1',
    servername: 'localhost',
    port: broker.port,
    ca,
    ...(by && { key: by.key, cert: by.cert }),
  })
  const received: Buffer[] = []
  socket.on('data', (chunk) => received.push(chunk))
  socket.on('error', () => socket.destroy())
  const closed = new Promise<void>((resolve) => socket.once('close', () => resolve()))
  return { socket, received, closed }
}
async function online(rig: Rig, by: Device): Promise<Raw> {
  const raw = await dial(rig, by)
  raw.socket.write(connectPacket({ id: by.name }))
  await eventually(() => raw.received.length > 0)
  return raw
}

t.test('Without a certificate of the CA nobody gets a word in', async (t) => {
  const rig = await startBroker()
  t.teardown(() => rig.broker.stop())
  const raw = await dial(rig)
  raw.socket.write(connectPacket())
  await raw.closed
  t.equal(raw.received.length, 0)
  t.equal(rig.opened.length, 0)
})

t.test('A client is who its certificate says, byte for byte', async (t) => {
  const rig = await startBroker()
  t.teardown(() => rig.broker.stop())
  const till = await device('till')
  const bad: [string, ConnectOptions][] = [
    ['another name', { id: 'shop' }],
    ['an empty name', { id: '' }],
    ['an empty name with a session to keep', { id: '', clean: false }],
    ['a session to keep', { clean: false }],
    ['a name with NUL', { id: 'till\0' }],
    ['a name in bad UTF-8', { id: Buffer.from([0x74, 0xff, 0x6c, 0x6c]) }],
    ['no keepalive', { keepalive: 0 }],
    ['a strange instance', { user: '../..' }],
    ["another's will", { will: { topic: 'hf/1/shop/will' } }],
    ['a retained will', { will: { topic: 'hf/1/till/will', retain: true } }],
  ]
  for (const [what, options] of bad) {
    const raw = await dial(rig, till)
    raw.socket.write(connectPacket(options))
    await raw.closed
    t.not(Buffer.concat(raw.received)[3], 0, `${what} is not welcomed`)
  }
  t.equal(rig.opened.length, 0)
  const raw = await online(rig, till)
  t.same([...Buffer.concat(raw.received)], [0x20, 2, 0, 0])
  raw.socket.destroy()
})

t.test('Publishing anywhere but on its own topics ends the session and is told', async (t) => {
  const rig = await startBroker()
  t.teardown(() => rig.broker.stop())
  const till = await device('till')
  const topics: (string | Buffer)[] = [
    'hf/1/shop/status',
    'hf/1/till/state',
    'hf/1/till/status/more',
    'hf/1/till/',
    '$SYS/broker/x',
    'HF/1/till/status',
    'hf/1/till/status\0',
    '/hf/1/till/status',
    Buffer.from([...Buffer.from('hf/1/till/statu'), 0xc1, 0xb3]),
    Buffer.from([...Buffer.from('hf/1/till/'), 0xed, 0xa0, 0x80]),
  ]
  for (const topic of topics) {
    const before = rig.breaches.length
    const raw = await online(rig, till)
    raw.socket.write(publishPacket(topic))
    await raw.closed
    t.equal(rig.breaches.length, before + 1, JSON.stringify(topic.toString()))
  }
  for (const flags of [1, 4]) {
    const raw = await online(rig, till)
    raw.socket.write(publishPacket('hf/1/till/status', 'x', flags))
    await raw.closed
  }
  t.same(rig.messages, [])
})

t.test('Reading anything but its own three topics ends the session and is told', async (t) => {
  const rig = await startBroker()
  t.teardown(() => rig.broker.stop())
  const till = await device('till')
  for (const filter of [
    '#',
    '+',
    'hf/1/+/state',
    'hf/1/shop/state',
    'hf/1/till/#',
    'hf/1/till/status',
    '$SYS/#',
    '$share/g/hf/1/till/state',
  ]) {
    const before = rig.breaches.length
    const raw = await online(rig, till)
    raw.socket.write(subscribePacket(filter))
    await raw.closed
    t.equal(rig.breaches.length, before + 1, filter)
  }
  const raw = await online(rig, till)
  raw.socket.write(subscribePacket('hf/1/till/a+'))
  await raw.closed
})

t.test('What the rules allow arrives, with the sender that the certificate names', async (t) => {
  const rig = await startBroker()
  t.teardown(() => rig.broker.stop())
  const till = await device('till')
  const raw = await online(rig, till)
  raw.socket.write(subscribePacket('hf/1/till/state'))
  raw.socket.write(publishPacket('hf/1/till/status', 'hello'))
  await eventually(() => rig.messages.includes('till status hello'))
  rig.broker.publish('shop', 'state', Buffer.from('not for you'))
  rig.broker.publish('till', 'state', Buffer.from('for you'))
  await eventually(() => Buffer.concat(raw.received).includes('for you'))
  t.notOk(Buffer.concat(raw.received).includes('not for you'))
  raw.socket.destroy()
})

t.test('A link that breaks sends the will, a goodbye does not', async (t) => {
  const rig = await startBroker()
  t.teardown(() => rig.broker.stop())
  const till = await device('till')
  for (const isGoodbye of [true, false]) {
    const raw = await dial(rig, till)
    raw.socket.write(connectPacket({ will: { topic: 'hf/1/till/will' } }))
    await eventually(() => raw.received.length > 0)
    if (isGoodbye) raw.socket.end(packet(0xe0))
    else raw.socket.destroy()
    await raw.closed
    await eventually(() => rig.broker.counters.connections === 0)
    if (isGoodbye) t.same(rig.messages, [])
  }
  await eventually(() => rig.messages.length > 0)
  t.same(rig.messages, ['till will bye'])
})

t.test('Packets beyond the limit are refused by their header, before and after the greeting', async (t) => {
  const rig = await startBroker()
  t.teardown(() => rig.broker.stop())
  const till = await device('till')
  const huge = (type: number, bytes: number) => packet(type, Buffer.alloc(bytes)).subarray(0, 100)

  const stranger = await dial(rig, till)
  stranger.socket.write(huge(0x10, 17 * 1024))
  await stranger.closed
  const member = await online(rig, till)
  member.socket.write(huge(0x30, 257 * 1024))
  await member.closed
  t.same(
    rig.breaches,
    Array.from({ length: 2 }, () => 'till: a packet is larger than allowed'),
  )
  const fits = await online(rig, till)
  fits.socket.write(publishPacket('hf/1/till/status', Buffer.alloc(200 * 1024, 'y')))
  await eventually(() => rig.messages.length === 1)
  fits.socket.destroy()
})

t.test('The fleet says who may come in, and why not reaches the client as a number', async (t) => {
  const till = await device('till')
  for (const [why, code] of [
    ['duplicate', 2],
    ['busy', 3],
    ['identity', 5],
  ] as const) {
    const rig = await startBroker(undefined, { ok: false, why, message: why })
    t.teardown(() => rig.broker.stop())
    const raw = await dial(rig, till)
    raw.socket.write(connectPacket())
    await raw.closed
    t.same([...Buffer.concat(raw.received)], [0x20, 2, 0, code])
  }
})

t.test('Strangers from one address cannot take all the room', async (t) => {
  const rig = await startBroker({ total: 100, strangers: 10, strangersPerAddress: 3 })
  t.teardown(() => rig.broker.stop())
  const { port } = rig.broker
  const idle = Array.from({ length: 3 }, () => connectTcp(port, '127.0.0.1'))
  await eventually(() => idle.every((socket) => !socket.connecting))
  const refused = connectTcp(port, '127.0.0.1')
  refused.on('error', () => {})
  await new Promise((resolve) => refused.once('close', resolve))
  t.equal(rig.broker.counters.refusedConnections, 1)
  for (const socket of idle) socket.destroy()
  const member = await eventually(async () => {
    const raw = await dial(rig, await device('till'))
    raw.socket.write(connectPacket())
    await Promise.race([raw.closed, new Promise((resolve) => raw.socket.once('data', resolve))])
    return raw.received.length > 0 ? raw : false
  })
  t.same([...Buffer.concat(member.received)], [0x20, 2, 0, 0])
  member.socket.destroy()
})

t.test('The guard counts the same, however the bytes are cut', async (t) => {
  const sizes = fc.array(fc.nat({ max: 300 }), { minLength: 1, maxLength: 10 })
  fc.assert(
    fc.property(sizes, fc.array(fc.integer({ min: 1, max: 50 }), { minLength: 1, maxLength: 50 }), (bodies, cuts) => {
      const stream = Buffer.concat(bodies.map((bytes) => packet(0x30, Buffer.alloc(bytes, 0xff))))
      const guard = createPacketGuard(() => 250)
      let isAdmitted = true
      for (let at = 0, turn = 0; at < stream.length && isAdmitted; turn++) {
        const next = at + (cuts[turn % cuts.length] ?? 1)
        isAdmitted = guard.admits(stream.subarray(at, next))
        at = next
      }
      return isAdmitted === bodies.every((bytes) => bytes <= 250)
    }),
  )
  t.notOk(
    createPacketGuard(() => 1e9).admits(Buffer.from([0x30, 0xff, 0xff, 0xff, 0xff, 1])),
    'a length of five bytes is none',
  )
})
