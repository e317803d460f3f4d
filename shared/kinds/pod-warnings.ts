// pod-warnings.ts - names each field of a pod that we accept and do not act on yet
import type { Container, PodSpec, Volume, VolumeMount } from './object.ts'

/** Fields that clients send and that the types, of an older version, do not know. */
type Newer<Name extends string> = { [name in Name]?: unknown }

type Spec = PodSpec & Newer<'hostnameOverride' | 'resources'>
const IGNORED_SPEC: readonly (keyof Spec)[] = [
  'automountServiceAccountToken',
  'hostnameOverride',
  'priorityClassName',
  'preemptionPolicy',
  'readinessGates',
  'resourceClaims',
  'resources',
  'schedulerName',
  'setHostnameAsFQDN',
  'shareProcessNamespace',
  'subdomain',
]
type PodSecurity = NonNullable<PodSpec['securityContext']> & Newer<'seLinuxChangePolicy' | 'supplementalGroupsPolicy'>
const IGNORED_POD_SECURITY: readonly (keyof PodSecurity)[] = [
  'fsGroupChangePolicy',
  'seLinuxOptions',
  'seLinuxChangePolicy',
  'seccompProfile',
  'appArmorProfile',
  'supplementalGroupsPolicy',
  'sysctls',
  'windowsOptions',
]
const IGNORED_CONTAINER_SECURITY = [
  'procMount',
  'seLinuxOptions',
  'seccompProfile',
  'appArmorProfile',
  'windowsOptions',
] as const
const IGNORED_CONTAINER: readonly (keyof Container)[] = ['resizePolicy', 'volumeDevices']
type Lifecycle = NonNullable<Container['lifecycle']> & Newer<'stopSignal'>
const IGNORED_LIFECYCLE: readonly (keyof Lifecycle)[] = ['stopSignal']
type Mount = VolumeMount & Newer<'recursiveReadOnly'>
const IGNORED_MOUNT: readonly (keyof Mount)[] = ['mountPropagation', 'recursiveReadOnly']
const IGNORED_PROJECTIONS = ['clusterTrustBundle', 'serviceAccountToken'] as const
const IGNORED_LIMITS = /^(ephemeral-storage$|hugepages-)/
const VOLUMES = ['emptyDir', 'hostPath', 'configMap', 'secret', 'projected', 'downwardAPI']
/** What a field says when nobody asked for anything, or asked for what is done anyway. */
const AS_IT_IS: Readonly<Record<string, unknown>> = {
  mountPropagation: 'None',
  recursiveReadOnly: 'Disabled',
  schedulerName: 'default-scheduler',
  supplementalGroupsPolicy: 'Merge',
}
const PROCESS = 'process'
/** A manifest with a thousand of them says enough with the first. */
const WARNINGS_MAX = 20

export function podSpecWarnings(spec: PodSpec | undefined, at: string): string[] {
  if (!spec) return []
  return warningsOf([
    ...podFields(spec, at),
    ...(['initContainers', 'containers'] as const).flatMap((list) =>
      (spec[list] ?? []).flatMap((container, index) => containerFields(container, spec, `${at}.${list}[${index}]`)),
    ),
  ])
}

/** They come one by one into a pod that is there, and only the new one is talked about. */
export function ephemeralContainerWarnings(spec: PodSpec, old: PodSpec, at: string): string[] {
  const known = new Set(old.ephemeralContainers?.map(({ name }) => name))
  return warningsOf(
    (spec.ephemeralContainers ?? []).flatMap((container, index) =>
      known.has(container.name) ? [] : containerFields(container, spec, `${at}.ephemeralContainers[${index}]`),
    ),
  )
}

const warningsOf = (fields: readonly string[]): string[] =>
  fields.slice(0, WARNINGS_MAX).map((field) => `${field} is accepted, but Holdfast does not act on it yet`)

