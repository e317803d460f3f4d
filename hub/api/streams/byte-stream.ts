// byte-stream.ts - accepts a WebSocket as a plain stream of bytes, such as MQTT's, whose frames mean nothing
import type { IncomingMessage } from 'node:http'
import type { Duplex } from 'node:stream'
import { createWebSocketStream, WebSocketServer } from 'ws'
import { badRequest } from '../../../shared/kinds/status-error.ts'
import { refuseUpgrade } from './refuse.ts'
import { offeredProtocols } from './websocket.ts'

export interface ByteStreamOptions {
  /** The client must offer it. */
  protocol: string
  frameBytesMax: number
}

export function acceptByteStream(
  request: IncomingMessage,
  socket: Duplex,
  head: Buffer,
  { protocol, frameBytesMax }: ByteStreamOptions,
  then: (stream: Duplex) => void,
): void {
  // Before the handshake: a WebSocket that nobody wants would be read on until its peer agrees to close it.
  if (!offeredProtocols(request).includes(protocol))
    return refuseUpgrade(socket, badRequest(`the subprotocol must be ${protocol}`))
  const server = new WebSocketServer({
    noServer: true,
    maxPayload: frameBytesMax,
    perMessageDeflate: false,
    clientTracking: false,
    handleProtocols: () => protocol,
  })
  server.handleUpgrade(request, socket, head, (webSocket) => {
    // The stream listens for one error, and only until it ends itself; a later one without a listener would end the hub.
    webSocket.on('error', () => webSocket.terminate())
    then(createWebSocketStream(webSocket))
  })
}
