// hub.ts - wires the hub as a program: its core, the keys on its disk, the broker and the API on their listeners
import { isIP } from 'node:net'
import { join } from 'node:path'
import { networkInterfaces, hostname } from 'node:os'
import type { Clock } from '../shared/clock.ts'
import { CONFIG_MAP } from '../shared/kinds/config-map.ts'
import type { Registry } from '../shared/kinds/registry.ts'
import type { Log } from '../shared/log.ts'
import { MESSAGE_BYTES_MAX } from '../shared/protocol/frames.ts'
import { HUB_INFO_NAME, HUB_INFO_NAMESPACE, hubInfoData } from '../shared/protocol/hub-info.ts'
import type { Random } from '../shared/random.ts'
import { inOrder, type Service } from '../shared/service.ts'
import { HOLDFAST_VERSION } from '../shared/version.ts'
import { createAccess } from './api/access/create-access.ts'
import { createServiceAccountTokens } from './api/access/service-account-tokens.ts'
import { createTokenKey } from './api/access/token-key.ts'
import { createApiServer, type ApiServer } from './api/server.ts'
import { acceptByteStream } from './api/streams/byte-stream.ts'
import { acceptWebSocket } from './api/streams/websocket.ts'
import { createSubresources } from './api/subresources/create-subresources.ts'
import { createBackupRoute } from './backup-route.ts'
import { createAedesBroker } from './broker/aedes-broker.ts'
import type { HubConfig } from './config.ts'
import { createHubCore } from './core.ts'
import { loadOrCreateTokenKey, loadOrMintTokens, pointKubeconfigAt } from './credentials.ts'
import { createCalls, type Calls } from './fleet/calls.ts'
import type { Fleet } from './fleet/fleet.ts'
import { loadOrCreatePki, type Pki } from './fleet/pki.ts'
import { createRevocations, REVOCATIONS_FILE } from './fleet/revocations.ts'
import type { Journal } from './store/journal.ts'
import type { MemoryStore } from './store/memory-store.ts'
import type { Objects } from './store/objects.ts'

export interface HubDeps {
  config: HubConfig
  journal: Journal
  clock: Clock
  random: Random
  log: Log
  /** How long this machine has been asleep in all; absent where it never sleeps. */
  sleptMs?(): number
  /** Copies the store to a file while it runs; without it `holdfast backup` is not served. */
  backup?(path: string): Promise<void>
  /** Called once when the hub must end, because it could forget what it has promised. */
  onFatal(error: unknown): void
}

export interface Hub extends Service {
  readonly apiUrl: string
  readonly mqttPort: number
  readonly kubeconfigPath: string
  readonly store: MemoryStore
  readonly objects: Objects
  readonly fleet: Fleet
}

/** Reads and makes keys, so that everything after it can be created without waiting. */
export async function createHub(deps: HubDeps): Promise<Hub> {
  const { config, clock, random, log } = deps
  const pki = await loadOrCreatePki({ dir: join(config.dataDir, 'pki'), ...reachableAs(config), random })
  const broker = createAedesBroker({
    listen: config.mqttListen,
    ...brokerTls(pki),
    clock,
    log,
    acceptStream: acceptByteStream,
  })
  const revocations = createRevocations({ path: join(config.dataDir, REVOCATIONS_FILE), clock, log })
  const core = createHubCore({ ...deps, broker, pki, revocations })
  const { fleet, store, objects, registry } = core
  const calls = createCalls({
    link: fleet,
    identify: fleet.identify,
    accept: (request, socket, head, then) =>
      acceptWebSocket(request, socket, head, { protocols: [], messageBytesMax: MESSAGE_BYTES_MAX, clock }, then),
    clock,
    random,
    log,
  })
  fleet.onRevoked(calls.closeNode)
  const { api, kubeconfigPath } = createApi(deps, { pki, fleet, calls, store, objects, registry })
  const apiUrl = () => `https://${addressesFor(config, api.address().port)[0] ?? ''}`
  const refreshKubeconfig = () => {
    try {
      pointKubeconfigAt(kubeconfigPath, apiUrl())
    } catch (error) {
      // A damaged or read-only file for people is no reason to leave the devices alone.
      log.warn({ kubeconfigPath, error }, 'the kubeconfig could not be brought up to date')
    }
  }
  const services = inOrder([
    core,
    api,
    announcement(config, objects, () => api.address().port),
    { start: refreshKubeconfig, stop() {} },
  ])
  return {
    ...services,
    kubeconfigPath,
    store,
    objects,
    fleet,
    get apiUrl() {
      return apiUrl()
    },
    get mqttPort() {
      return broker.port
    },
  }
}

