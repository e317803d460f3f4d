// docker-spec.ts - a ContainerSpec as the engine's create call wants it
import type { Dockerode } from './docker-client.ts'
import { containerLabels, MESSAGE_FILE_LABEL, MESSAGE_POLICY_LABEL, OR_LOGS } from './docker-identity.ts'
import type { ContainerSpec, Mount, PortMapping } from './runtime.ts'

export interface EngineFacts {
  engine: 'docker' | 'podman'
  version: string
  os: string
  architecture: string
  loggingDriver: string
}

export type CreateBody = Omit<Dockerode.ContainerCreateOptions, 'name' | 'abortSignal'>

/** A fork bomb must not take the device; busy servers use some hundred threads. */
const PIDS_MAX = 4_096
/** Two files of 10 MiB a container: what `kubectl logs` needs, and what a small card can spare. */
const LOG_OPTIONS = { 'max-size': '10m', 'max-file': '2' }
/** The kernel's bounds of CPU weight, and what one whole CPU weighs. */
const CPU_SHARES = { min: 2, max: 262_144, perCpu: 1_024 }
const NANOS_PER_MILLI_CPU = 1_000_000

export interface CreateContext {
  node: string
  facts: EngineFacts
  /** The image's own user: the group alone cannot be told to the engine. */
  imageUser: string
  /** On this device; undefined: it gets none. */
  messageFile?: string
}

export function createBody(spec: ContainerSpec, context: CreateContext): CreateBody {
  const { node, facts, imageUser, messageFile } = context
  return {
    Image: spec.image,
    Labels: { ...containerLabels(node, spec.identity), ...messageLabels(spec, messageFile) },
    Env: spec.env.map(([name, value]) => `${name}=${value}`),
    ...(spec.command ? { Entrypoint: [...spec.command] } : {}),
    ...(spec.args ? { Cmd: [...spec.args] } : {}),
    ...(spec.workingDir === undefined ? {} : { WorkingDir: spec.workingDir }),
    ...userOf(spec, imageUser),
    Tty: spec.tty,
    OpenStdin: spec.stdin,
    StdinOnce: spec.stdinOnce,
    // The agent probes by itself: engine health checks differ between engines and would run beside ours.
    Healthcheck: { Test: ['NONE'] },
    ...exposedPorts(spec),
    ...hostnameOf(spec, facts),
    HostConfig: hostConfig(spec, facts, messageFile),
  }
}

const messageLabels = ({ termination }: ContainerSpec, file: string | undefined): Record<string, string> => ({
  ...(file === undefined ? {} : { [MESSAGE_FILE_LABEL]: file }),
  ...(termination?.orLogs ? { [MESSAGE_POLICY_LABEL]: OR_LOGS } : {}),
})

function messageMount({ termination }: ContainerSpec, file: string | undefined): Mount[] {
  if (!termination || file === undefined) return []
  return [{ type: 'bind', source: file, target: termination.path, readOnly: false }]
}

function hostConfig(spec: ContainerSpec, facts: EngineFacts, messageFile?: string): Dockerode.HostConfig {
  return {
    // The agent decides about restarts, also after a reboot: two deciders would fight.
    RestartPolicy: { Name: '' },
    Mounts: [...spec.mounts, ...messageMount(spec, messageFile)].map(mountOf),
    ...network(spec),
    ...resources(spec),
    ...security(spec),
    ...(facts.loggingDriver === 'json-file' ? { LogConfig: { Type: 'json-file', Config: LOG_OPTIONS } } : {}),
  }
}

/** The engine refuses names, ports and DNS of a container that lives in another one's network. */
function network(spec: ContainerSpec): Dockerode.HostConfig {
  if (spec.network.kind === 'shared') return { NetworkMode: `container:${spec.network.withId}` }
  const { dns } = spec
  return {
    ...(spec.network.kind === 'host' ? { NetworkMode: 'host' } : { PortBindings: portBindings(spec.ports) }),
    ExtraHosts: spec.hostAliases.map(([address, name]) => `${name}:${address}`),
    ...(dns ? { Dns: [...dns.servers], DnsSearch: [...dns.searches], DnsOptions: [...dns.options] } : {}),
  }
}

