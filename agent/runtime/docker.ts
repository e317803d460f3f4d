// docker.ts - the driver for Docker Engine and Podman's API
import type { Clock } from '../../shared/clock.ts'
import type { Log } from '../../shared/log.ts'
import type { DockerAddress } from '../../shared/docker-address.ts'
import { ACT_MS, createDockerClient, type DockerClient, type Dockerode } from './docker-client.ts'
import { createDockerCreate } from './docker-create.ts'
import { asUnavailable, EngineError, isEngineTrouble, isNotRunning, isStatus } from './docker-errors.ts'
import { createDockerEvents } from './docker-events.ts'
import { labelFilter } from './docker-identity.ts'
import { createDockerImages } from './docker-images.ts'
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
  log: Log
  certificateFolder?: string
}

/** A daemon on a small device does not get faster by being asked more at once. */
const INSPECTS_AT_ONCE = 16

export function createDockerRuntime(deps: DockerRuntimeDeps): Runtime {
  const { node, clock, log } = deps
  const client = createDockerClient(deps)
  const listeners = new Set<(event: RuntimeEvent) => void>()
  let known: EngineFacts | undefined
  const facts = async () => (known ??= await readFacts(client))
  const inspect = (id: string) => inspectContainer(client, id)
  const images = createDockerImages({ client, clock, facts })
  const events = createDockerEvents({ client, node, clock, log, emit })

  function emit(event: RuntimeEvent) {
    // Another engine may answer after a break: an update of it, for example.
    if (event.kind !== 'changed') known = undefined
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
    list: () => listContainers(client, node),
    async inspect(id) {
      const found = await inspect(id)
      return found && observe(node, found)
    },
    onEvent(listener) {
      listeners.add(listener)
      return () => void listeners.delete(listener)
    },
    findImage: images.find,
    pull: images.pull,
    ...createDockerCreate({ client, node, images, facts, inspect }),
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
    },
    ...createDockerStreams({ client, clock, inspect }),
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

async function listContainers(client: DockerClient, node: string): Promise<readonly ObservedContainer[]> {
  const query = { all: true, filters: JSON.stringify({ label: [labelFilter(node)] }) }
  let listed: Dockerode.ContainerInfo[]
  try {
    // The engine's documented answer.
    listed = (await client.call({ method: 'GET', path: '/containers/json', query })) as Dockerode.ContainerInfo[]
  } catch (error) {
    throw asUnavailable(error)
  }
  const inspected = await inParallel(listed, INSPECTS_AT_ONCE, ({ Id: id }) => inspectContainer(client, id))
  return inspected.flatMap((found) => (found && observe(node, found)) ?? [])
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
