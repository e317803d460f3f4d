// refuse.ts - answers an upgrade that cannot be had with a plain HTTP Status: its message reaches kubectl's user
import { STATUS_CODES } from 'node:http'
import type { Duplex } from 'node:stream'
import { StatusError } from '../../../shared/kinds/status-error.ts'

export function refuseUpgrade(socket: Duplex, error: unknown): void {
  const status = asStatusError(error)
  const body = Buffer.from(JSON.stringify(status.toStatus()))
  const retryAfter = status.details?.retryAfterSeconds
  const head = [
    `HTTP/1.1 ${status.code} ${STATUS_CODES[status.code] ?? 'Error'}`,
    'Content-Type: application/json',
    `Content-Length: ${body.length}`,
    ...(retryAfter ? [`Retry-After: ${retryAfter}`] : []),
    'Connection: close',
  ]
  if (socket.destroyed || !socket.writable) return
  socket.end(Buffer.concat([Buffer.from(`${head.join('\r\n')}\r\n\r\n`), body]))
}

export const asStatusError = (error: unknown): StatusError =>
  error instanceof StatusError
    ? error
    : new StatusError(
        500,
        'InternalError',
        `Internal error occurred: ${error instanceof Error ? error.message : String(error)}`,
      )
