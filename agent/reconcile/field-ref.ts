// field-ref.ts - what a container may know of its own pod, node and resources; pure
import type { Pod } from '../../shared/kinds/object.ts'
import { bytes, milliCpu } from '../../shared/quantity.ts'
import { StartError } from '../runtime/runtime.ts'
import { containersOf, namespaceOf } from './pod-shape.ts'

/** What the node says about itself to its pods. */
export interface NodeIdentity {
  name: string
  /** First address of the device; undefined while it has none. */
  hostIp?: string
  cpus: number
  memoryBytes: number
  diskBytes: number
}

export interface FieldContext {
  pod: Pod
  node: NodeIdentity
  podIp: string | undefined
}

export function fieldValue(fieldPath: string, { pod, node, podIp }: FieldContext): string {
  const keyed = /^metadata\.(labels|annotations)\['(.+)'\]$/.exec(fieldPath)
  if (keyed) return pod.metadata[keyed[1] === 'labels' ? 'labels' : 'annotations']?.[keyed[2] ?? ''] ?? ''
  switch (fieldPath) {
    case 'metadata.name':
      return pod.metadata.name
    case 'metadata.namespace':
      return namespaceOf(pod)
    case 'metadata.uid':
      return pod.metadata.uid
    case 'metadata.labels':
      return mapText(pod.metadata.labels)
    case 'metadata.annotations':
      return mapText(pod.metadata.annotations)
    case 'spec.nodeName':
      return node.name
    case 'spec.serviceAccountName':
      return pod.spec.serviceAccountName ?? 'default'
    case 'status.hostIP':
    case 'status.hostIPs':
      return node.hostIp ?? ''
    case 'status.podIP':
    case 'status.podIPs':
      return podIp ?? ''
    default:
      throw new StartError('CreateContainerConfigError', `unsupported fieldPath: ${fieldPath}`)
  }
}

/** One `key="value"` a line, sorted: the format of the downward API's files. */
const mapText = (map: Readonly<Record<string, string>> = {}) =>
  Object.keys(map)
    .toSorted()
    .map((key) => `${key}=${JSON.stringify(map[key])}`)
    .join('\n')

export interface ResourceRef {
  containerName?: string
  resource: string
  divisor?: string
}

/** Without a limit of its own a container may use the whole node, so that is the answer. */
export function resourceValue(ref: ResourceRef, ownName: string, { pod, node }: FieldContext): string {
  const name = ref.containerName ?? ownName
  const found = containersOf(pod).find((one) => one.name === name)
  if (!found) throw new StartError('CreateContainerConfigError', `container ${name} not found`)
  const [list, ...rest] = ref.resource.split('.')
  const resource = rest.join('.')
  const { limits = {}, requests = {} } = found.spec.resources ?? {}
  const asked = list === 'requests' ? requests[resource] : limits[resource]
  if (resource === 'cpu') {
    const divisorMilli = milliCpu(ref.divisor ?? '1') || 1000
    const milli = asked === undefined ? (list === 'limits' ? node.cpus * 1000 : 0) : milliCpu(asked)
    return String(Math.ceil(milli / divisorMilli))
  }
  const whole = resource === 'memory' ? node.memoryBytes : resource === 'ephemeral-storage' ? node.diskBytes : undefined
  if (whole === undefined) throw new StartError('CreateContainerConfigError', `unsupported resource: ${ref.resource}`)
  const size = asked === undefined ? (list === 'limits' ? whole : 0) : bytes(asked)
  return String(Math.ceil(size / (bytes(ref.divisor ?? '1') || 1)))
}
