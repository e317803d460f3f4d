// client.ts - the hub's public API as the command line uses it: JSON over TLS with the pinned CA
import { request } from 'node:https'
import { CliError } from './cli-error.ts'
import type { HubAccess } from './kubeconfig-file.ts'

export interface Client {
  get<T>(path: string): Promise<T>
  send<T>(method: 'POST' | 'PUT' | 'PATCH' | 'DELETE', path: string, body: object, contentType?: string): Promise<T>
}

/** A hub that does not answer within this is as good as away for somebody who waits at a terminal. */
const ANSWER_MS_MAX = 15_000
/** Lists of large fleets are some MB; beyond this something is wrong. */
const ANSWER_BYTES_MAX = 64 * 1024 * 1024

export class ApiError extends CliError {
  readonly code: number
  constructor(code: number, message: string) {
    super(message)
    this.code = code
  }
}

export function createClient(access: HubAccess): Client {
  return {
    get: (path) => call(access, 'GET', path),
    send: (method, path, body, contentType = 'application/json') =>
      call(access, method, path, JSON.stringify(body), contentType),
  }
}

function call<T>(access: HubAccess, method: string, path: string, body?: string, contentType?: string): Promise<T> {
  return new Promise((resolve, reject) => {
    const headers = {
      authorization: `Bearer ${access.token}`,
      accept: 'application/json',
      'user-agent': 'holdfast',
      ...(body !== undefined && { 'content-type': contentType, 'content-length': Buffer.byteLength(body) }),
    }
    const outgoing = request(
      new URL(path, access.server),
      { method, headers, ca: access.caPem, timeout: ANSWER_MS_MAX },
      (answer) => {
        const chunks: Buffer[] = []
        let bytes = 0
        answer.on('data', (chunk: Buffer) => {
          bytes += chunk.length
          if (bytes > ANSWER_BYTES_MAX) answer.destroy(new Error('the answer is larger than 64 MB'))
          else chunks.push(chunk)
        })
        answer.on('error', reject)
        answer.on('end', () => {
          const text = Buffer.concat(chunks).toString()
          const code = answer.statusCode ?? 0
          if (code < 200 || code > 299) return reject(new ApiError(code, messageOf(text, code)))
          // What a hub answers to its own command line is taken at its word.
          resolve(JSON.parse(text) as T)
        })
      },
    )
    outgoing.on('timeout', () => outgoing.destroy(new Error(`no answer within ${ANSWER_MS_MAX / 1000} s`)))
    outgoing.on('error', (error) => reject(new CliError(`cannot reach the hub at ${access.server}: ${error.message}`)))
    outgoing.end(body)
  })
}

function messageOf(text: string, code: number): string {
  try {
    const status: unknown = JSON.parse(text)
    if (typeof status === 'object' && status !== null && 'message' in status)
      return `the hub says: ${String(status.message)}`
  } catch {
    return `the hub answered ${code}: ${text.slice(0, 200)}` // not JSON: show what it is
  }
  return `the hub answered ${code}`
}
