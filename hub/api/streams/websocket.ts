// websocket.ts - accepts WebSockets for everything in the hub that streams; the hub's importer of `ws`
import type { IncomingMessage } from 'node:http'
import type { Duplex } from 'node:stream'
import { WebSocketServer } from 'ws'
import type { Clock } from '../../../shared/clock.ts'
import { createMessageSocket, type MessageSocket } from '../../../shared/protocol/message-socket.ts'

export interface WebSocketOptions {
  /** In order of preference; the first that the client offers is taken, none when it offers none. */
  protocols: readonly string[]
  messageBytesMax: number
  clock: Clock
}

const KEY_OFFERED = 'sec-websocket-protocol'

export const offeredProtocols = (request: IncomingMessage): string[] =>
  (request.headers[KEY_OFFERED] ?? '').split(',').map((word) => word.trim())

/**
 * The subprotocol is negotiated here, not by `ws`: it answers 400 to "SPDY/3.1+portforward.k8s.io", because "/" is no
 * character of a token in RFC 7230.
 */
export function acceptWebSocket(
  request: IncomingMessage,
  socket: Duplex,
  head: Buffer,
  options: WebSocketOptions,
  then: (socket: MessageSocket, protocol: string) => void,
): void {
  const offered = offeredProtocols(request)
  const protocol = options.protocols.find((known) => offered.includes(known)) ?? ''
  const server = new WebSocketServer({
    noServer: true,
    maxPayload: options.messageBytesMax,
    perMessageDeflate: false,
    clientTracking: false,
  })
  if (protocol) server.on('headers', (headers) => headers.push(`Sec-WebSocket-Protocol: ${protocol}`))
  delete request.headers[KEY_OFFERED]
  server.handleUpgrade(request, socket, head, (ws) => then(createMessageSocket(ws, options.clock), protocol))
}