interface ApiParts {
  pki: Pki
  fleet: Fleet
  calls: Calls
  store: MemoryStore
  objects: Objects
  registry: Registry
}

function createApi(
  { config, backup, clock, random, log }: HubDeps,
  parts: ApiParts,
): { api: ApiServer; kubeconfigPath: string } {
  const { pki, fleet, calls, store, objects, registry } = parts
  const kubeconfigPath = config.kubeconfig || join(config.dataDir, 'kubeconfig')
  const key = createTokenKey(loadOrCreateTokenKey(config.dataDir))
  const serviceAccountTokens = createServiceAccountTokens({ key, clock, random })
  const server = `https://${addressesFor(config, config.apiListen.port)[0] ?? ''}`
  const tokens = loadOrMintTokens({ dataDir: config.dataDir, kubeconfigPath, server, caPem: pki.caPem, random })
  const access = createAccess({
    objects,
    tokens: () => tokens,
    serviceAccountTokens,
    identifyNode: fleet.identify,
    clock,
  })
  const subresources = createSubresources({
    objects,
    kinds: () => registry.all(),
    access,
    serviceAccountTokens,
    calls,
    nodeUsage: fleet.usage,
    clock,
  })
  const backups = backup ? [createBackupRoute({ access, backup, dataDir: config.dataDir, random, log })] : []
  const api = createApiServer({
    ...{ objects, store, registry, access, clock, random, log },
    extensions: [subresources, { routes: [...fleet.routes, calls.route, ...backups] }],
    tls: { key: pki.serverKeyPem, cert: pki.serverCertPem, ca: pki.caPem },
    listen: config.apiListen,
    build: { version: HOLDFAST_VERSION },
  })
  return { api, kubeconfigPath }
}

const brokerTls = (pki: Pki) => ({ caPem: pki.caPem, certPem: pki.serverCertPem, keyPem: pki.serverKeyPem })

/** Everything that a client may call this machine, so that its certificate fits whatever they use. */
function reachableAs({ advertise }: HubConfig): { names: string[]; addresses: string[] } {
  const own = Object.values(networkInterfaces()).flatMap((list) => list ?? [])
  const local = own.filter(({ address }) => !address.startsWith('fe80:')).map(({ address }) => address)
  const told = advertise.map((item) => item.replace(/^\[|\]$/g, ''))
  return {
    names: [...new Set([...told.filter((item) => !isIP(item)), 'localhost', hostname().toLowerCase()])],
    addresses: [...new Set([...told.filter((item) => isIP(item)), '127.0.0.1', '::1', ...local])],
  }
}

/** "host:port" as devices and people reach the API, best first. */
function addressesFor(config: HubConfig, apiPort: number): string[] {
  const port = config.advertiseApiPort || apiPort
  const { host } = config.apiListen
  const isEverywhere = host === '0.0.0.0' || host === '::'
  const hosts = config.advertise.length > 0 ? config.advertise : isEverywhere ? guessedHosts() : [host]
  return hosts.map((name) => `${hostForUrl(name)}:${port}`)
}

/** Nobody has said how devices reach this hub: its name first, then its addresses on networks. */
const guessedHosts = (): string[] => {
  const own = Object.values(networkInterfaces()).flatMap((list) => list ?? [])
  const outside = own.filter(({ internal, family }) => !internal && family === 'IPv4').map(({ address }) => address)
  return outside.length > 0 ? outside.slice(0, 4) : ['127.0.0.1']
}

const hostForUrl = (host: string): string => (isIP(host) === 6 ? `[${host}]` : host)

/** What `holdfast token create` reads: how devices reach this hub. */
function announcement(config: HubConfig, objects: Objects, apiPort: () => number): Service {
  return {
    start() {
      const data = hubInfoData({ addresses: addressesFor(config, apiPort()), version: HOLDFAST_VERSION })
      const name = { namespace: HUB_INFO_NAMESPACE, name: HUB_INFO_NAME }
      const changed = objects.modify(CONFIG_MAP, name.namespace, name.name, (current) => ({ ...current, data }))
      if (!changed) objects.create(CONFIG_MAP, { apiVersion: 'v1', kind: 'ConfigMap', metadata: name, data })
    },
    stop() {},
  }
}
