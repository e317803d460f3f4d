// answer.ts - writes an answer: JSON or YAML, compressed when it is large and the client can read that
import { promisify } from 'node:util'
import { constants, gzip } from 'node:zlib'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { StatusError } from '../../shared/kinds/status-error.ts'
import { toYaml } from '../../shared/yaml.ts'
import type { ApiCounters } from './counters.ts'
import { isJsonText } from './json-text.ts'
import { wantsYaml } from './negotiate.ts'

/** Upstream's threshold: below it the time costs more than the bytes. */
const GZIP_BYTES_MIN = 128 * 1024
/** Compression runs on the few threads that files and names also need: beyond these, answers go as they are. */
const GZIPS_AT_ONCE_MAX = 2

const gzipped = promisify(gzip)

export interface Answer {
  code: number
  body: unknown
  /** Set when the body has a shape of its own, as Tables have. */
  contentType?: string | undefined
}

export async function sendAnswer(
  request: IncomingMessage,
  response: ServerResponse,
  { code, body, contentType }: Answer,
  counters: ApiCounters,
): Promise<void> {
  const isYaml = !contentType?.includes(';') && wantsYaml(request.headers.accept)
  const text = isYaml ? toYaml(plainOf(body)) : isJsonText(body) ? body.jsonText : JSON.stringify(body)
  response.setHeader('content-type', isYaml ? 'application/yaml' : (contentType ?? 'application/json'))
  response.setHeader('cache-control', 'no-cache, private')
  await sendBytes(request, response, code, Buffer.from(text), counters)
}

const plainOf = (body: unknown): unknown => (isJsonText(body) ? JSON.parse(body.jsonText) : body)

/** Headers are the caller's; HEAD gets them without the bytes. */
export async function sendBytes(
  request: IncomingMessage,
  response: ServerResponse,
  code: number,
  bytes: Buffer,
  counters: ApiCounters,
): Promise<void> {
  const acceptsGzip = /\bgzip\b/.test(String(request.headers['accept-encoding'] ?? ''))
  let sent = bytes
  if (acceptsGzip && bytes.length >= GZIP_BYTES_MIN && counters.gzipsRunning < GZIPS_AT_ONCE_MAX) {
    counters.gzipsRunning += 1
    try {
      sent = await gzipped(bytes, { level: constants.Z_BEST_SPEED })
    } finally {
      counters.gzipsRunning -= 1
    }
    response.setHeader('content-encoding', 'gzip')
    response.setHeader('vary', 'Accept-Encoding, Accept')
  }
  if (response.destroyed) return
  response.writeHead(code, { 'content-length': sent.length })
  response.end(request.method === 'HEAD' ? undefined : sent)
  counters.bytesAnswered += sent.length
}

export async function sendText(
  request: IncomingMessage,
  response: ServerResponse,
  code: number,
  text: string,
  counters: ApiCounters,
) {
  response.setHeader('content-type', 'text/plain; charset=utf-8')
  response.setHeader('x-content-type-options', 'nosniff')
  await sendBytes(request, response, code, Buffer.from(text), counters)
}

/** What a client may know of an error that we did not expect: where in the log it stands. */
export const internalError = (requestId: string) =>
  new StatusError(500, 'InternalError', `Internal error occurred: see request ${requestId} in the log of the hub`)

/** More than this many, or longer ones, would make the headers too large for some clients; upstream cuts too. */
const WARNINGS_MAX = 16
const WARNING_LENGTH_MAX = 256

/** Adds `Warning: 299 - "..."` headers, which kubectl prints; each text once. */
export function createWarner(response: ServerResponse): (message: string) => void {
  const headers = new Set<string>()
  return (message) => {
    if (headers.size >= WARNINGS_MAX || response.headersSent) return
    const printable = message.slice(0, WARNING_LENGTH_MAX).replace(/[^\x20-\x7e]/g, '?')
    headers.add(`299 - "${printable.replace(/["\\]/g, '\\$&')}"`)
    response.setHeader('warning', [...headers])
  }
}
