// connect.ts - MQTT 3.1.1 over TLS, or over WebSocket on the hub's HTTPS port, with our own key and the pinned CA
import { TLSSocket } from 'node:tls'
import { connect, type IClientOptions, type MqttClient } from 'mqtt'
import { DOWN, parseTopic, topicOf } from '../../shared/protocol/topics.ts'
import type { HubPlace, HubPlaces } from './hub-places.ts'
import type { Identity } from './identity.ts'
import type { CloseReason, Connect, Wire, WireAttempt, WireHandlers } from './wire.ts'

/** TLS on a slow device over a satellite. */
const CONNECT_WITHIN_MS = 30_000
/** For an agent that beats more seldom than this; else a beat a minute asks for an answer (beats.ts) and no ping is sent. */
const KEEPALIVE_S = 60

export interface ConnectSettings {
  transport: 'mqtt' | 'websocket'
}

export function createMqttConnect(identity: Identity, places: HubPlaces, { transport }: ConnectSettings): Connect {
  return (attempt, handlers) => {
    const place = places.current()
    let hasOpened = false
    const client = connect(optionsFor(identity, place, transport, attempt))
    return wireOf(client, identity.nodeName, {
      ...handlers,
      onOpen() {
        hasOpened = true
        handlers.onOpen()
      },
      onClose(reason) {
        if (!hasOpened && reason.kind === 'network') places.failed(place)
        handlers.onClose(reason)
      },
    })
  }
}

function optionsFor(
  { nodeName, ca, certificate: cert, key }: Identity,
  hub: HubPlace,
  transport: ConnectSettings['transport'],
  attempt: WireAttempt,
): IClientOptions {
  const tls = { ca, cert, key, rejectUnauthorized: true }
  const way: IClientOptions =
    transport === 'mqtt'
      ? { protocol: 'mqtts', port: hub.mqttPort, ...tls }
      : { protocol: 'wss', port: hub.apiPort, path: '/mqtt', ...tls, wsOptions: { ...tls, perMessageDeflate: false } }
  return {
    ...way,
    host: hub.host,
    clientId: nodeName,
    username: attempt.instance,
    protocolVersion: 4,
    clean: true,
    // The library's own reconnecting has neither back-off nor jitter, and its queues have no bound.
    reconnectPeriod: 0,
    queueQoSZero: false,
    resubscribe: false,
    connectTimeout: CONNECT_WITHIN_MS,
    keepalive: KEEPALIVE_S,
    reschedulePings: true,
    // 9 MB less memory: it is a table of all numbers.
    writeCache: false,
    will: { topic: topicOf(nodeName, 'will'), payload: attempt.will, qos: 1, retain: false },
  }
}

function wireOf(client: MqttClient, node: string, handlers: WireHandlers): Wire {
  let reason: CloseReason = { kind: 'network', message: 'the connection was closed' }
  let isClosed = false
  const pending = new Set<(error: Error) => void>()

  const closed = () => {
    if (isClosed) return
    isClosed = true
    for (const fail of pending) fail(new Error(reason.message))
    pending.clear()
    client.end(true)
    handlers.onClose(reason)
  }
  const drop = (why: CloseReason) => {
    reason = why
    client.end(true)
    closed()
  }

  client.on('connect', () => {
    // Else what follows on an acknowledgement waits for the acknowledgement of that: 40 ms. WebSockets have it done.
    if (client.stream instanceof TLSSocket) client.stream.setNoDelay(true)
    const topics = DOWN.map((what) => topicOf(node, what))
    client.subscribe(topics, { qos: 1 }, (error, granted) => {
      if (isClosed) return
      const isRefused = granted?.some(({ qos }) => qos > 1)
      if (error || isRefused)
        return drop({ kind: 'network', message: error?.message ?? 'the broker refuses our topics' })
      handlers.onOpen()
    })
  })
  client.on('message', (topic, payload) => {
    const parsed = parseTopic(topic)
    const what = DOWN.find((word) => word === parsed?.what)
    if (parsed?.node === node && what && !isClosed) handlers.onMessage(what, payload)
  })
  client.on('error', (error) => drop(reasonOf(error)))
  client.on('close', closed)

  return {
    publish: (what, payload, qos) =>
      new Promise((resolve, reject) => {
        if (isClosed || !client.connected) return reject(new Error('there is no connection'))
        pending.add(reject)
        client.publish(topicOf(node, what), payload, { qos }, (error) => {
          pending.delete(reject)
          if (error) reject(error)
          else resolve()
        })
      }),
    end: () =>
      new Promise((resolve) => {
        if (isClosed) return resolve()
        isClosed = true
        for (const fail of pending) fail(new Error('the link was stopped'))
        client.end(false, {}, () => resolve())
      }),
    drop: () => drop({ kind: 'network', message: 'dropped by us' }),
  }
}

/** CONNACK's numbers as the hub uses them. */
const REFUSALS = new Map<unknown, CloseReason['kind']>([
  [2, 'duplicate'],
  [3, 'busy'],
  [5, 'identity'],
])

function reasonOf(error: Error): CloseReason {
  const kind = ('code' in error && REFUSALS.get(error.code)) || 'network'
  return { kind, message: error.message }
}
