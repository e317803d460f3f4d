// watch-stream.ts - writes the lines of one watch no faster than its client reads; a client that falls too far behind is ended
import type { ServerResponse } from 'node:http'

/** What waits in the socket before we hold lines back. */
const SOCKET_BYTES_MAX = 256 * 1024
/** Lines held back are references to shared objects. More than the store's history: a full replay must fit. */
export const PENDING_MAX = 16_384

/** Made when it is written, so that a line that never leaves costs no text. */
type Line = () => string

export interface WatchStream {
  /** False when the client is too slow, and is being ended for it. */
  send(line: Line): boolean
  /** What a watch begins with may be more than the bound for what it falls behind. */
  sendInitial(lines: readonly Line[]): void
  /** After what waits has been written. */
  finish(): void
}

export interface WatchStreamDeps {
  response: ServerResponse
  onSlow: () => void
}

export function createWatchStream({ response, onSlow }: WatchStreamDeps): WatchStream {
  let pending: Line[] = []
  let next = 0
  let allowance = PENDING_MAX
  let isFinishing = false

  function pump() {
    while (next < pending.length && response.writableLength < SOCKET_BYTES_MAX) {
      response.write(pending[next++]!())
    }
    if (next < pending.length) return
    pending = []
    next = 0
    allowance = PENDING_MAX
    if (isFinishing) response.end()
  }

  response.on('drain', pump)
  return {
    send(line) {
      if (isFinishing || response.writableEnded || response.destroyed) return true
      if (pending.length - next >= allowance) {
        onSlow()
        response.destroy()
        return false
      }
      pending.push(line)
      pump()
      return true
    },
    sendInitial(lines) {
      for (const line of lines) pending.push(line)
      allowance += lines.length
      pump()
    },
    finish() {
      isFinishing = true
      pump()
    },
  }
}
