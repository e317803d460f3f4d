// docker-identity.ts - the names and labels that make every container of ours recognisable, and reads them back
import type { ContainerIdentity } from './runtime.ts'

const PREFIX = 'holdfast.dev/'
/** Two agents may share one engine, in tests and demos: each sees only what carries its own node's name. */
export const NODE_LABEL = `${PREFIX}node`
/** Where on this device the container's termination message lies, and what stands in for one that is empty. */
export const MESSAGE_FILE_LABEL = `${PREFIX}termination-message`
export const MESSAGE_POLICY_LABEL = `${PREFIX}termination-message-policy`
export const OR_LOGS = 'FallbackToLogsOnError'
const ROLES = ['app', 'init', 'ephemeral', 'sandbox'] as const
/** Upper case, so that no container of a pod can have this name. */
const SANDBOX_NAME = 'POD'
const UID_LENGTH_SHOWN = 8

export function containerLabels(node: string, identity: ContainerIdentity): Record<string, string> {
  return {
    [NODE_LABEL]: node,
    [`${PREFIX}pod-uid`]: identity.podUid,
    [`${PREFIX}namespace`]: identity.namespace,
    [`${PREFIX}pod`]: identity.pod,
    [`${PREFIX}container`]: identity.container,
    [`${PREFIX}role`]: identity.role,
    [`${PREFIX}attempt`]: String(identity.attempt),
    [`${PREFIX}spec-hash`]: identity.specHash,
  }
}

/** undefined: not ours, or no longer readable. */
export function identityFromLabels(
  node: string,
  labels: Readonly<Record<string, string>> | null | undefined,
): ContainerIdentity | undefined {
  const read = (name: string) => labels?.[PREFIX + name]
  const role = ROLES.find((known) => known === read('role'))
  const podUid = read('pod-uid')
  const attempt = Number(read('attempt'))
  if (read('node') !== node || !podUid || !role || !Number.isInteger(attempt)) return undefined
  return {
    podUid,
    namespace: read('namespace') ?? '',
    pod: read('pod') ?? '',
    container: read('container') ?? '',
    role,
    attempt,
    specHash: read('spec-hash') ?? '',
  }
}

export function containerName({ namespace, pod, container, role, podUid, attempt }: ContainerIdentity): string {
  const name = role === 'sandbox' ? SANDBOX_NAME : container
  return ['hf', namespace, pod, name, podUid.slice(0, UID_LENGTH_SHOWN), attempt].join('_')
}

export const labelFilter = (node: string) => `${NODE_LABEL}=${node}`

export const podUidLabel = `${PREFIX}pod-uid`
