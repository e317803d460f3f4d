// agent.ts - wires the agent: the link writes the cache, the reconcile loop reads it, the runtimes run it
import { existsSync, mkdirSync } from 'node:fs'
import { dirname, join } from 'node:path'
import type { Clock } from '../shared/clock.ts'
import { findDockerAddress, parseDockerAddress, type DockerAddress } from '../shared/docker-address.ts'
import type { Log } from '../shared/log.ts'
import type { NodeFacts } from '../shared/protocol/messages.ts'
import type { Random } from '../shared/random.ts'
import { inOrder, type Service } from '../shared/service.ts'
import { HOLDFAST_VERSION } from '../shared/version.ts'
import type { Cache } from './cache/cache.ts'
import { createCache } from './cache/create-cache.ts'
import { cacheFolder, type CacheDisk } from './cache/disk.ts'
import type { AgentConfig } from './config.ts'
import { systemBootClock } from './fence/boot-clock.ts'
import { createDescribedFacts } from './described-facts.ts'
import { createFence, type FenceDeps } from './fence/fence.ts'
import { createFenceProcess, fenceFolder } from './fence/fence-process.ts'
import { whyNoFence } from './fence/reach.ts'
import { createCallServer } from './link/calls.ts'
import { apiAddressOf, createHubPlaces } from './link/hub-places.ts'
import { ownerOf, type Identity, type Trust } from './link/identity.ts'
import { createKeyRing, keySetFile } from './link/key-ring.ts'
import { createLink, type Link } from './link/link.ts'
import { createNoLink } from './link/no-link.ts'
import { createStateVerifier } from './link/state-verifier.ts'
import { createStreamOpener } from './link/stream-socket.ts'
import type { Connect } from './link/wire.ts'
import { createOffers } from './offers.ts'
import { createReconciler } from './reconcile/loop.ts'
import { createCallHandlers } from './runtime/calls/create-call-handlers.ts'
import { createDockerRuntime } from './runtime/docker.ts'
import { dropOlderLogs } from './runtime/process-logs.ts'
import { createProcessRuntime, isProcessRuntimeSupported } from './runtime/process.ts'
import { readStat } from './runtime/proc.ts'
import type { Runtime } from './runtime/runtime.ts'
import { isClockSet } from './system/clock-set.ts'
import { createSampler, type Sampler } from './system/sample.ts'
import { createWearMeter } from './system/wear.ts'

export interface AgentDeps {
  config: AgentConfig
  /** The trust alone on a device that has lost the rest: it runs what it holds, without a link. */
  identity: Identity | Trust
  /** What was found damaged before the cache is opened. */
  damage?: readonly string[]
  facts: NodeFacts
  /** What takes longer to find out, and only the hub wants to know. */
  description?: Promise<Partial<NodeFacts>>
  runtimes: readonly Runtime[]
  clock: Clock
  random: Random
  log: Log
  /** The network, the disk below the cache and the measurements; a simulator brings its own. */
  connect?: Connect
  disk?: CacheDisk
  sampler?: Sampler
  /** Time since boot, the process that outlives this one, and what it cannot reach. */
  fence?: Pick<FenceDeps, 'boot' | 'process' | 'whyNot'>
}

export interface Agent extends Service {
  readonly cache: Cache
  readonly link: Link
}

