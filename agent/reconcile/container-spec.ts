// container-spec.ts - turns a pod and one of its containers into what the runtime is asked to make; pure
import { posix } from 'node:path'
import type { Pod } from '../../shared/kinds/object.ts'
import { bytes, milliCpu } from '../../shared/quantity.ts'
import {
  StartError,
  type ContainerIdentity,
  type ContainerSpec,
  type ImageInfo,
  type Mount,
  type NetworkChoice,
  type PortMapping,
  type Termination,
} from '../runtime/runtime.ts'
import { environmentOf, type EnvContext } from './env.ts'
import { expand } from './expand.ts'
import { containersOf, namespaceOf, type PodContainer } from './pod-shape.ts'
import { sandboxHashOf } from './spec-hash.ts'

export interface ContainerSpecInput extends EnvContext {
  container: PodContainer
  attempt: number
  specHash: string
  network: NetworkChoice
  /** Id of the container whose processes it shares. */
  processesOf?: string
  mounts: readonly Mount[]
  image: ImageInfo
  messageFolder: string
}

/** Upstream's default; the hub writes it into every pod. */
const TERMINATION_PATH = '/dev/termination-log'
/** Longer host names are refused by the kernel. */
const HOSTNAME_LENGTH_MAX = 63

/** Throws StartError with CreateContainerConfigError when something that it needs is missing or forbidden. */
export function containerSpec(input: ContainerSpecInput): ContainerSpec {
  const { pod, container, network, attempt, specHash } = input
  const { spec } = container
  const env = environmentOf(container, input)
  const expanded = (texts: readonly string[]) => texts.map((text) => expand(text, (name) => env.get(name)))
  refuseRoot(input)
  return {
    identity: identityOf(pod, { container: container.name, role: container.role, attempt, specHash }),
    image: spec.image ?? '',
    ...(spec.command?.length && { command: expanded(spec.command) }),
    ...(spec.args?.length && { args: expanded(spec.args) }),
    env: [...env],
    ...(spec.workingDir && { workingDir: spec.workingDir }),
    // What shares a network shares its names too; they are the sandbox's.
    ...(network.kind === 'own' && { hostname: hostnameOf(pod) }),
    mounts: input.mounts,
    ports: network.kind === 'own' ? portsOf([container]) : [],
    network,
    hostAliases: network.kind === 'shared' ? [] : hostAliasesOf(pod),
    ...(network.kind === 'own' && dnsOf(pod)),
    resources: resourcesOf(container),
    security: { ...securityOf(pod, container), ...(input.processesOf && { processesOf: input.processesOf }) },
    stdin: spec.stdin ?? false,
    stdinOnce: spec.stdinOnce ?? false,
    tty: spec.tty ?? false,
    termination: terminationOf(input),
  }
}

/** Not part of the hash: no pod can change it, and what runs is not made anew because an agent has learned of it. */
const terminationOf = ({ container: { spec }, messageFolder }: ContainerSpecInput): Termination => ({
  path: posix.join('/', spec.terminationMessagePath || TERMINATION_PATH),
  orLogs: spec.terminationMessagePolicy === 'FallbackToLogsOnError',
  folder: messageFolder,
})

/** The sandbox owns what all containers of the pod share: addresses, names and published ports. */
export function sandboxSpec(pod: Pod, attempt: number): Omit<ContainerSpec, 'image' | 'command' | 'args'> {
  return {
    identity: identityOf(pod, { container: '', role: 'sandbox', attempt, specHash: sandboxHashOf(pod) }),
    env: [],
    hostname: hostnameOf(pod),
    mounts: [],
    ports: portsOf(containersOf(pod)),
    network: { kind: 'own' },
    hostAliases: hostAliasesOf(pod),
    ...dnsOf(pod),
    resources: {},
    security: {},
    stdin: false,
    stdinOnce: false,
    tty: false,
  }
}

type OwnIdentity = Pick<ContainerIdentity, 'container' | 'role' | 'attempt' | 'specHash'>

const identityOf = (pod: Pod, { container, role, attempt, specHash }: OwnIdentity): ContainerIdentity => ({
  podUid: pod.metadata.uid,
  namespace: namespaceOf(pod),
  pod: pod.metadata.name,
  container,
  role,
  attempt,
  specHash,
})

