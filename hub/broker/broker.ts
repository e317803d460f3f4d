// broker.ts - what the fleet knows of the MQTT broker: who connects, what they say, and how to answer
import type { IncomingMessage } from 'node:http'
import type { Duplex } from 'node:stream'
import type { DownTopic, UpTopic } from '../../shared/protocol/topics.ts'
import type { Service } from '../../shared/service.ts'

/** What the certificate of a client says; the CA has vouched for it. */
export interface Peer {
  node: string
  /** SHA-256 of the public key. */
  keyFingerprint: string
}

export interface Connection extends Peer {
  readonly id: number
  /** Drawn anew by each agent process, shown as the MQTT user name. */
  readonly instance: string
  readonly address: string
}

/** identity: revoked or unknown. duplicate: another device shows the same identity and lives. busy: come back later. */
export type Admission = { ok: true } | { ok: false; why: 'identity' | 'duplicate' | 'busy'; message: string }

/** The numbers of CONNACK in MQTT 3.1.1 that agents read as these reasons. */
export const REFUSAL_CODE = { duplicate: 2, busy: 3, identity: 5 } as const

export interface BrokerHandlers {
  /** Before CONNACK; synchronous, because thousands ask at once. */
  admit(connection: Connection): Admission
  opened(connection: Connection): void
  closed(connection: Connection): void
  /** Wills come this way too. Only topics of the connection's own node arrive here. */
  message(connection: Connection, what: UpTopic, payload: Buffer): void
  /** Somebody is kept waiting or sent away before it could say who it is: silence may be our own fault now. */
  crowded(): void
  /** A client did what no agent does; its connection is being closed. */
  breach(peer: Peer, message: string): void
}

export interface Broker extends Service {
  /** Once, before start. */
  use(handlers: BrokerHandlers): void
  /** Without a session nobody hears it; nothing is kept. */
  publish(node: string, what: DownTopic, payload: Buffer): void
  close(connection: Connection): void
  /** MQTT over WebSocket, for the HTTPS server's /mqtt; refuses sockets without a device's certificate. */
  upgrade(request: IncomingMessage, socket: Duplex, head: Buffer): void
  /** Of the TLS listener; 0 before start. */
  readonly port: number
  readonly counters: Readonly<BrokerCounters>
}

export interface BrokerCounters {
  connections: number
  refusedConnections: number
  failedHandshakes: number
  breaches: number
}
