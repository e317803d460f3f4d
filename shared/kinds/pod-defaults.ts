// pod-defaults.ts - what the API server fills into a pod's spec; clients rely on every one, so they are upstream's to the letter
import type { Container, PodSpec, Probe, Volume } from './object.ts'

/** 0644: the mode of files made from ConfigMaps, Secrets and the like. */
const FILE_MODE = 0o644
const TOKEN_EXPIRATION_SECONDS = 3_600

/** Changes its argument. */
export function setPodSpecDefaults(spec: PodSpec): void {
  spec.containers ??= []
  spec.restartPolicy ??= 'Always'
  spec.dnsPolicy ??= 'ClusterFirst'
  spec.schedulerName ??= 'default-scheduler'
  spec.terminationGracePeriodSeconds ??= 30
  spec.securityContext ??= {}
  if (spec.serviceAccount && !spec.serviceAccountName) spec.serviceAccountName = spec.serviceAccount
  if (spec.serviceAccountName) spec.serviceAccount = spec.serviceAccountName
  for (const container of allContainers(spec)) setContainerDefaults(container, spec.hostNetwork === true)
  for (const volume of spec.volumes ?? []) setVolumeDefaults(volume)
  for (const constraint of spec.topologySpreadConstraints ?? []) {
    constraint.nodeAffinityPolicy ??= 'Honor'
    constraint.nodeTaintsPolicy ??= 'Ignore'
  }
}

/** Ephemeral containers are containers with a few fields that mean nothing to them. */
export const allContainers = (spec: PodSpec | undefined): Container[] => [
  ...(spec?.initContainers ?? []),
  ...(spec?.containers ?? []),
  ...(spec?.ephemeralContainers ?? []),
]

function setContainerDefaults(container: Container, isHostNetwork: boolean): void {
  container.imagePullPolicy ??= isLatest(container.image) ? 'Always' : 'IfNotPresent'
  container.terminationMessagePath ??= '/dev/termination-log'
  container.terminationMessagePolicy ??= 'File'
  container.resources ??= {}
  setResourceDefaults(container)
  for (const port of container.ports ?? []) {
    port.protocol ??= 'TCP'
    if (isHostNetwork && !port.hostPort) port.hostPort = port.containerPort
  }
  for (const { valueFrom } of container.env ?? []) if (valueFrom?.fieldRef) valueFrom.fieldRef.apiVersion ??= 'v1'
  for (const probe of [container.livenessProbe, container.readinessProbe, container.startupProbe])
    setProbeDefaults(probe)
  for (const hook of [container.lifecycle?.postStart, container.lifecycle?.preStop]) setHttpDefaults(hook?.httpGet)
}

/** "web", "web:latest" and "host:5000/web" are what is newest; a digest or another tag is not. */
function isLatest(image = ''): boolean {
  if (image.includes('@')) return false
  const tag = image.slice(image.lastIndexOf('/') + 1).split(':')[1]
  return tag === undefined || tag === 'latest'
}

/** Who limits a resource and asks for nothing asks for the limit. */
function setResourceDefaults(container: Container): void {
  const { resources } = container
  if (!resources?.limits) return
  resources.requests = { ...resources.limits, ...resources.requests }
}

function setProbeDefaults(probe: Probe | undefined): void {
  if (!probe) return
  probe.timeoutSeconds ||= 1
  probe.periodSeconds ||= 10
  probe.successThreshold ||= 1
  probe.failureThreshold ||= 3
  setHttpDefaults(probe.httpGet)
  if (probe.grpc) probe.grpc.service ??= ''
}

function setHttpDefaults(httpGet: { path?: string; scheme?: string } | undefined): void {
  if (!httpGet) return
  httpGet.path ||= '/'
  httpGet.scheme ||= 'HTTP'
}

const SOURCES = ['configMap', 'secret', 'downwardAPI', 'projected'] as const

function setVolumeDefaults(volume: Volume): void {
  const sources = Object.keys(volume).filter((key) => key !== 'name')
  if (sources.length === 0) volume.emptyDir = {}
  if (volume.hostPath) volume.hostPath.type ??= ''
  for (const name of SOURCES) {
    const source = volume[name]
    if (source) source.defaultMode ??= FILE_MODE
  }
  for (const item of volume.downwardAPI?.items ?? []) if (item.fieldRef) item.fieldRef.apiVersion ??= 'v1'
  for (const source of volume.projected?.sources ?? []) {
    for (const item of source.downwardAPI?.items ?? []) if (item.fieldRef) item.fieldRef.apiVersion ??= 'v1'
    if (source.serviceAccountToken) source.serviceAccountToken.expirationSeconds ??= TOKEN_EXPIRATION_SECONDS
  }
  if (volume.ephemeral?.volumeClaimTemplate) volume.ephemeral.volumeClaimTemplate.spec.volumeMode ??= 'Filesystem'
  if (volume.iscsi) volume.iscsi.iscsiInterface ??= 'default'
  if (volume.azureDisk) setAzureDefaults(volume.azureDisk)
  if (volume.rbd) {
    volume.rbd.pool ??= 'rbd'
    volume.rbd.user ??= 'admin'
    volume.rbd.keyring ??= '/etc/ceph/keyring'
  }
}

function setAzureDefaults(disk: NonNullable<Volume['azureDisk']>): void {
  disk.cachingMode ??= 'ReadWrite'
  disk.kind ??= 'Shared'
  disk.fsType ??= 'ext4'
  disk.readOnly ??= false
}
