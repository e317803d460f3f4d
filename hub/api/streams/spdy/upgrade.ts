// upgrade.ts - answers the HTTP upgrade to SPDY/3.1 with the newest protocol of Kubernetes that both sides know
import type { IncomingMessage } from 'node:http'
import type { Duplex } from 'node:stream'

export const wantsSpdy = (request: IncomingMessage): boolean => /\bspdy\/3\.1\b/i.test(request.headers.upgrade ?? '')

export function acceptSpdy(request: IncomingMessage, socket: Duplex, protocols: readonly string[]): void {
  const offered = String(request.headers['x-stream-protocol-version'] ?? '')
    .split(',')
    .map((word) => word.trim())
  const protocol = protocols.find((known) => offered.includes(known)) ?? protocols[0] ?? ''
  const lines = [
    'HTTP/1.1 101 Switching Protocols',
    'Connection: Upgrade',
    'Upgrade: SPDY/3.1',
    `X-Stream-Protocol-Version: ${protocol}`,
  ]
  socket.write(`${lines.join('\r\n')}\r\n\r\n`)
}
