// annotations.ts - the annotations by which a Deployment and its ReplicaSets remember revisions and sizes
import type { Deployment, ReplicaSet } from '../../../shared/kinds/object.ts'
import { ROLLOUT_ANNOTATION } from '../../../shared/last-known.ts'

export const REVISION = 'deployment.kubernetes.io/revision'
const REVISION_HISTORY = 'deployment.kubernetes.io/revision-history'
const DESIRED_REPLICAS = 'deployment.kubernetes.io/desired-replicas'
const MAX_REPLICAS = 'deployment.kubernetes.io/max-replicas'

/** An annotation that grows with every undo needs an end; upstream's. */
const REVISION_HISTORY_CHARS_MAX = 2_000

/** Everything else a Deployment is annotated with, the change cause above all, is copied to its newest ReplicaSet. */
const NOT_COPIED = new Set([
  'kubectl.kubernetes.io/last-applied-configuration',
  'deprecated.deployment.rollback.to',
  REVISION,
  REVISION_HISTORY,
  DESIRED_REPLICAS,
  MAX_REPLICAS,
  ROLLOUT_ANNOTATION,
])

type Annotations = Readonly<Record<string, string>>

const numberIn = (annotations: Annotations | undefined, key: string): number | undefined => {
  const value = Number.parseInt(annotations?.[key] ?? '', 10)
  return Number.isNaN(value) ? undefined : value
}

export const revisionOf = (object: ReplicaSet | Deployment): number =>
  numberIn(object.metadata.annotations, REVISION) ?? 0
export const desiredReplicasOf = (set: ReplicaSet) => numberIn(set.metadata.annotations, DESIRED_REPLICAS)
export const maxReplicasOf = (set: ReplicaSet) => numberIn(set.metadata.annotations, MAX_REPLICAS)

export const sizeAnnotations = (desired: number, maxSurge: number): Annotations => ({
  [DESIRED_REPLICAS]: String(desired),
  [MAX_REPLICAS]: String(desired + maxSurge),
})

const copied = (deployment: Deployment): Annotations =>
  Object.fromEntries(Object.entries(deployment.metadata.annotations ?? {}).filter(([key]) => !NOT_COPIED.has(key)))

/** What the newest ReplicaSet should say. An old one that became the newest again keeps its former numbers as history. */
export function newestAnnotations(deployment: Deployment, set: ReplicaSet | undefined, revision: number): Annotations {
  const current = set?.metadata.annotations ?? {}
  const next = { ...current, ...copied(deployment) }
  const before = numberIn(current, REVISION)
  if (before !== undefined && before >= revision) return next
  if (before === undefined) return { ...next, [REVISION]: String(revision) }
  return { ...next, [REVISION_HISTORY]: withHistory(current[REVISION_HISTORY], before), [REVISION]: String(revision) }
}

function withHistory(history: string | undefined, revision: number): string {
  const entries = [...(history ? history.split(',') : []), String(revision)]
  while (entries.length > 1 && entries.join(',').length > REVISION_HISTORY_CHARS_MAX) entries.shift()
  return entries.join(',')
}
