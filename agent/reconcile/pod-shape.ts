// pod-shape.ts - what a pod's spec says about its containers: roles, order, who shares a network, how long to wait
import type { Container, Pod } from '../../shared/kinds/object.ts'
import type { RuntimeName } from '../runtime/runtime.ts'

export type Role = 'app' | 'init' | 'ephemeral'

export interface PodContainer {
  name: string
  role: Role
  /** An init container with restartPolicy Always: starts in order, then runs beside the others until after them. */
  isSidecar: boolean
  /** Name of the container whose processes an ephemeral one sees. */
  target?: string
  spec: Container
}

/** Upstream's default. */
const GRACE_SECONDS = 30

export function containersOf(pod: Pod): PodContainer[] {
  const { initContainers = [], containers, ephemeralContainers = [] } = pod.spec
  return [
    ...initContainers.map((spec) => shape(spec, 'init', spec.restartPolicy === 'Always')),
    ...containers.map((spec) => shape(spec, 'app', false)),
    ...ephemeralContainers.map((spec) => ({
      ...shape(spec, 'ephemeral', false),
      ...(spec.targetContainerName && { target: spec.targetContainerName }),
    })),
  ]
}

const shape = (spec: Container, role: Role, isSidecar: boolean): PodContainer => ({
  name: spec.name,
  role,
  isSidecar,
  spec,
})

export type RestartPolicy = 'Always' | 'OnFailure' | 'Never'

export function restartPolicyOf(pod: Pod, container: PodContainer): RestartPolicy {
  if (container.isSidecar) return 'Always'
  if (container.role === 'ephemeral') return 'Never'
  const policy = pod.spec.restartPolicy
  if (policy === 'Never' || policy === 'OnFailure') return policy
  // Of an init container "Always" can only mean: until it has done its work.
  return container.role === 'init' ? 'OnFailure' : 'Always'
}

export const runtimeOf = (pod: Pod): RuntimeName => (pod.spec.runtimeClassName === 'process' ? 'process' : 'docker')

/** Plain processes have no network of their own. */
export const usesHostNetwork = (pod: Pod): boolean => pod.spec.hostNetwork === true || runtimeOf(pod) === 'process'

/**
 * A pod whose only lasting container can own the network itself needs no sandbox: one process less a pod. Whoever wants
 * to know the pod's address before it starts does need one.
 */
export function needsSandbox(pod: Pod): boolean {
  if (usesHostNetwork(pod)) return false
  const lasting = containersOf(pod).filter((container) => container.role === 'app' || container.isSidecar)
  return lasting.length > 1 || containersOf(pod).some(asksForPodIp)
}

const asksForPodIp = ({ spec }: PodContainer) =>
  (spec.env ?? []).some(({ valueFrom }) => valueFrom?.fieldRef?.fieldPath?.startsWith('status.podIP'))

export const graceMsOf = (pod: Pod): number =>
  1000 * (pod.metadata.deletionGracePeriodSeconds ?? pod.spec.terminationGracePeriodSeconds ?? GRACE_SECONDS)

export const podKeyOf = (pod: Pod): string => `${pod.metadata.namespace ?? 'default'}/${pod.metadata.name}`
export const namespaceOf = (pod: Pod): string => pod.metadata.namespace ?? 'default'

export const hasPostStart = ({ spec }: PodContainer): boolean => spec.lifecycle?.postStart !== undefined

/** How upstream names the container in an event's field path. */
export const fieldPathOf = ({ role, name }: PodContainer): string =>
  role === 'app'
    ? `spec.containers{${name}}`
    : role === 'init'
      ? `spec.initContainers{${name}}`
      : `spec.ephemeralContainers{${name}}`
