// docker-observe.ts - the engine's inspect answer as an ObservedContainer
import type { Dockerode } from './docker-client.ts'
import { identityFromLabels } from './docker-identity.ts'
import { CANNOT_START_EXIT, type ObservedContainer } from './runtime.ts'

/** undefined: the container is not ours. */
export function observe(node: string, inspected: Dockerode.ContainerInspectInfo): ObservedContainer | undefined {
  const identity = identityFromLabels(node, inspected.Config.Labels)
  if (!identity) return undefined
  const { State: state } = inspected
  const phase = phaseOf(state.Status)
  const ip = addressOf(inspected)
  const startedAtMs = timeOf(state.StartedAt)
  const finishedAtMs = timeOf(state.FinishedAt)
  return {
    id: inspected.Id,
    identity,
    state: phase,
    createdAtMs: timeOf(inspected.Created) ?? 0,
    image: inspected.Config.Image,
    imageId: inspected.Image,
    ...(startedAtMs === undefined ? {} : { startedAtMs }),
    // Podman notes the start after the fact: a short run would have ended before it began.
    ...(phase === 'exited' && finishedAtMs !== undefined
      ? { finishedAtMs: Math.max(finishedAtMs, startedAtMs ?? 0) }
      : {}),
    ...(phase === 'created' && state.Error ? { exitCode: state.ExitCode || CANNOT_START_EXIT } : {}),
    ...(phase === 'exited' ? { exitCode: state.ExitCode, outOfMemory: state.OOMKilled } : {}),
    ...(state.Error ? { error: state.Error } : {}),
    ...(phase === 'running' && ip !== undefined ? { ip } : {}),
    ...(phase === 'running' && state.Pid > 0 ? { pid: state.Pid } : {}),
  }
}

/** Docker and Podman have different words; what neither runs nor was never started has ended. */
function phaseOf(status: string): ObservedContainer['state'] {
  switch (status) {
    case 'created':
    case 'configured':
    case 'initialized':
      return 'created'
    case 'running':
    case 'paused':
    case 'restarting':
    case 'stopping':
      return 'running'
    default:
      return 'exited'
  }
}

/** Both engines write year 1 for "never". */
function timeOf(text: string): number | undefined {
  const atMs = Date.parse(text)
  return Number.isNaN(atMs) || text.startsWith('0001-') ? undefined : atMs
}

export function addressOf({ NetworkSettings: settings }: Dockerode.ContainerInspectInfo): string | undefined {
  const networks = Object.values(settings?.Networks ?? {})
  return networks.map((network) => network.IPAddress || network.GlobalIPv6Address).find((address) => address)
}

/** The container in whose network this one lives, if it has none of its own. */
export function networkOwner({ HostConfig: host }: Dockerode.ContainerInspectInfo): string | undefined {
  const mode = host.NetworkMode ?? ''
  return mode.startsWith('container:') ? mode.slice('container:'.length) : undefined
}

export const isHostNetwork = ({ HostConfig: host }: Dockerode.ContainerInspectInfo) => host.NetworkMode === 'host'

/** Where the port is published on the device, for engines whose container network the device cannot reach. */
export function publishedPort({ NetworkSettings: settings }: Dockerode.ContainerInspectInfo, port: number) {
  const binding = settings?.Ports?.[`${port}/tcp`]?.[0]
  if (!binding) return undefined
  const everywhere = ['', '0.0.0.0', '::'].includes(binding.HostIp)
  return { address: everywhere ? '127.0.0.1' : binding.HostIp, port: Number(binding.HostPort) }
}
