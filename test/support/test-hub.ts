// test-hub.ts - the API server of a hub in this process: a real port, real TLS, real tokens, its disk in memory
import { generateKeyPairSync } from 'node:crypto'
import { Agent, request as httpsRequest } from 'node:https'
import type { IncomingHttpHeaders, IncomingMessage } from 'node:http'
import { createAccess, type TokenAccess } from '../../hub/api/access/create-access.ts'
import { createServiceAccountTokens, type ServiceAccountTokens } from '../../hub/api/access/service-account-tokens.ts'
import { createTokenKey } from '../../hub/api/access/token-key.ts'
import { mintToken } from '../../hub/api/access/tokens.ts'
import { createCustomKinds } from '../../hub/api/crd.ts'
import type { Extension } from '../../hub/api/extension.ts'
import { createApiServer, type ApiServer } from '../../hub/api/server.ts'
import { createObjects, type Objects } from '../../hub/store/objects.ts'
import type { HistoryLimits } from '../../hub/store/history.ts'
import type { MemoryStore } from '../../hub/store/memory-store.ts'
import { systemClock, type Clock } from '../../shared/clock.ts'
import { deferred } from '../../shared/deferred.ts'
import { builtinKinds } from '../../shared/kinds/builtin.ts'
import { NAMESPACE } from '../../shared/kinds/namespace.ts'
import { createRegistry, type Registry } from '../../shared/kinds/registry.ts'
import { silentLog } from '../../shared/log.ts'
import { systemRandom } from '../../shared/random.ts'
import { sharedPki } from './shared-pki.ts'
import { startedStore } from './store.ts'

export interface Reply {
  code: number
  headers: IncomingHttpHeaders
  text: string
  /** The body, parsed; tests look into it freely. */
  // oxlint-disable-next-line typescript/no-explicit-any
  json: any
}

export interface Ask {
  body?: unknown
  headers?: Record<string, string>
  token?: string
}

export interface TestHub {
  url: string
  caPem: string
  tokens: { admin: string; viewer: string }
  store: MemoryStore
  objects: Objects
  registry: Registry
  server: ApiServer
  /** JSON in, JSON out, unless headers or a Buffer say otherwise; as admin. */
  ask(method: string, path: string, ask?: Ask): Promise<Reply>
  /** The response as it begins, for streams. */
  open(method: string, path: string, ask?: Ask): Promise<IncomingMessage>
  stop(): Promise<void>
}

export interface TestHubParts {
  objects: Objects
  access: TokenAccess
  registry: Registry
  serviceAccountTokens: ServiceAccountTokens
}

export interface TestHubOptions {
  extensions?: readonly Extension[] | ((parts: TestHubParts) => readonly Extension[])
  clock?: Clock
  /** Few, to see what is too old. */
  historyLimits?: HistoryLimits
}

export async function startTestHub({
  extensions = [],
  clock = systemClock,
  historyLimits,
}: TestHubOptions = {}): Promise<TestHub> {
  const keys = await sharedPki()
  const store = await startedStore(historyLimits && { historyLimits })
  const registry = createRegistry(builtinKinds)
  const objects = createObjects({ store, namespaces: NAMESPACE, clock, random: systemRandom })
  objects.create(NAMESPACE, { apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'default' }, spec: {} })
  const admin = mintToken('admin', systemRandom)
  const viewer = mintToken('viewer', systemRandom)
  const serviceAccountTokens = createServiceAccountTokens({
    key: createTokenKey(generateKeyPairSync('ed25519').privateKey),
    clock,
    random: systemRandom,
  })
  const access = createAccess({
    objects,
    tokens: () => [admin.record, viewer.record],
    serviceAccountTokens,
    identifyNode: () => undefined,
    clock,
  })
  const customKinds = createCustomKinds({ store, objects, registry, clock, log: silentLog, random: systemRandom })
  const server = createApiServer({
    objects,
    store,
    registry,
    access,
    extensions:
      typeof extensions === 'function' ? extensions({ objects, access, registry, serviceAccountTokens }) : extensions,
    clock,
    random: systemRandom,
    log: silentLog,
    tls: { key: keys.serverKeyPem, cert: keys.serverCertPem, ca: keys.caPem },
    listen: { host: '127.0.0.1', port: 0 },
    build: { version: '0.0.0-test' },
  })
  await customKinds.start()
  await server.start()
  const url = `https://127.0.0.1:${server.address().port}`
  const agent = new Agent({ keepAlive: true, ca: keys.caPem })
  const open = (method: string, path: string, ask: Ask = {}) =>
    send(agent, url, method, path, { ...ask, token: ask.token ?? admin.token })
  return {
    url,
    caPem: keys.caPem,
    tokens: { admin: admin.token, viewer: viewer.token },
    store,
    objects,
    registry,
    server,
    open,
    ask: async (method, path, ask) => replyOf(await open(method, path, ask)),
    async stop() {
      agent.destroy()
      await server.stop()
      await customKinds.stop()
      await store.stop()
    },
  }
}

async function send(agent: Agent, url: string, method: string, path: string, { body, headers, token }: Ask) {
  const bytes = body === undefined ? undefined : Buffer.isBuffer(body) ? body : Buffer.from(asText(body))
  const response = deferred<IncomingMessage>()
  const request = httpsRequest(
    url + path,
    {
      agent,
      method,
      headers: {
        ...(token && { authorization: `Bearer ${token}` }),
        ...(bytes && { 'content-type': 'application/json', 'content-length': String(bytes.length) }),
        ...headers,
      },
    },
    (incoming) => response.resolve(incoming),
  )
  request.on('error', (error) => response.reject(error))
  request.end(bytes)
  return response.promise
}

const asText = (body: unknown): string => (typeof body === 'string' ? body : JSON.stringify(body))

async function replyOf(response: IncomingMessage): Promise<Reply> {
  const chunks: Buffer[] = []
  for await (const chunk of response) chunks.push(chunk as Buffer)
  const text = Buffer.concat(chunks).toString('utf8')
  const isJson = response.headers['content-type']?.includes('json') && !response.headers['content-encoding']
  return {
    code: response.statusCode ?? 0,
    headers: response.headers,
    text,
    json: isJson && text ? JSON.parse(text) : undefined,
  }
}

/** The events of a watch as they come; `next` waits for one. */
export function eventsOf(response: IncomingMessage) {
  // Tests look into events freely.
  // oxlint-disable-next-line typescript/no-explicit-any
  const events: any[] = []
  let rest = ''
  response.setEncoding('utf8')
  response.on('data', (text: string) => {
    const lines = (rest + text).split('\n')
    rest = lines.pop() ?? ''
    for (const line of lines) events.push(JSON.parse(line))
  })
  response.on('error', () => (rest = ''))
  return events
}
