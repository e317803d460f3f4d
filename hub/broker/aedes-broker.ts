// aedes-broker.ts - the embedded MQTT broker: aedes behind mutual TLS, with the guards that it does not bring itself
import { STATUS_CODES, type IncomingMessage } from 'node:http'
import type { Socket } from 'node:net'
import type { Duplex } from 'node:stream'
import mqttPacket from 'mqtt-packet'
import { Aedes, type AedesOptions, type AuthenticateError, type Client } from 'aedes'
import type { Clock } from '../../shared/clock.ts'
import type { Log } from '../../shared/log.ts'
import { CONNECT_BYTES_MAX, PACKET_BYTES_MAX } from '../../shared/protocol/parts.ts'
import { topicOf } from '../../shared/protocol/topics.ts'
import { REFUSAL_CODE, type Admission, type Broker, type BrokerHandlers, type Connection, type Peer } from './broker.ts'
import { createConnectionCaps, DEFAULT_CAPS, type CapSettings } from './connection-caps.ts'
import { createPacketGuard } from './packet-guard.ts'
import { peerOf } from './peer.ts'
import { connectBreach, publishRule, subscribeBreach, type ConnectAttempt } from './rules.ts'
import { createTlsListener } from './tls-listener.ts'

/** It would keep a buffer for each of 65,536 packet numbers: 8 MB, to save the making of two bytes. */
mqttPacket.writeToStream.cacheNumbers = false

/** A client that says nothing after TLS is not an agent. */
const CONNECT_TIMEOUT_MS = 5_000
/** One that does not read is cut off before it delays others; measured: 10,000 messages pass in 4 s instead of stalling. */
const DRAIN_TIMEOUT_MS = 2_000
/** Unlimited: with a limit, one client that does not read stalls everybody. */
const CONCURRENCY = 0

export interface AedesBrokerDeps {
  listen: { host: string; port: number }
  caPem: string
  certPem: string
  keyPem: string
  /** Completes a WebSocket handshake and hands over its bytes; whoever imports the WebSocket library brings it. */
  acceptStream(
    request: IncomingMessage,
    socket: Duplex,
    head: Buffer,
    options: { protocol: string; frameBytesMax: number },
    then: (stream: Duplex) => void,
  ): void
  clock: Clock
  log: Log
  caps?: CapSettings
}

/** A frame may hold several packets; each of them has its own limit behind this one. */
const WEB_SOCKET = { protocol: 'mqtt', frameBytesMax: 2 * PACKET_BYTES_MAX }

/** What belongs to one client between its first byte and its last. */
interface Seat {
  peer: Peer
  /** The TLS socket, also when a WebSocket runs inside. */
  socket: Socket
  attempt?: ConnectAttempt
  connection?: Connection
  isOpen: boolean
}