const hostnameOf = (pod: Pod) =>
  (pod.spec.hostname ?? pod.metadata.name).slice(0, HOSTNAME_LENGTH_MAX).replace(/[-.]+$/, '')

/** A containerPort alone is information; only a hostPort is published. */
const portsOf = (containers: readonly PodContainer[]): PortMapping[] =>
  containers.flatMap(({ spec }) =>
    (spec.ports ?? []).flatMap(({ containerPort, hostPort, hostIP, protocol }) => {
      if (!hostPort || (protocol !== undefined && protocol !== 'TCP' && protocol !== 'UDP')) return []
      return { containerPort, hostPort, ...(hostIP && { hostIp: hostIP }), protocol: protocol ?? 'TCP' }
    }),
  )

const hostAliasesOf = (pod: Pod) =>
  (pod.spec.hostAliases ?? []).flatMap(({ ip = '', hostnames = [] }) => hostnames.map((name) => [ip, name] as const))

function dnsOf(pod: Pod): Pick<ContainerSpec, 'dns'> {
  const config = pod.spec.dnsConfig
  if (!config) return {}
  const options = (config.options ?? []).map(({ name = '', value }) => (value ? `${name}:${value}` : name))
  return { dns: { servers: config.nameservers ?? [], searches: config.searches ?? [], options } }
}

function resourcesOf({ spec }: PodContainer): ContainerSpec['resources'] {
  const { limits = {}, requests = {} } = spec.resources ?? {}
  const cpuRequest = requests['cpu'] ?? limits['cpu']
  return {
    ...(limits['cpu'] !== undefined && { cpuLimitMilli: milliCpu(limits['cpu']) }),
    ...(cpuRequest !== undefined && { cpuRequestMilli: milliCpu(cpuRequest) }),
    ...(limits['memory'] !== undefined && { memoryLimitBytes: bytes(limits['memory']) }),
  }
}

/** The container's own word counts before the pod's. */
function securityOf(pod: Pod, { spec }: PodContainer): ContainerSpec['security'] {
  const own = spec.securityContext ?? {}
  const shared = pod.spec.securityContext ?? {}
  const runAsUser = own.runAsUser ?? shared.runAsUser
  const runAsGroup = own.runAsGroup ?? shared.runAsGroup
  const groups = [...(shared.supplementalGroups ?? []), ...(shared.fsGroup === undefined ? [] : [shared.fsGroup])]
  return {
    ...(runAsUser !== undefined && { runAsUser }),
    ...(runAsGroup !== undefined && { runAsGroup }),
    ...(groups.length > 0 && { supplementalGroups: groups }),
    ...(own.readOnlyRootFilesystem !== undefined && { readOnlyRootFilesystem: own.readOnlyRootFilesystem }),
    ...(own.privileged !== undefined && { privileged: own.privileged }),
    ...(own.capabilities?.add && { addCapabilities: own.capabilities.add }),
    ...(own.capabilities?.drop && { dropCapabilities: own.capabilities.drop }),
    ...(own.allowPrivilegeEscalation === false && { noNewPrivileges: true }),
    ...(pod.spec.hostPID && { hostPid: true }),
    ...(pod.spec.hostIPC && { hostIpc: true }),
  }
}

function refuseRoot({ pod, container, image }: ContainerSpecInput): void {
  const own = container.spec.securityContext ?? {}
  const shared = pod.spec.securityContext ?? {}
  if (!(own.runAsNonRoot ?? shared.runAsNonRoot)) return
  const about = `(pod: "${pod.metadata.name}_${namespaceOf(pod)}(${pod.metadata.uid})", container: ${container.name})`
  const asked = own.runAsUser ?? shared.runAsUser
  if (asked === 0)
    throw new StartError('CreateContainerConfigError', `container's runAsUser breaks non-root policy ${about}`)
  if (asked !== undefined) return
  const user = image.user.split(':')[0] ?? ''
  if (user === '' || user === 'root' || Number(user) === 0)
    throw new StartError('CreateContainerConfigError', `container has runAsNonRoot and image will run as root ${about}`)
}
