// api-client.ts - a user of the hub's API: JSON over TLS with a token, and watches that collect what they are told
import type { IncomingMessage } from 'node:http'
import { Agent, request } from 'node:https'
import { apiVersionOf } from '../../../shared/kinds/kind.ts'
import { builtinKinds } from '../../../shared/kinds/builtin.ts'
import { eventsOf, type Ask, type Reply } from '../test-hub.ts'

export interface Watch {
  // oxlint-disable-next-line typescript/no-explicit-any
  readonly events: readonly any[]
  readonly response: IncomingMessage
  readonly isOver: () => boolean
  end(): void
}

export interface ApiClient {
  ask(method: string, path: string, ask?: Ask): Promise<Reply>
  /** Answers the body; throws what the hub says when it refuses. */
  get(path: string): Promise<Reply['json']>
  send(method: string, path: string, body?: unknown, headers?: Record<string, string>): Promise<Reply['json']>
  /** Server-side apply, by force. */
  apply(object: Manifest): Promise<Reply['json']>
  open(method: string, path: string, ask?: Ask): Promise<IncomingMessage>
  watch(path: string): Promise<Watch>
  /** Its connections led to a hub that is gone. */
  reconnect(): void
  close(): void
}

/** What can be applied: everything that says what it is. */
export interface Manifest {
  apiVersion: string
  kind: string
  metadata: { name?: string; namespace?: string }
}

export interface ApiAccess {
  url: string
  caPem: string
  tokens: { admin: string }
}

export function createApiClient({ url, caPem, tokens: { admin } }: ApiAccess): ApiClient {
  let agent = new Agent({ keepAlive: true, ca: caPem })

  function open(method: string, path: string, ask: Ask = {}): Promise<IncomingMessage> {
    const { body } = ask
    const bytes = body === undefined ? undefined : Buffer.isBuffer(body) ? body : Buffer.from(asText(body))
    return new Promise((resolve, reject) => {
      const headers = {
        authorization: `Bearer ${ask.token ?? admin}`,
        ...(bytes && { 'content-type': 'application/json', 'content-length': String(bytes.length) }),
        ...ask.headers,
      }
      const outgoing = request(url + path, { agent, method, headers }, resolve)
      outgoing.on('error', reject)
      outgoing.end(bytes)
    })
  }
  const ask = async (method: string, path: string, given?: Ask) => replyOf(await open(method, path, given))
  const send = async (method: string, path: string, body?: unknown, headers: Record<string, string> = {}) => {
    const reply = await ask(method, path, { body, headers })
    if (reply.code > 299) throw new Error(`${method} ${path}: ${reply.code} ${reply.json?.message ?? reply.text}`)
    return reply.json
  }

  return {
    open,
    ask,
    send,
    get: (path) => send('GET', path),
    apply: (object) =>
      send('PATCH', `${pathOf(object)}?fieldManager=test&force=true`, object, {
        'content-type': 'application/apply-patch+yaml',
      }),
    async watch(path) {
      const response = await open('GET', path)
      let isOver = false
      response.on('close', () => (isOver = true))
      return { events: eventsOf(response), response, isOver: () => isOver, end: () => response.destroy() }
    },
    reconnect() {
      agent.destroy()
      agent = new Agent({ keepAlive: true, ca: caPem })
    },
    close: () => agent.destroy(),
  }
}

const asText = (body: unknown): string => (typeof body === 'string' ? body : JSON.stringify(body))

async function replyOf(response: IncomingMessage): Promise<Reply> {
  const chunks: Buffer[] = []
  for await (const chunk of response) chunks.push(Buffer.from(chunk))
  const text = Buffer.concat(chunks).toString('utf8')
  const isJson = response.headers['content-type']?.includes('json') ?? false
  return {
    code: response.statusCode ?? 0,
    headers: response.headers,
    text,
    json: isJson ? JSON.parse(text) : undefined,
  }
}

/** Where an object lives in the API; custom kinds say it themselves. */
export function pathOf({ apiVersion, kind, metadata: { name, namespace } }: Manifest): string {
  const row = builtinKinds.find((one) => apiVersionOf(one) === apiVersion && one.kind === kind)
  if (!row) throw new Error(`${apiVersion} ${kind} is no built-in kind`)
  const root = apiVersion.includes('/') ? `/apis/${apiVersion}` : `/api/${apiVersion}`
  const space = row.namespaced ? `/namespaces/${namespace ?? 'default'}` : ''
  return `${root}${space}/${row.plural}/${name ?? ''}`
}
