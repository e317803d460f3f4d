// stream-socket.ts - opens WebSockets to the hub's HTTPS port with this device's certificate; the agent's only user of `ws`
import type { Clock } from '../../shared/clock.ts'
import { MESSAGE_BYTES_MAX } from '../../shared/protocol/frames.ts'
import { createMessageSocket, type MessageSocket } from '../../shared/protocol/message-socket.ts'

export interface StreamSocketDeps {
  /** Of the hub's HTTPS port as it is reached now, such as "hub.example:6443". */
  hubAddress(): string
  /** PEM: the hub's CA that was pinned when this device joined, and the device's own identity. */
  identity: () => { ca: string; certificate: string; key: string }
  clock: Clock
}

/** How long the TLS and WebSocket handshakes may take; the call's own time to live is usually shorter. */
const HANDSHAKE_MS = 20_000

export function createStreamOpener({ hubAddress, identity, clock }: StreamSocketDeps) {
  return async (id: string, signal: AbortSignal): Promise<MessageSocket> => {
    // Most devices are asked for a log now and then at most: loaded when the first one is.
    const { WebSocket } = await import('ws')
    const { ca, certificate, key } = identity()
    const url = new URL(`wss://${hubAddress()}/agent/streams/${id}`)
    const ws = new WebSocket(url, {
      ca,
      cert: certificate,
      key,
      maxPayload: MESSAGE_BYTES_MAX,
      // Text compresses, but a context per stream costs more memory than small devices have to give.
      perMessageDeflate: false,
      handshakeTimeout: HANDSHAKE_MS,
      followRedirects: false,
    })
    // Listens at once: what the hub sends right behind its handshake must not be lost.
    const socket = createMessageSocket(ws, clock)
    return new Promise((resolve, reject) => {
      const abort = () => ws.terminate()
      signal.addEventListener('abort', abort, { once: true })
      ws.once('open', () => {
        signal.removeEventListener('abort', abort)
        resolve(socket)
      })
      void socket.closed.then((why) => reject(new Error(`no stream to the hub at ${url.origin}: ${why}`)))
      if (signal.aborted) abort()
    })
  }
}
