// builders.ts - objects with sensible defaults, so that a test names only what it is about
import type {
  Container,
  DaemonSet,
  Deployment,
  Meta,
  NewMeta,
  NewObject,
  Node,
  NodeCondition,
  Pod,
  PodSpec,
  PodTemplateSpec,
  ReplicaSet,
} from '../../shared/kinds/object.ts'

let count = 0
const born = '2026-11-20T12:00:00Z'

export const meta = (name: string, rest: Partial<Meta> = {}): Meta => ({
  name,
  namespace: 'default',
  uid: `uid-${name}-${++count}`,
  resourceVersion: String(count),
  creationTimestamp: born,
  ...rest,
})

const clusterMeta = (name: string, labels: Record<string, string>): Meta => {
  const { namespace: _namespace, ...rest } = meta(name, { labels })
  return rest
}

export const container = (rest: Partial<Container> = {}): Container => ({ name: 'app', image: 'my-image', ...rest })

export const pod = (name: string, spec: Partial<PodSpec> = {}, rest: Partial<Pod> = {}): Pod => ({
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: meta(name),
  spec: { containers: [container()], ...spec },
  ...rest,
})

export const withLabels = <T extends { metadata: Meta }>(object: T, labels: Record<string, string>): T => ({
  ...object,
  metadata: { ...object.metadata, labels: { ...object.metadata.labels, ...labels } },
})

export const requesting = (requests: Record<string, string>): Partial<PodSpec> => ({
  containers: [container({ resources: { requests } })],
})

export interface NodeOptions {
  labels?: Record<string, string>
  allocatable?: Record<string, string>
  spec?: Node['spec']
  ready?: 'True' | 'False' | 'Unknown'
  conditions?: readonly NodeCondition[]
}

export const node = (
  name: string,
  { labels, allocatable, spec = {}, ready = 'True', conditions = [] }: NodeOptions = {},
): Node => ({
  apiVersion: 'v1',
  kind: 'Node',
  metadata: clusterMeta(name, { 'kubernetes.io/hostname': name, 'holdfast.dev/runtime-docker': 'true', ...labels }),
  spec,
  status: {
    allocatable: { cpu: '4', memory: '4Gi', pods: '110', 'ephemeral-storage': '20Gi', ...allocatable },
    conditions: [{ type: 'Ready', status: ready }, ...conditions],
  },
})

export const template = (image = 'my-image:1', spec: Partial<PodSpec> = {}, app = 'web'): PodTemplateSpec => ({
  metadata: { labels: { app } },
  spec: { containers: [container({ image })], ...spec },
})

const fresh = (name: string) => ({ name, namespace: 'default' })

export const deployment = (name: string, spec: Partial<Deployment['spec']> = {}): NewObject<Deployment> => ({
  apiVersion: 'apps/v1',
  kind: 'Deployment',
  metadata: fresh(name),
  spec: {
    replicas: 3,
    selector: { matchLabels: { app: name } },
    template: template(undefined, undefined, name),
    ...spec,
  },
})

export const replicaSet = (name: string, spec: Partial<ReplicaSet['spec']> = {}): NewObject<ReplicaSet> => ({
  apiVersion: 'apps/v1',
  kind: 'ReplicaSet',
  metadata: fresh(name),
  spec: {
    replicas: 3,
    selector: { matchLabels: { app: name } },
    template: template(undefined, undefined, name),
    ...spec,
  },
})

export const daemonSet = (name: string, spec: Partial<DaemonSet['spec']> = {}): NewObject<DaemonSet> => ({
  apiVersion: 'apps/v1',
  kind: 'DaemonSet',
  metadata: fresh(name),
  spec: { selector: { matchLabels: { app: name } }, template: template(undefined, undefined, name), ...spec },
})

/** As the store would give it back. */
export const stored = <O extends { metadata: NewMeta }>(
  object: O,
  rest: Partial<Meta> = {},
): Omit<O, 'metadata'> & { metadata: Meta } => ({
  ...object,
  metadata: meta(object.metadata.name ?? 'unnamed', { ...object.metadata, ...rest }),
})

export const ready = (given: Pod, nodeName = 'node-1', since = born): Pod => ({
  ...given,
  spec: { ...given.spec, nodeName },
  status: {
    phase: 'Running',
    conditions: [
      { type: 'PodScheduled', status: 'True' },
      { type: 'Ready', status: 'True', lastTransitionTime: since },
    ],
  },
})

/** As a user writes it: the store has not seen it yet. */
export const newPod = (name: string, spec: Partial<PodSpec> = {}): NewObject<Pod> => ({
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: fresh(name),
  spec: { containers: [container()], ...spec },
})
