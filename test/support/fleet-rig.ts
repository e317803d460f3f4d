// fleet-rig.ts - the hub's half of the fleet with a real store, a real broker and real TLS, and real links that join it
import { createServer, type Server } from 'node:https'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createCache } from '../../agent/cache/create-cache.ts'
import type { Cache } from '../../agent/cache/cache.ts'
import { join as joinFleet } from '../../agent/link/enrol-client.ts'
import type { Identity } from '../../agent/link/identity.ts'
import { createLink, type Link, type LinkDeps } from '../../agent/link/link.ts'
import { createStateVerifier } from '../../agent/link/state-verifier.ts'
import { acceptByteStream } from '../../hub/api/streams/byte-stream.ts'
import { createAedesBroker, type AedesBrokerDeps } from '../../hub/broker/aedes-broker.ts'
import type { Broker } from '../../hub/broker/broker.ts'
import { createFleet, type Fleet } from '../../hub/fleet/fleet.ts'
import type { Pki } from '../../hub/fleet/pki.ts'
import { createRecovery, createRecoveryNote } from '../../hub/fleet/recovery.ts'
import { createRevocations, type Revocations } from '../../hub/fleet/revocations.ts'
import { createEventRecorder, type EventRecorder } from '../../hub/store/events.ts'
import type { Journal } from '../../hub/store/journal.ts'
import { createMemoryJournal } from '../../hub/store/memory-journal.ts'
import type { MemoryStore } from '../../hub/store/memory-store.ts'
import { createObjects, type Objects } from '../../hub/store/objects.ts'
import { systemClock } from '../../shared/clock.ts'
import { builtinKinds } from '../../shared/kinds/builtin.ts'
import { EVENT } from '../../shared/kinds/event.ts'
import { NAMESPACE } from '../../shared/kinds/namespace.ts'
import { SECRET } from '../../shared/kinds/secret.ts'
import { createRegistry } from '../../shared/kinds/registry.ts'
import { silentLog } from '../../shared/log.ts'
import type { CallMessage } from '../../shared/protocol/calls.ts'
import { encodeJoinToken, parseJoinToken, type JoinToken } from '../../shared/protocol/join-token.ts'
import * as tokens from '../../shared/protocol/join-token-secret.ts'
import type { JoinTokenRecord } from '../../shared/protocol/join-token-secret.ts'
import type { NodeFacts, Sample } from '../../shared/protocol/messages.ts'
import { systemRandom } from '../../shared/random.ts'
import type { Service } from '../../shared/service.ts'
import { freePort } from './free-port.ts'
import { sharedPki } from './shared-pki.ts'
import { startedStore } from './store.ts'

/** The fastest that agents beat. */
export const BEAT_EVERY_MS = 1_000

export const facts = (rest: Partial<NodeFacts> = {}): NodeFacts => ({
  hostname: 'pi',
  machineId: 'machine',
  bootId: 'boot',
  os: 'linux',
  osImage: 'Debian GNU/Linux 12',
  kernel: '6.1',
  architecture: 'arm64',
  cpus: 4,
  memoryBytes: 1024 ** 3,
  diskBytes: 16 * 1024 ** 3,
  addresses: [{ type: 'InternalIP', address: '10.0.0.7' }],
  ...rest,
})

const sample: Sample = { cpu: 120, mem: 300_000_000, disk: 1_000_000_000, load: 12, up: 60 }

export interface RigDevice {
  readonly identity: Identity
  readonly cache: Cache
  readonly link: Link
  readonly calls: CallMessage[]
}

export interface FleetRig {
  readonly store: MemoryStore
  readonly objects: Objects
  readonly pki: Pki
  readonly broker: Broker
  readonly fleet: Fleet
  readonly address: string
  token(record?: Partial<JoinTokenRecord>): JoinToken
  /** In a folder of its own. */
  join(token?: JoinToken, rest?: { nodeName?: string; dir?: string; hostname?: string }): Promise<Identity>
  /** A link that is not started; the same identity and another `dir` is a cloned device. */
  device(
    identity: Identity,
    rest?: { dir?: string } & Partial<Pick<LinkDeps, 'clock' | 'settings' | 'connect' | 'keyRing'>>,
  ): Promise<RigDevice>
  /** Joined and started. */
  online(name: string): Promise<RigDevice>
  events(reason: string): string[]
  folder(): string
  /** The same store, keys and ports; everything in memory is gone. */
  restartHub(between?: () => void): Promise<void>
  stop(): Promise<void>
}

interface Hub {
  store: MemoryStore
  objects: Objects
  events: EventRecorder
  broker: Broker
  fleet: Fleet
  recovery: Service
  server: Server
}

