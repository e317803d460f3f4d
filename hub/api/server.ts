// server.ts - the hub's HTTPS server: the Kubernetes-style API, and what plugs into it, on one port
import { createServer, type Server } from 'node:https'
import type { AddressInfo, Socket } from 'node:net'
import type { Clock } from '../../shared/clock.ts'
import { deferred } from '../../shared/deferred.ts'
import type { Registry } from '../../shared/kinds/registry.ts'
import type { Log } from '../../shared/log.ts'
import type { Random } from '../../shared/random.ts'
import type { Service } from '../../shared/service.ts'
import type { Objects } from '../store/objects.ts'
import type { Store } from '../store/store.ts'
import { createApiCounters, type ApiCounters } from './counters.ts'
import { createDocuments } from './documents.ts'
import type { Access, Extension } from './extension.ts'
import type { Check } from './health.ts'
import { createOpenApi } from './openapi.ts'
import { createPlainRoutes } from './plain-routes.ts'
import { createReads } from './read.ts'
import { createRequests } from './requests.ts'
import { createResources } from './resource.ts'
import { createUpgrades } from './upgrades.ts'
import { createVerbs } from './verbs.ts'
import { versionInfo, type BuildFacts } from './version.ts'
import { createWatches } from './watch.ts'
import { createWrites } from './write.ts'

export interface TlsFiles {
  key: string | Buffer
  cert: string | Buffer
  /** Who signs the certificates of devices; asked for, and looked at by the routes that need one. */
  ca: string | Buffer | (string | Buffer)[]
}

export interface ApiServerDeps {
  objects: Objects
  store: Store
  registry: Registry
  access: Access
  extensions: readonly Extension[]
  clock: Clock
  random: Random
  log: Log
  tls: TlsFiles
  listen: { host: string; port: number }
  build: BuildFacts
}

export interface ApiServer extends Service {
  /** Where it listens; throws before it does. */
  address(): AddressInfo
  readonly counters: ApiCounters
  /** New certificates for new connections. */
  setTls(tls: TlsFiles): void
}

/** Go clients keep idle connections for 90 s: closing them earlier means sporadic EOFs there. */
const KEEP_ALIVE_MS = 95_000
/** Slow-loris: headers are small. */
const HEADERS_MS = 15_000
/** For the largest body over a poor link. Does not bound how long an answer may stream. */
const REQUEST_MS = 60_000
const HANDSHAKE_MS = 10_000
/** Notices clients that vanished without a word, behind watches too. */
const TCP_KEEP_ALIVE_MS = 30_000
/** Agents, watches and people; each costs some 20 kB. */
const CONNECTIONS_MAX = 20_000
/** What answers may still take once the hub wants to stop. */
const STOP_WITHIN_MS = 5_000

export function createApiServer(deps: ApiServerDeps): ApiServer {
  const { access, clock, extensions, log, registry } = deps
  const counters = createApiCounters()
  const openApi = createOpenApi(() => registry.all())
  const reads = createReads(deps)
  const writes = createWrites(deps)
  const watches = createWatches({ ...deps, counters })
  const verbs = createVerbs({ ...deps, reads, writes, watches })
  const handlers = new Map(extensions.flatMap(({ handlers: own = {} }) => Object.entries(own)))
  const resources = createResources({ ...deps, handlers, verbs })
  const documents = createDocuments({ kinds: () => registry.all(), openApi, clock, counters })
  const sockets = new Set<Socket>()
  let server: Server | undefined
  let isStopping = false
  let unlisten: (() => void) | undefined
  const checks: Check[] = [
    { name: 'ping', problem: () => undefined },
    { name: 'shutdown', problem: () => (isStopping ? 'the hub is stopping' : undefined) },
  ]

  function open(): Server {
    const routes = createPlainRoutes(
      extensions.flatMap((extension) => extension.routes ?? []),
      access,
    )
    const requests = createRequests({
      ...deps,
      documents,
      resources,
      routes,
      checks,
      version: versionInfo(deps.build),
      counters,
    })
    const streams = new Map(extensions.flatMap((extension) => Object.entries(extension.upgrades ?? {})))
    const upgrades = createUpgrades({ registry, access, upgrades: streams, routes, requests })
    const https = createServer({
      ...deps.tls,
      requestCert: true,
      // Clients without a certificate are most clients; routes that need one look for themselves.
      rejectUnauthorized: false,
      handshakeTimeout: HANDSHAKE_MS,
      keepAlive: true,
      keepAliveInitialDelay: TCP_KEEP_ALIVE_MS,
      keepAliveTimeout: KEEP_ALIVE_MS,
      headersTimeout: HEADERS_MS,
      requestTimeout: REQUEST_MS,
    })
    https.maxConnections = CONNECTIONS_MAX
    https.on('connection', (socket: Socket) => {
      sockets.add(socket)
      socket.once('close', () => sockets.delete(socket))
    })
    https.on('request', (request, response) => {
      // A connection whose last answer ends while we stop would otherwise stay open for the next request.
      response.on('close', () => isStopping && clock.after(0, () => https.closeIdleConnections()))
      void requests.handle(request, response)
    })
    https.on('upgrade', (request, socket, head) => void upgrades.handle(request, socket, head))
    return https
  }

  async function listen(https: Server): Promise<void> {
    const listening = deferred<void>()
    const fail = (error: Error) => listening.reject(error)
    https.once('error', fail)
    https.listen(deps.listen.port, deps.listen.host, () => listening.resolve())
    await listening.promise
    https.off('error', fail)
    https.on('error', (error) => log.error({ error }, 'the HTTPS server reports an error'))
  }

  return {
    counters,
    address() {
      const address = server?.address()
      if (!address || typeof address === 'string') throw new Error('the API server does not listen')
      return address
    },
    setTls: (tls) => server?.setSecureContext({ ...tls }),
    async start() {
      unlisten = registry.onChange(() => openApi.forget())
      server = open()
      await listen(server)
      log.info({ ...this.address() }, 'API server listens')
    },
    async stop() {
      const https = server
      if (!https?.listening) return
      isStopping = true
      unlisten?.()
      const closed = deferred<void>()
      https.close(() => closed.resolve())
      watches.endAll()
      https.closeIdleConnections()
      const cut = clock.after(STOP_WITHIN_MS, () => {
        // Not only those that HTTP knows of: what was upgraded, and who connected and never spoke.
        for (const socket of sockets) socket.destroy()
      })
      await closed.promise
      cut.cancel()
    },
  }
}
