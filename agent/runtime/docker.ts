// docker.ts - the driver for Docker Engine and Podman's API
import type { Clock } from '../../shared/clock.ts'
import type { Log } from '../../shared/log.ts'
import type { Random } from '../../shared/random.ts'
import type { DockerAddress } from '../../shared/docker-address.ts'
import { ACT_MS, createDockerClient, type DockerClient, type Dockerode } from './docker-client.ts'
import { createDockerCreate } from './docker-create.ts'
import { asUnavailable, EngineError, isEngineTrouble, isNotRunning, isStatus } from './docker-errors.ts'
import { createDockerEvents } from './docker-events.ts'
import { labelFilter } from './docker-identity.ts'
import { createDockerImages } from './docker-images.ts'
import { createDockerMessages } from './docker-messages.ts'
import { addressOf, isHostNetwork, networkOwner, observe, publishedPort } from './docker-observe.ts'
import type { EngineFacts } from './docker-spec.ts'
import { createDockerStreams } from './docker-streams.ts'
import { createDockerUsage } from './docker-usage.ts'
import { inParallel } from './in-parallel.ts'
import { StartError, type ObservedContainer, type Runtime, type RuntimeEvent } from './runtime.ts'

export interface DockerRuntimeDeps {
  address: DockerAddress
  /** Name of this node: only containers with its label are seen and touched. */
  node: string
  clock: Clock
  random: Random
  log: Log
  certificateFolder?: string
}

/** A daemon on a small device does not get faster by being asked more at once. */
const INSPECTS_AT_ONCE = 16

export function createDockerRuntime(deps: DockerRuntimeDeps): Runtime {
  const { node, clock, random, log } = deps
  const client = createDockerClient(deps)
  const listeners = new Set<(event: RuntimeEvent) => void>()
  let known: EngineFacts | undefined
  const facts = async () => (known ??= await readFacts(client))
  const inspect = (id: string) => inspectContainer(client, id)
  const images = createDockerImages({ client, clock, facts })
  const streams = createDockerStreams({ client, clock, inspect })
  const messages = createDockerMessages({ logs: streams.logs, clock, random, log })
  const events = createDockerEvents({ client, node, clock, log, emit })

  async function observed(inspected: Dockerode.ContainerInspectInfo) {
    const container = observe(node, inspected)
    return container && messages.withMessage(inspected, container)
  }

  function emit(event: RuntimeEvent) {
    // Another engine may answer after a break: an update of it, for example.
    if (event.kind !== 'changed') {
      known = undefined
      messages.otherEngine()
    }
    for (const listener of listeners) listener(event)
  }

  return {
    name: 'docker',
    start: () => events.start(),
    stop: () => events.stop(),
    async info() {
      const { engine, version, os, architecture } = await facts()
      return { name: 'docker', version: `${engine}://${version}`, os, architecture }
    },
    async list() {
      const listed = await listContainers(client, node, observed)
      messages.keepOnly(new Set(listed.map(({ id }) => id)))
      return listed
    },
    async inspect(id) {
      const found = await inspect(id)
      return found && observed(found)
    },
    onEvent(listener) {
      listeners.add(listener)
      return () => void listeners.delete(listener)
    },
    findImage: images.find,
    pull: images.pull,
    ...createDockerCreate({ client, node, images, messages, facts, inspect }),
    startContainer: (id) => startContainer(client, id),
    async signalContainer(id, signal) {
      try {
        await client.call({ method: 'POST', path: `/containers/${id}/kill`, query: { signal }, boundMs: ACT_MS })
      } catch (error) {
        if (!isNotRunning(error)) throw asUnavailable(error)
      }
    },
    async removeContainer(id, { force }) {
      try {
        const query = { force, v: true }
        await client.call({ method: 'DELETE', path: `/containers/${id}`, query, boundMs: ACT_MS })
      } catch (error) {
        const isGoing = isStatus(error, 409) && /already in progress/i.test(error.message)
        if (!isStatus(error, 404) && !isGoing) throw removalFailure(error)
      }
      messages.forget(id)
    },
    ...streams,
    dial: (id, port) => dial(client, id, port),
    ...createDockerUsage({ client, clock, inspect }),
  }
}

async function inspectContainer(client: DockerClient, id: string) {
  try {
    // The engine's documented answer.
    const path = `/containers/${id}/json`
    return (await client.call({ method: 'GET', path })) as Dockerode.ContainerInspectInfo
  } catch (error) {
    if (isStatus(error, 404)) return undefined
    throw asUnavailable(error)
  }
}

type Observe = (inspected: Dockerode.ContainerInspectInfo) => Promise<ObservedContainer | undefined>

async function listContainers(client: DockerClient, node: string, observed: Observe) {
  const query = { all: true, filters: JSON.stringify({ label: [labelFilter(node)] }) }
  let listed: Dockerode.ContainerInfo[]
  try {
    // The engine's documented answer.
    listed = (await client.call({ method: 'GET', path: '/containers/json', query })) as Dockerode.ContainerInfo[]
  } catch (error) {
    throw asUnavailable(error)
  }
  const containers = await inParallel(listed, INSPECTS_AT_ONCE, async ({ Id: id }) => {
    const found = await inspectContainer(client, id)
    return found && observed(found)
  })
  return containers.flatMap((container) => container ?? [])
}

async function startContainer(client: DockerClient, id: string): Promise<void> {
  try {
    await client.call({ method: 'POST', path: `/containers/${id}/start`, boundMs: ACT_MS })
  } catch (error) {
    if (isStatus(error, 304)) return
    if (!(error instanceof EngineError)) throw error
    throw isEngineTrouble(error) ? asUnavailable(error) : new StartError('RunContainerError', error.message)
  }
}

/** Podman answers 500 for a container that runs, or whose network others use; that is no trouble of the engine. */
function removalFailure(error: unknown): unknown {
  const isAboutContainer = error instanceof EngineError && /running|force|dependent containers/i.test(error.message)
  return isAboutContainer ? error : asUnavailable(error)
}

async function dial(client: DockerClient, id: string, port: number): Promise<{ address: string; port: number }> {
  const found = await inspectContainer(client, id)
  if (!found) throw new EngineError(404, `no such container: ${id}`)
  const owner = networkOwner(found)
  if (owner !== undefined) return dial(client, owner, port)
  if (isHostNetwork(found)) return { address: '127.0.0.1', port }
  const address = addressOf(found)
  if (address) return { address, port }
  const published = publishedPort(found, port)
  if (published) return published
  throw new EngineError(409, `container ${id} has no address`)
}

async function readFacts(client: DockerClient): Promise<EngineFacts> {
  try {
    const [version, info] = await Promise.all([
      client.call({ method: 'GET', path: '/version' }),
      client.call({ method: 'GET', path: '/info' }),
    ])
    // The engine's documented answers.
    const { Components: parts = [], Version, Os, Arch } = version as Partial<Dockerode.DockerVersion>
    const { LoggingDriver: loggingDriver = '' } = info as { LoggingDriver?: string }
    const podman = parts.find((part) => part.Name === 'Podman Engine')
    return {
      engine: podman ? 'podman' : 'docker',
      version: podman?.Version ?? Version ?? '',
      os: Os ?? 'linux',
      architecture: Arch ?? '',
      loggingDriver,
    }
  } catch (error) {
    throw asUnavailable(error)
  }
}
