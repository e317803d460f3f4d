// raw-transport.ts - an upgraded connection (SPDY, no WebSocket around it) as a MessageSocket's nearest kin
import type { Duplex } from 'node:stream'
import type { Clock } from '../../../shared/clock.ts'
import { deferred } from '../../../shared/deferred.ts'
import type { SpdyTransport } from './spdy/session.ts'

/** How long a client may take to close after we did. */
const CLOSE_WITHIN_MS = 5_000

export function createRawTransport(socket: Duplex, head: Buffer, clock: Clock): SpdyTransport {
  const closed = deferred<string>()
  const listener = deferred<(data: Uint8Array) => void | Promise<void>>()
  let tail: Promise<void> = Promise.resolve()
  let waiting = 0
  let failure = 'the connection was closed'

  const take = (data: Buffer) => {
    waiting += 1
    socket.pause()
    tail = tail
      .then(async () => (await listener.promise)(data))
      // Not understood, or nobody to give it to: the connection is of no more use.
      .catch(() => void socket.destroy())
      .then(() => {
        waiting -= 1
        if (waiting === 0) socket.resume()
      })
  }
  socket.on('error', (error: Error) => (failure = error.message))
  socket.on('close', () => closed.resolve(failure))
  socket.on('end', () => socket.end())
  socket.on('data', take)
  if (head.length > 0) take(head)

  return {
    send: (data) =>
      new Promise((resolve, reject) => {
        if (!socket.writable) return reject(new Error(failure))
        socket.write(data, (error) => (error ? reject(error) : resolve()))
      }),
    onMessage: listener.resolve,
    closed: closed.promise,
    close() {
      socket.end()
      const cut = clock.after(CLOSE_WITHIN_MS, () => socket.destroy())
      void closed.promise.then(() => cut.cancel())
    },
    terminate: () => void socket.destroy(),
  }
}
