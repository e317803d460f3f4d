// cluster.ts - a hub and its devices in one process: real broker, real files, real HTTPS; only the containers are played
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Test } from 'tap'
import type { AgentConfig } from '../../agent/config.ts'
import { createClient } from '../../hub/cli/client.ts'
import { createToken, type TokenOptions } from '../../hub/cli/token.ts'
import type { HubConfig } from '../../hub/config.ts'
import type { Hub } from '../../hub/hub.ts'
import { systemClock } from '../../shared/clock.ts'
import { EVENT } from '../../shared/kinds/event.ts'
import { NODE } from '../../shared/kinds/node.ts'
import type { Node, Pod } from '../../shared/kinds/object.ts'
import { POD } from '../../shared/kinds/pod.ts'
import { createLog } from '../../shared/log.ts'
import { systemRandom } from '../../shared/random.ts'
import { createApiClient, type ApiClient, type Manifest } from './cluster/api-client.ts'
import { createDevice, type Device } from './cluster/device.ts'
import { startForwarder } from './cluster/forwarder.ts'
import { createHubProcess } from './cluster/hub-process.ts'
import { isSettled } from './cluster/settled.ts'
import { eventually } from './eventually.ts'
import { fileWithin } from './file-within.ts'

export interface ClusterOptions {
  /** So many, called n1, n2 ... */
  nodes?: number
  hub?: Partial<HubConfig>
  agent?: Partial<AgentConfig>
  images?: readonly string[]
}

/** What truly runs of an app, on the devices themselves. */
export interface Running {
  readonly count: number
  readonly ids: readonly string[]
  /** One for each container. */
  readonly nodes: readonly string[]
  on(...names: string[]): Running
}

export interface Cluster {
  readonly hub: Hub
  readonly api: ApiClient
  /** What a client of any kind needs. */
  readonly access: { url: string; caPem: string; tokens: { admin: string; viewer: string } }
  readonly devices: ReadonlyMap<string, Device>
  device(name: string): Device
  apply(...objects: Manifest[]): Promise<void>
  running(app: string): Running
  /** As the hub knows them. */
  pods(app?: string): readonly Pod[]
  node(name: string): Node
  /** Status of its Ready condition. */
  ready(name: string): string | undefined
  /** Messages of all events with this reason, the oldest first. */
  events(reason: string): string[]
  /** Joins with a token of its own and starts. */
  addNode(name: string): Promise<Device>
  /** A device that shows the identity of another one, as two that were flashed from one image do. */
  addClone(of: string): Promise<Device>
  token(options?: Partial<TokenOptions>): Promise<string>
  /** Half-open unless said otherwise: both sides believe that the link stands. */
  disconnect(name: string, how?: 'silently' | 'with a reset'): void
  reconnect(name: string): void
  crashAgent(name: string): void
  startAgent(name: string): Promise<void>
  restartAgent(name: string): Promise<void>
  stopHub(): Promise<void>
  startHub(): Promise<void>
  restartHub(): Promise<void>
  /** kill -9 of the hub; nobody listens until startHub. */
  crashHub(): void
  eventually: typeof eventually
  /** Until everything that is wanted is what is, everywhere, and nothing else. */
  settled(): Promise<void>
}

export const IMAGES = ['my-image', 'my-image:1', 'my-image:2', 'my-image:3']
/** A stopped world is looked at with patience: four clusters share two cores. */
const WITHIN_MS = 30_000
const LOG_LINES_KEPT = 400

/** Clusters mostly wait, for leases and back-offs. */
const CLUSTERS_AT_ONCE = 4
const FILE_WITHIN_MS = 300_000

/** The tests of this file run so many at a time, and have more than half a minute for all of them. */
export function sideBySide(t: Test): void {
  t.jobs = CLUSTERS_AT_ONCE
  fileWithin(t, FILE_WITHIN_MS)
}

