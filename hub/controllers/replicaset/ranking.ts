// ranking.ts - which pods of a ReplicaSet go first when there are too many, in upstream's order
import type { Pod } from '../../../shared/kinds/object.ts'
import { isReady, readySince } from '../pod-state.ts'

const DELETION_COST = 'controller.kubernetes.io/pod-deletion-cost'

const PHASE_ORDER: Readonly<Record<string, number>> = { Pending: 0, Unknown: 1, Running: 2 }

interface Ranked {
  pod: Pod
  /** Smaller goes first, compared place by place. */
  rank: readonly number[]
}

const deletionCost = (pod: Pod) => Number.parseInt(pod.metadata.annotations?.[DELETION_COST] ?? '0', 10) || 0
const restarts = (pod: Pod) =>
  (pod.status?.containerStatuses ?? []).reduce((most, status) => Math.max(most, status.restartCount), 0)
/** Younger goes first: what has run for long is known to work. No time counts as just now. */
const youngerFirst = (time: string | undefined) => -(time ? Date.parse(time) : Number.MAX_SAFE_INTEGER)

function rank(pod: Pod, podsOnNode: number): readonly number[] {
  const ready = isReady(pod)
  return [
    pod.spec.nodeName ? 1 : 0,
    PHASE_ORDER[pod.status?.phase ?? 'Pending'] ?? 0,
    ready ? 1 : 0,
    deletionCost(pod),
    -podsOnNode,
    ready ? youngerFirst(readySince(pod)) : 0,
    -restarts(pod),
    youngerFirst(pod.metadata.creationTimestamp),
  ]
}

const compare = (a: Ranked, b: Ranked): number => {
  for (const [place, value] of a.rank.entries()) {
    const difference = value - (b.rank[place] ?? 0)
    if (difference !== 0) return difference
  }
  return a.pod.metadata.name < b.pod.metadata.name ? -1 : 1
}

/** `related` are the active pods of all ReplicaSets with the same owner: nodes that hold many of them give some up first. */
export function deletionOrder(pods: readonly Pod[], related: readonly Pod[]): Pod[] {
  const perNode = new Map<string, number>()
  for (const { spec } of related) if (spec.nodeName) perNode.set(spec.nodeName, (perNode.get(spec.nodeName) ?? 0) + 1)
  return pods
    .map((pod): Ranked => ({ pod, rank: rank(pod, perNode.get(pod.spec.nodeName ?? '') ?? 0) }))
    .toSorted(compare)
    .map(({ pod }) => pod)
}
