// tls-listener.ts - accepts devices on the MQTT port: mutual TLS, and bounded crowds of strangers
import { createServer as createTcpServer, type Server, type Socket } from 'node:net'
import { createServer, type Server as TlsServer, type TLSSocket } from 'node:tls'
import type { Clock } from '../../shared/clock.ts'
import type { Log } from '../../shared/log.ts'
import type { Service } from '../../shared/service.ts'
import type { Peer } from './broker.ts'
import type { ConnectionCaps } from './connection-caps.ts'
import { createHandshakeQueue, type HandshakeQueue } from './handshake-queue.ts'
import { peerOf } from './peer.ts'

const HANDSHAKE_TIMEOUT_MS = 10_000
/** A thousand agents come at once when a link heals. */
const BACKLOG = 4_096

export interface TlsListenerDeps {
  listen: { host: string; port: number }
  caPem: string
  certPem: string
  keyPem: string
  caps: ConnectionCaps
  clock: Clock
  log: Log
  onPeer(socket: TLSSocket, peer: Peer): void
  onRefused(): void
  /** Somebody is kept waiting or sent away before we know who it is. */
  onCrowd(): void
  /** Also after a refusal: TLS notices that its socket went away. */
  onFailedHandshake(): void
}

export interface TlsListener extends Service {
  readonly port: number
}

export function createTlsListener(deps: TlsListenerDeps): TlsListener {
  let server: Server | undefined
  const tls = tlsOf(deps)
  const sockets = new Set<Socket>()
  const queue = createHandshakeQueue({ clock: deps.clock, begin: (socket) => void tls.emit('connection', socket) })
  return {
    get port() {
      const address = server?.address()
      return typeof address === 'object' && address !== null ? address.port : 0
    },
    async start() {
      const listener = listenerOf(deps, queue, sockets)
      server = listener
      await new Promise<void>((resolve, reject) => {
        listener.once('error', reject)
        listener.listen({ ...deps.listen, backlog: BACKLOG }, () => {
          listener.off('error', reject)
          listener.on('error', (error) => deps.log.error({ error: error.message }, 'the MQTT listener failed'))
          resolve()
        })
      })
    },
    async stop() {
      const closing = server
      server = undefined
      queue.stop()
      if (!closing) return
      const closed = new Promise<void>((resolve) => closing.close(() => resolve()))
      // Somebody who connected and says nothing, or whose link broke meanwhile, must not keep the hub from ending.
      for (const socket of sockets) socket.destroy()
      await closed
    },
  }
}

/** Takes connections and reads nothing from them before it is their turn to shake hands. */
function listenerOf(
  { caps, onRefused, onCrowd }: TlsListenerDeps,
  queue: HandshakeQueue,
  sockets: Set<Socket>,
): Server {
  return createTcpServer({ pauseOnConnect: true }, (socket) => {
    // Until TLS takes it over nobody else listens, and a reset would end the hub.
    socket.on('error', () => socket.destroy())
    const isIn = caps.enter(socket) && queue.enter(socket)
    if (!isIn || queue.isCrowded) onCrowd()
    if (isIn) {
      sockets.add(socket)
      socket.once('close', () => sockets.delete(socket))
      return
    }
    onRefused()
    socket.destroy()
  })
}

/** Listens on nothing itself. */
function tlsOf({ caPem: ca, certPem: cert, keyPem: key, log, onPeer, onFailedHandshake }: TlsListenerDeps): TlsServer {
  const server = createServer({
    ca,
    cert,
    key,
    requestCert: true,
    minVersion: 'TLSv1.2',
    handshakeTimeout: HANDSHAKE_TIMEOUT_MS,
  })
  server.on('secureConnection', (socket) => {
    const peer = peerOf(socket)
    // A certificate of this CA that is not a device's, or one that went away while it shook hands.
    if (!peer) return void socket.destroy()
    socket.setNoDelay(true)
    onPeer(socket, peer)
  })
  server.on('tlsClientError', (error, socket) => {
    onFailedHandshake()
    log.debug({ address: socket.remoteAddress, error: error.message }, 'TLS handshake failed')
  })
  return server
}