export function createAgent(deps: AgentDeps): Agent {
  const { config, identity, facts, runtimes, clock, random, log } = deps
  const member = 'key' in identity ? identity : undefined
  const places = member && createHubPlaces(member, config.hub)
  const keyRing = createKeyRing({ identity, log, file: keySetFile(config.dataDir) })
  const cache = createCache({
    dir: cacheFolder(config.dataDir),
    owner: ownerOf(identity),
    clock,
    log,
    clockIsSet: () => isClockSet(clock.wallMs()),
    verify: createStateVerifier(identity, keyRing.kept),
    journalEntriesMax: config.journalEntries,
    damage: deps.damage ?? [],
    ...(deps.disk && { disk: deps.disk }),
  })
  cache.onHealth(() => {
    if (cache.health().trouble?.kind === 'full') dropOlderLogs(processesIn(config))
  })
  const sampler = deps.sampler ?? createSampler({ dataDir: config.dataDir })
  const offers = createOffers({ cache, clock, runtimes, log, onChange: () => link.greetAgain() })
  const calls =
    member &&
    places &&
    createCallServer({
      openStream: createStreamOpener({
        hubAddress: () => apiAddressOf(places.current()),
        identity: () => member,
        clock,
      }),
      handle: createCallHandlers({ runtimes, clock, describePod: describePodIn(cache) }),
      clock,
      log,
    })
  const fenceDeps = deps.fence ?? systemFence(config)
  const fence = createFence({
    ...fenceDeps,
    pods: () => cache.desired()?.pods ?? [],
    agent: { pid: process.pid, startTicks: readStat(process.pid)?.startTicks ?? '0' },
    ...{ clock, log },
  })
  const linkOf = (identity: Identity) =>
    createLink({
      ...{ cache, identity, keyRing, clock, random, log },
      leases: fence,
      facts: createDescribedFacts({ facts, description: deps.description, clock, onMore: () => link.greetAgain() }),
      sample: () => sampler.sample(),
      runtimes: offers.infos,
      labels: offers.labels,
      onCall: (call, session) => calls?.take(call, session),
      settings: { transport: config.transport, agentVersion: HOLDFAST_VERSION },
      ...(places && { places }),
      ...(deps.connect && { connect: deps.connect }),
    })
  const link: Link = member ? linkOf(member) : createNoLink({ cache, clock })
  const reconciler = createReconciler({
    ...{ cache, runtimes, clock, random, log },
    node: nodeOf(identity, facts),
    boot: fenceDeps.boot,
    dataDir: config.dataDir,
    policy: config,
    headroom: () => sampler.headroom(),
    // What the kernel says of this process belongs to the measurements: who brings those brings all of them.
    ...(!deps.sampler && { wear: createWearMeter({ clock }).now }),
    guard: fence,
    messageTrouble: () => link.messageTrouble(),
  })
  const callService: Service = { start() {}, stop: () => calls?.stop() }
  return { ...inOrder([cache, ...runtimes, offers, fence, reconciler, callService, link]), cache, link }
}

const systemFence = (config: AgentConfig): Pick<FenceDeps, 'boot' | 'process' | 'whyNot'> => ({
  boot: systemBootClock,
  process: createFenceProcess(fenceFolder(config.dataDir)),
  whyNot: (runtime) => whyNoFence(runtime, dockerAddress(config)),
})

const describePodIn = (cache: Cache) => (uid: string) => {
  const pod = cache.desired()?.pods.find(({ metadata }) => metadata.uid === uid)
  return pod && `${pod.metadata.namespace ?? ''}/${pod.metadata.name}`
}

const nodeOf = ({ nodeName: name }: Trust, { addresses, cpus, memoryBytes, diskBytes }: NodeFacts) => {
  const hostIp = addresses.find(({ type }) => type === 'InternalIP')?.address
  return { name, cpus, memoryBytes, diskBytes, ...(hostIp && { hostIp }) }
}

const processesIn = ({ dataDir }: Pick<AgentConfig, 'dataDir'>) => join(dataDir, 'processes')

/** The runtimes that this device's settings and this device itself allow. */
export function createRuntimes(
  config: AgentConfig,
  node: string,
  deps: { clock: Clock; random: Random; log: Log },
): Runtime[] {
  const address = dockerAddress(config)
  const docker = address ? [createDockerRuntime({ address, node, ...deps })] : []
  if (!config.processRuntime || !isProcessRuntimeSupported()) return docker
  const root = processesIn(config)
  mkdirSync(root, { recursive: true, mode: 0o700 })
  const searchPath = [process.env['PATH'] ?? '/usr/local/bin:/usr/bin:/bin', dirname(process.execPath)].join(':')
  return [...docker, createProcessRuntime({ root, searchPath, nodePath: process.execPath, ...deps })]
}

export function dockerAddress({ dockerHost }: Pick<AgentConfig, 'dockerHost'>): DockerAddress | undefined {
  if (dockerHost === 'none') return undefined
  return dockerHost ? parseDockerAddress(dockerHost) : findDockerAddress(process.env, existsSync)
}