function resources({ resources: wanted }: ContainerSpec): Dockerode.HostConfig {
  const { cpuLimitMilli, cpuRequestMilli, memoryLimitBytes } = wanted
  return {
    PidsLimit: PIDS_MAX,
    ...(cpuLimitMilli === undefined ? {} : { NanoCpus: cpuLimitMilli * NANOS_PER_MILLI_CPU }),
    ...(cpuRequestMilli === undefined ? {} : { CpuShares: cpuShares(cpuRequestMilli) }),
    // Equal: no swap beyond the limit, which would wear the flash and hide the leak.
    ...(memoryLimitBytes === undefined ? {} : { Memory: memoryLimitBytes, MemorySwap: memoryLimitBytes }),
  }
}

function security({ security: wanted }: ContainerSpec): Dockerode.HostConfig {
  return {
    ...(wanted.privileged === undefined ? {} : { Privileged: wanted.privileged }),
    ...(wanted.readOnlyRootFilesystem === undefined ? {} : { ReadonlyRootfs: wanted.readOnlyRootFilesystem }),
    ...(wanted.addCapabilities ? { CapAdd: [...wanted.addCapabilities] } : {}),
    ...(wanted.dropCapabilities ? { CapDrop: [...wanted.dropCapabilities] } : {}),
    ...(wanted.supplementalGroups ? { GroupAdd: wanted.supplementalGroups.map(String) } : {}),
    ...pidMode(wanted),
    ...(wanted.hostIpc ? { IpcMode: 'host' } : {}),
    ...(wanted.noNewPrivileges ? { SecurityOpt: ['no-new-privileges'] } : {}),
  }
}

function pidMode({ hostPid, processesOf }: ContainerSpec['security']): Dockerode.HostConfig {
  if (hostPid) return { PidMode: 'host' }
  return processesOf === undefined ? {} : { PidMode: `container:${processesOf}` }
}

/** Docker gives a container in another one's network that one's name, and refuses to be told; Podman must be told. */
function hostnameOf({ network: choice, hostname }: ContainerSpec, { engine }: EngineFacts): { Hostname?: string } {
  const isTold = choice.kind === 'own' || (choice.kind === 'shared' && engine === 'podman')
  return isTold && hostname !== undefined ? { Hostname: hostname } : {}
}

function userOf({ security: { runAsUser, runAsGroup } }: ContainerSpec, imageUser: string): { User?: string } {
  if (runAsUser === undefined && runAsGroup === undefined) return {}
  const user = runAsUser === undefined ? imageUser.split(':')[0] || '0' : String(runAsUser)
  return { User: runAsGroup === undefined ? user : `${user}:${runAsGroup}` }
}

function mountOf({ type, source, target, readOnly, sizeBytes }: Mount): Dockerode.MountSettings {
  if (type === 'bind') return { Type: 'bind', Source: source, Target: target, ReadOnly: readOnly }
  // World-writable with the sticky bit, as every temporary folder; 0 bytes means "no limit" to the engine.
  const options = { SizeBytes: sizeBytes ?? 0, Mode: 0o1777 }
  return { Type: 'tmpfs', Source: '', Target: target, TmpfsOptions: options }
}

const portKey = ({ containerPort, protocol }: PortMapping) => `${containerPort}/${protocol.toLowerCase()}`

function exposedPorts({ network: choice, ports }: ContainerSpec): Pick<CreateBody, 'ExposedPorts'> {
  if (choice.kind !== 'own' || ports.length === 0) return {}
  return { ExposedPorts: Object.fromEntries(ports.map((port) => [portKey(port), {}])) }
}

function portBindings(ports: readonly PortMapping[]) {
  const bindings: Record<string, { HostIp: string; HostPort: string }[]> = {}
  for (const port of ports)
    (bindings[portKey(port)] ??= []).push({ HostIp: port.hostIp ?? '', HostPort: String(port.hostPort) })
  return bindings
}

const cpuShares = (milli: number) =>
  Math.min(CPU_SHARES.max, Math.max(CPU_SHARES.min, Math.floor((milli * CPU_SHARES.perCpu) / 1000)))