/** Empty and false say nothing, so nothing is ignored. */
function present<T extends object>(object: T | undefined, fields: readonly (keyof T & string)[], at: string): string[] {
  if (!object) return []
  return fields.filter((field) => says(object[field], AS_IT_IS[field])).map((field) => `${at}.${field}`)
}

function says(value: unknown, asItIs: unknown): boolean {
  if (value === undefined || value === null || value === false || value === '') return false
  return typeof value === 'object' ? Object.keys(value).length > 0 : value !== asItIs
}

const isProcess = ({ runtimeClassName }: PodSpec): boolean => runtimeClassName === PROCESS

const podFields = (spec: Spec, at: string): string[] => [
  ...present(spec, IGNORED_SPEC, at),
  // Of this one, it is the "no" that asks for something.
  ...(spec.hostUsers === false ? [`${at}.hostUsers`] : []),
  ...(spec.dnsPolicy === 'None' ? [`${at}.dnsPolicy`] : []),
  ...(spec.runtimeClassName && !isProcess(spec) ? [`${at}.runtimeClassName`] : []),
  ...present<PodSecurity>(spec.securityContext, IGNORED_POD_SECURITY, `${at}.securityContext`),
  ...(spec.volumes ?? []).flatMap((volume, index) => volumeFields(volume, spec, `${at}.volumes[${index}]`)),
]

const volumeFields = (volume: Volume, spec: PodSpec, at: string): string[] => [
  ...Object.keys(volume)
    .filter((source) => source !== 'name' && !VOLUMES.includes(source))
    .map((source) => `${at}.${source}`),
  ...(volume.emptyDir?.medium && volume.emptyDir.medium !== 'Memory' ? [`${at}.emptyDir.medium`] : []),
  ...(volume.emptyDir?.sizeLimit && !isLimited(volume, spec) ? [`${at}.emptyDir.sizeLimit`] : []),
  ...(volume.projected?.sources ?? []).flatMap((source, index) =>
    present(source, IGNORED_PROJECTIONS, `${at}.projected.sources[${index}]`),
  ),
]

/** In memory and of one container the kernel keeps the limit: the device mounts a tmpfs of that size. */
function isLimited({ name, emptyDir }: Volume, spec: PodSpec): boolean {
  const users = [...(spec.initContainers ?? []), ...spec.containers].filter(({ volumeMounts }) =>
    volumeMounts?.some((mount) => mount.name === name),
  )
  return emptyDir?.medium === 'Memory' && users.length === 1 && !isProcess(spec)
}

function containerFields(container: Container, spec: PodSpec, at: string): string[] {
  const { lifecycle, ports = [], resources, securityContext, volumeMounts = [] } = container
  const probes = (['livenessProbe', 'readinessProbe', 'startupProbe'] as const).filter((name) => container[name]?.grpc)
  const limits = Object.keys(resources?.limits ?? {}).filter((name) => IGNORED_LIMITS.test(name))
  return [
    ...present(container, IGNORED_CONTAINER, at),
    ...present(securityContext, IGNORED_CONTAINER_SECURITY, `${at}.securityContext`),
    ...present<Lifecycle>(lifecycle, IGNORED_LIFECYCLE, `${at}.lifecycle`),
    ...volumeMounts.flatMap((mount: Mount, index) => present(mount, IGNORED_MOUNT, `${at}.volumeMounts[${index}]`)),
    ...ports.flatMap(({ hostPort, protocol }, index) =>
      hostPort && protocol === 'SCTP' && !usesHostNetwork(spec) ? [`${at}.ports[${index}].hostPort`] : [],
    ),
    ...probes.map((name) => `${at}.${name}.grpc`),
    ...limits.map((name) => `${at}.resources.limits[${name}]`),
    ...(resources?.claims?.length ? [`${at}.resources.claims`] : []),
  ]
}

/** There every port is one of the host's already. */
const usesHostNetwork = (spec: PodSpec): boolean => spec.hostNetwork === true || isProcess(spec)