export async function createCluster(
  t: Pick<Test, 'teardown' | 'passing' | 'comment'>,
  options: ClusterOptions = {},
): Promise<Cluster> {
  const dir = mkdtempSync(join(tmpdir(), 'holdfast-cluster-'))
  const lines: string[] = []
  const write = (line: string) => {
    lines.push(line.trimEnd())
    if (lines.length > LOG_LINES_KEPT) lines.shift()
  }
  const log = createLog({ clock: systemClock, level: 'debug', write })
  const process = createHubProcess(dir, options.hub ?? {}, log.child({ on: 'hub' }))
  const devices = new Map<string, Device>()
  const front = await startForwarder(() => process.apiPort)
  let api: ApiClient | undefined
  t.teardown(async () => {
    api?.close()
    await Promise.all([...devices.values()].map((device) => device.close()))
    await process.close()
    await front.close()
    rmSync(dir, { recursive: true, force: true })
    if (!t.passing()) t.comment(lines.join('\n'))
  })
  const links = () => [front, ...[...devices.values()].flatMap((device) => Object.values(device.links))]
  const device = (name: string): Device => {
    const found = devices.get(name)
    if (!found) throw new Error(`there is no device ${name}`)
    return found
  }

  const make = async (name: string) => {
    const { images = IMAGES, agent = {} } = options
    const made = await createDevice(name, { dir, process, log, options: { images, config: agent } })
    devices.set(name, made)
    return made
  }

  const cluster: Cluster = {
    devices,
    device,
    eventually,
    get hub() {
      return process.hub
    },
    get api() {
      if (!api) throw new Error('the hub has not been started')
      return api
    },
    get access() {
      const { caPem = '', token } = process.access
      return { url: `https://127.0.0.1:${front.port}`, caPem, tokens: { admin: token, viewer: process.viewer.token } }
    },
    async apply(...objects) {
      for (const object of objects) await cluster.api.apply(object)
    },
    running: (app) => runningOf(app, [...devices.values()]),
    pods: (app) => process.hub.objects.list(POD).filter(({ metadata: { name } }) => !app || belongs(app, name)),
    node(name) {
      const node = process.hub.objects.get(NODE, undefined, name)
      if (!node) throw new Error(`there is no node ${name}`)
      return node
    },
    ready: (name) => cluster.node(name).status?.conditions?.find(({ type }) => type === 'Ready')?.status,
    events: (reason) =>
      process.hub.objects
        .list(EVENT)
        .filter((event) => event.reason === reason)
        .map(({ message }) => message ?? ''),
    token: (given = {}) => {
      const { access } = process
      const reachable = { ...access, server: cluster.access.url }
      const deps = { client: createClient(reachable), access: reachable, clock: systemClock, random: systemRandom }
      return createToken(deps, { hub: [], labels: {}, ttlMs: 60_000, uses: 1, ...given })
    },
    async addNode(name) {
      const made = await make(name)
      await made.join(await cluster.token({ hub: [`127.0.0.1:${made.links.api.port}`] }))
      await made.start()
      return made
    },
    async addClone(of) {
      const clone = await make(`${of}-clone`)
      clone.take(device(of).identity)
      await clone.start()
      return clone
    },
    disconnect(name, how = 'silently') {
      for (const link of Object.values(device(name).links)) link[how === 'silently' ? 'cut' : 'refuse']()
    },
    reconnect(name) {
      for (const link of Object.values(device(name).links)) link.restore()
    },
    crashAgent: (name) => device(name).crash(),
    startAgent: (name) => device(name).start(),
    async restartAgent(name) {
      await device(name).stop()
      await device(name).start()
    },
    stopHub: () => process.stop(),
    async startHub() {
      await process.start()
      cluster.api.reconnect()
    },
    async restartHub() {
      await cluster.stopHub()
      await cluster.startHub()
    },
    crashHub() {
      process.crash()
      for (const link of links()) link.reset()
    },
    settled: () =>
      eventually(() => {
        const why = isSettled(process.hub.objects, [...devices.values()])
        if (why !== undefined) throw new Error(`not settled: ${why}`)
      }, WITHIN_MS),
  }

  await process.start()
  api = createApiClient(cluster.access)
  const names = Array.from({ length: options.nodes ?? 3 }, (_, index) => `n${index + 1}`)
  await Promise.all(names.map((name) => cluster.addNode(name)))
  await eventually(() => names.every((name) => cluster.ready(name) === 'True'), WITHIN_MS)
  return cluster
}

/** Pods of an app are called like it, or begin with its name and a dash. */
const belongs = (app: string, pod: string) => pod === app || pod.startsWith(`${app}-`)

function runningOf(app: string, devices: readonly Device[]): Running {
  const found = devices.flatMap((device) =>
    device
      .running()
      .filter(({ identity }) => belongs(app, identity.pod))
      .map(({ id }) => ({ id: `${device.name}/${id}`, node: device.name })),
  )
  return {
    count: found.length,
    ids: found.map(({ id }) => id).toSorted(),
    nodes: found.map(({ node }) => node).toSorted(),
    on: (...names) =>
      runningOf(
        app,
        devices.filter(({ name }) => names.includes(name)),
      ),
  }
}
