// default-tolerations.ts - how long a pod stays on a node that is not ready or cannot be reached, where its manifest does not say
import type { PodSpec, Toleration } from '../../shared/kinds/object.ts'

export const NOT_READY = 'node.kubernetes.io/not-ready'
export const UNREACHABLE = 'node.kubernetes.io/unreachable'

/** Upstream waits 300 s; a shop wants its till back sooner, and a blink of a mobile link is shorter than this. */
export const TOLERATION_SECONDS_DEFAULT = 60

const matches = (toleration: Toleration, key: string) =>
  (!toleration.key || toleration.key === key) && (!toleration.effect || toleration.effect === 'NoExecute')

/** Upstream's admission plugin DefaultTolerationSeconds: what the pod says itself always wins. */
export function withDefaultTolerations<P extends { spec: PodSpec }>(pod: P, seconds: number): P {
  const current = pod.spec.tolerations ?? []
  const missing = [NOT_READY, UNREACHABLE].filter((key) => !current.some((toleration) => matches(toleration, key)))
  if (missing.length === 0) return pod
  const added = missing.map((key): Toleration => ({
    key,
    operator: 'Exists',
    effect: 'NoExecute',
    tolerationSeconds: seconds,
  }))
  return { ...pod, spec: { ...pod.spec, tolerations: [...current, ...added] } }
}

/** What upstream lets the pods of a DaemonSet stay through; pressure and cordons stop other pods only. */
const DAEMON_NO_SCHEDULE = [
  'node.kubernetes.io/disk-pressure',
  'node.kubernetes.io/memory-pressure',
  'node.kubernetes.io/pid-pressure',
  'node.kubernetes.io/unschedulable',
]

/**
 * Offline is normal here: a device that is away keeps its daemon pods and gets new ones bound to it, which it runs when
 * it is back. Upstream tolerates only NoExecute for the first two keys and so forgets nodes that are away.
 */
export function withDaemonTolerations(spec: PodSpec): PodSpec {
  const automatic: Toleration[] = [NOT_READY, UNREACHABLE].flatMap((key) => [
    { key, operator: 'Exists', effect: 'NoExecute' },
    { key, operator: 'Exists', effect: 'NoSchedule' },
  ])
  const noSchedule = spec.hostNetwork
    ? [...DAEMON_NO_SCHEDULE, 'node.kubernetes.io/network-unavailable']
    : DAEMON_NO_SCHEDULE
  for (const key of noSchedule) automatic.push({ key, operator: 'Exists', effect: 'NoSchedule' })
  const isSame = (a: Toleration, b: Toleration) => a.key === b.key && a.effect === b.effect && a.operator === b.operator
  const kept = (spec.tolerations ?? []).filter((own) => !automatic.some((other) => isSame(own, other)))
  return { ...spec, tolerations: [...kept, ...automatic] }
}