export function createAedesBroker(deps: AedesBrokerDeps): Broker {
  const { log } = deps
  const seats = new WeakMap<Client, Seat>()
  const clients = new Map<number, Client>()
  const caps = createConnectionCaps(deps.caps ?? DEFAULT_CAPS)
  const counters = { connections: 0, refusedConnections: 0, failedHandshakes: 0, breaches: 0 }
  const listener = createTlsListener({
    ...deps,
    caps,
    onPeer: (socket, peer) => take(socket, peer, socket),
    onRefused: () => counters.refusedConnections++,
    onCrowd: () => fleet().crowded(),
    onFailedHandshake: () => counters.failedHandshakes++,
  })
  let handlers: BrokerHandlers | undefined
  let aedes: Aedes | undefined
  let nextId = 1

  const fleet = (): BrokerHandlers => {
    if (!handlers) throw new Error('the broker has nobody to ask')
    return handlers
  }
  const breach = (peer: Peer, message: string): Error => {
    counters.breaches++
    fleet().breach(peer, message)
    return new Error(message)
  }

  function take(stream: Duplex, peer: Peer, socket: Socket): void {
    if (!aedes) return void stream.destroy()
    const client = aedes.handle(stream)
    const seat: Seat = { peer, socket, isOpen: false }
    seats.set(client, seat)
    guardPackets(
      client,
      () => (seat.isOpen ? PACKET_BYTES_MAX : CONNECT_BYTES_MAX),
      () => client.emit('error', breach(peer, 'a packet is larger than allowed')),
    )
    stream.once('close', () => leave(seat))
  }

  function leave({ connection }: Seat): void {
    if (!connection || !clients.delete(connection.id)) return
    counters.connections--
    fleet().closed(connection)
  }

  function admit(client: Client, username: string | undefined): Admission {
    const seat = seats.get(client)
    if (!seat?.attempt) return { ok: false, why: 'identity', message: 'nobody knows this connection' }
    const wrong = connectBreach(seat.peer.node, { ...seat.attempt, username })
    if (wrong) return { ok: false, why: 'identity', message: breach(seat.peer, wrong).message }
    const connection = {
      ...seat.peer,
      id: nextId++,
      instance: username ?? '',
      address: seat.socket.remoteAddress ?? '',
    }
    const admission = fleet().admit(connection)
    if (admission.ok) seat.connection = connection
    return admission
  }

  function opened(client: Client): void {
    const seat = seats.get(client)
    if (!seat?.connection || client.closed) return
    seat.isOpen = true
    caps.known(seat.socket)
    clients.set(seat.connection.id, client)
    counters.connections++
    fleet().opened(seat.connection)
  }

  const hooks: AedesOptions = {
    preConnect(client, packet, done) {
      const seat = seats.get(client)
      if (seat) seat.attempt = attemptOf(packet)
      done(null, seat !== undefined)
    },
    authenticate(client, username, _password, done) {
      const admission = admit(client, username)
      if (admission.ok) return done(null, true)
      counters.refusedConnections++
      log.debug({ node: seats.get(client)?.peer.node, why: admission.message }, 'connection refused')
      done(refusal(admission), false)
    },
    authorizePublish(client, packet, done) {
      const peer = client && seats.get(client)?.peer
      const rule = peer ? publishRule(peer.node, packet) : { breach: '' }
      if (!('breach' in rule)) return done(null)
      done(peer ? breach(peer, rule.breach) : new Error('nobody knows this connection'))
    },
    authorizeSubscribe(client, subscription, done) {
      const peer = seats.get(client)?.peer
      if (!peer) return done(new Error('nobody knows this connection'))
      const wrong = subscribeBreach(peer.node, subscription.topic)
      done(wrong ? breach(peer, wrong) : null, subscription)
    },
    published(packet, client, done) {
      const connection = client && seats.get(client)?.connection
      const rule = connection && publishRule(connection.node, packet)
      if (connection && rule && 'what' in rule) fleet().message(connection, rule.what, Buffer.from(packet.payload))
      done()
    },
  }

  return {
    counters,
    use: (given) => void (handlers = given),
    get port() {
      return listener.port
    },
    async start() {
      fleet()
      const limits = { connectTimeout: CONNECT_TIMEOUT_MS, drainTimeout: DRAIN_TIMEOUT_MS, concurrency: CONCURRENCY }
      const broker = await Aedes.createBroker({ ...limits, ...hooks })
      broker.on('clientReady', opened)
      broker.on('clientError', (client, error) =>
        log.debug({ node: client.id, error: error.message }, 'connection failed'),
      )
      broker.on('connectionError', (_client, error) => log.debug({ error: error.message }, 'connection failed'))
      aedes = broker
      await listener.start()
    },
    async stop() {
      const closing = aedes
      aedes = undefined
      for (const client of clients.values()) client.close()
      if (closing) await new Promise<void>((resolve) => closing.close(() => resolve()))
      await listener.stop()
    },
    publish(node, what, payload) {
      const packet = { cmd: 'publish', topic: topicOf(node, what), payload, qos: 1, retain: false, dup: false } as const
      aedes?.publish(packet, (error) => {
        if (error) log.warn({ node, what, error: error.message }, 'a message could not be published')
      })
    },
    close: (connection) => clients.get(connection.id)?.close(),
    upgrade(request, socket, head) {
      const peer = peerOf(socket)
      if (!peer || !aedes) return refuseUpgrade(socket, peer ? 503 : 401)
      if (!caps.enter(request.socket)) {
        fleet().crowded()
        return refuseUpgrade(socket, 503)
      }
      deps.acceptStream(request, socket, head, WEB_SOCKET, (stream) => take(stream, peer, request.socket))
    },
  }
}

function attemptOf(packet: Parameters<NonNullable<AedesOptions['preConnect']>>[1]): ConnectAttempt {
  const { clientId, clean = true, keepalive = 0, username, will } = packet
  return {
    clientId,
    clean,
    keepalive,
    username,
    will: will && { topic: will.topic, retain: will.retain ?? false, qos: will.qos ?? 0 },
  }
}

function refusal(admission: Extract<Admission, { ok: false }>): AuthenticateError {
  return Object.assign(new Error(admission.message), { returnCode: REFUSAL_CODE[admission.why] })
}

function refuseUpgrade(socket: Duplex, status: 401 | 503): void {
  socket.end(`HTTP/1.1 ${status} ${STATUS_CODES[status]}\r\nConnection: close\r\nContent-Length: 0\r\n\r\n`)
}

interface Parser {
  parse(bytes: Buffer): number
}

/** The limit is enforced on what a header announces, before the parser buffers the rest. */
function guardPackets(client: Client, limitBytes: () => number, refuse: () => void): void {
  const parser = parserOf(client)
  const parse = parser.parse.bind(parser)
  const { admits } = createPacketGuard(limitBytes)
  parser.parse = (bytes) => {
    if (admits(bytes)) return parse(bytes)
    refuse()
    return 0
  }
}

/** aedes has no hook for bytes. The pinned version keeps its parser here, and without it the broker must not run. */
function parserOf(client: Client): Parser {
  const parser: unknown = Reflect.get(client, '_parser')
  if (typeof parser !== 'object' || parser === null || typeof Reflect.get(parser, 'parse') !== 'function') {
    throw new Error('this version of aedes hides its parser: packets could not be bounded')
  }
  // Checked above as far as a program can.
  return parser as Parser
}