export async function startFleetRig(
  options: {
    caps?: AedesBrokerDeps['caps']
    beatEveryMs?: number
    /** What devices are told, whatever the broker listens at. */
    mqttPort?: number
    journal?: Journal
    pki?: () => Promise<Pki>
    /** For each start of the hub. */
    revocations?: () => Revocations
  } = {},
): Promise<FleetRig> {
  const loadPki = options.pki ?? sharedPki
  let pki = await loadPki()
  const journal = options.journal ?? createMemoryJournal({ random: systemRandom })
  const ends: (() => Promise<void> | void)[] = []
  const ports = { mqtt: await freePort(), api: await freePort() }
  let hub = await startHub(pki, journal, options, ports)
  for (const name of ['kube-system', 'default'])
    hub.objects.create(NAMESPACE, { apiVersion: 'v1', kind: 'Namespace', metadata: { name }, spec: {} })

  const rig: FleetRig = {
    get pki() {
      return pki
    },
    get store() {
      return hub.store
    },
    get objects() {
      return hub.objects
    },
    get broker() {
      return hub.broker
    },
    get fleet() {
      return hub.fleet
    },
    get address() {
      return `localhost:${ports.api}`
    },
    folder() {
      const dir = mkdtempSync(join(tmpdir(), 'holdfast-device-'))
      ends.push(() => rmSync(dir, { recursive: true, force: true }))
      return dir
    },
    token(record = {}) {
      const id = Buffer.from(systemRandom.bytes(5)).toString('hex')
      const secret = Buffer.from(systemRandom.bytes(16)).toString('base64url')
      const secretHash = tokens.joinTokenHash(secret)
      const whole = { id, secretHash, usesLeft: 1, expiresAtMs: systemClock.wallMs() + 60_000, labels: {}, ...record }
      const metadata = { name: tokens.joinTokenSecretName(id), namespace: tokens.JOIN_TOKEN_NAMESPACE }
      const data = tokens.joinTokenData(whole)
      hub.objects.create(SECRET, { apiVersion: 'v1', kind: 'Secret', metadata, type: tokens.JOIN_TOKEN_TYPE, data })
      const text = encodeJoinToken({ addresses: [rig.address], caFingerprint: pki.caFingerprint, id, secret })
      return parseJoinToken(text)!
    },
    join(token = rig.token(), { nodeName, dir = rig.folder(), hostname } = {}) {
      return joinFleet({ token, dir, facts: facts(hostname ? { hostname } : {}), ...(nodeName && { nodeName }) })
    },
    async device(identity, { dir = rig.folder(), ...rest } = {}) {
      const cache = createCache({
        dir,
        clock: systemClock,
        log: silentLog,
        clockIsSet: () => true,
        verify: createStateVerifier(identity),
      })
      await cache.start()
      const calls: CallMessage[] = []
      const link = createLink({
        cache,
        identity,
        clock: systemClock,
        // A quarter of every wait: fast, and never zero.
        random: { ...systemRandom, float: () => 0.05 },
        log: silentLog,
        facts: () => facts({ hostname: identity.nodeName }),
        sample: () => sample,
        runtimes: () => [{ name: 'docker', version: 'docker://20.10.24', os: 'linux', architecture: 'arm64' }],
        labels: () => ({ 'holdfast.dev/runtime-docker': 'true', 'topology.kubernetes.io/zone': 'stolen' }),
        onCall: (call) => void calls.push(call),
        settings: { transport: 'mqtt', agentVersion: '0.1.0' },
        ...rest,
      })
      ends.push(async () => {
        await link.stop()
        await cache.stop()
      })
      return { identity, cache, link, calls }
    },
    async online(name) {
      const device = await rig.device(await rig.join(undefined, { nodeName: name }))
      await device.link.start()
      return device
    },
    events: (reason) =>
      hub.objects
        .list(EVENT)
        .filter((event) => event.reason === reason)
        .map((event) => event.message ?? ''),
    async restartHub(between) {
      await stopHub(hub)
      between?.()
      pki = await loadPki()
      hub = await startHub(pki, journal, options, ports)
    },
    async stop() {
      for (const end of ends.toReversed()) await end()
      await stopHub(hub)
    },
  }
  return rig
}

async function startHub(
  pki: Pki,
  journal: Journal,
  {
    caps,
    beatEveryMs = BEAT_EVERY_MS,
    mqttPort,
    revocations: openRevocations = () => createRevocations({ clock: systemClock, log: silentLog }),
  }: { caps?: AedesBrokerDeps['caps']; beatEveryMs?: number; mqttPort?: number; revocations?: () => Revocations },
  ports: { mqtt: number; api: number },
): Promise<Hub> {
  const [clock, random, log] = [systemClock, systemRandom, silentLog]
  const store = await startedStore({ journal })
  const objects = createObjects({ store, namespaces: NAMESPACE, clock, random })
  const events = createEventRecorder({ objects, clock, random, log })
  const listen = { host: '127.0.0.1', port: ports.mqtt }
  const tls = { caPem: pki.caPem, certPem: pki.serverCertPem, keyPem: pki.serverKeyPem }
  const broker = createAedesBroker({
    listen,
    ...tls,
    clock,
    log,
    acceptStream: acceptByteStream,
    ...(caps && { caps }),
  })
  const settings = { beatEveryMs, mqttPort: () => mqttPort ?? broker.port, epoch: () => store.identity.epoch }
  const revocations = openRevocations()
  await revocations.start()
  const fleet = createFleet({ store, objects, events, broker, pki, revocations, clock, random, log, settings })
  const server = createServer({
    key: pki.serverKeyPem,
    cert: pki.serverCertPem,
    ca: pki.caPem,
    requestCert: true,
    rejectUnauthorized: false,
  })
  const route = (url: string | undefined) => fleet.routes.find(({ path }) => path === url)
  server.on('request', (request, response) => void route(request.url)?.handle?.(request, response))
  server.on('upgrade', (request, socket, head) => route(request.url)?.upgrade?.(request, socket, head))
  const recovery = createRecovery({ store, objects, kinds: createRegistry(builtinKinds), clock, random, log })
  await createRecoveryNote({ store, revocations, clock, random }).start()
  await recovery.start()
  await fleet.start()
  await new Promise<void>((resolve) => server.listen(ports.api, '127.0.0.1', resolve))
  return { store, objects, events, broker, fleet, recovery, server }
}

async function stopHub({ server, fleet, recovery, store }: Hub): Promise<void> {
  server.closeAllConnections()
  await new Promise<void>((resolve) => server.close(() => resolve()))
  await fleet.stop()
  await recovery.stop()
  await store.stop()
}
