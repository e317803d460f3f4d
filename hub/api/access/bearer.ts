// bearer.ts - finds the bearer token of a request: in its header, or in the WebSocket subprotocol that browsers can set
import type { IncomingMessage } from 'node:http'

const SUBPROTOCOL = 'base64url.bearer.authorization.k8s.io.'

/** undefined when the request brings none; an Authorization header of another scheme is a wrong token, not none. */
export function bearerTokenOf(request: IncomingMessage): string | undefined {
  const { authorization } = request.headers
  if (authorization !== undefined) return /^bearer +(\S+) *$/i.exec(authorization)?.[1] ?? ''
  const offered = (request.headers['sec-websocket-protocol'] ?? '').split(',').map((word) => word.trim())
  const encoded = offered.find((word) => word.startsWith(SUBPROTOCOL))?.slice(SUBPROTOCOL.length)
  return encoded === undefined ? undefined : Buffer.from(encoded, 'base64url').toString('utf8')
}
