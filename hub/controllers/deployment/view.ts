// view.ts - a Deployment with its ReplicaSets as they are now: what every decision about it is made from
import { SINGLETON } from '../../../shared/disconnect-policy.ts'
import { canonicalJson, withoutEmpty } from '../../../shared/hash.ts'
import type { Deployment, PodTemplateSpec, ReplicaSet } from '../../../shared/kinds/object.ts'
import { rollingBounds, type RollingBounds } from '../int-or-percent.ts'

export const TEMPLATE_HASH_LABEL = 'pod-template-hash'

/** Counted from the pods themselves, so that a scaling that is not yet carried out is never counted twice. */
export interface SetView {
  set: ReplicaSet
  /** spec.replicas: how many it is told to have. */
  wanted: number
  active: number
  ready: number
  available: number
  /** Not available, on devices that are away, and not to be moved from there: nobody waits for these. */
  away: number
}

export interface DeploymentView {
  deployment: Deployment
  desired: number
  newest: SetView | undefined
  /** Oldest first. */
  old: readonly SetView[]
  /** Recreate waits for these: pods of old ReplicaSets that may still run. */
  oldPodsRunning: number
}

export function deploymentView(
  deployment: Deployment,
  sets: readonly SetView[],
  oldPodsRunningOf: (old: readonly SetView[]) => number,
): DeploymentView {
  const byAge = sets.toSorted((a, b) => compareAge(a.set, b.set))
  const wantedTemplate = comparable(deployment.spec.template)
  // The oldest of several equal ones, as upstream: all readers must choose the same.
  const newest = byAge.find(({ set }) => comparable(set.spec.template) === wantedTemplate)
  const old = byAge.filter((view) => view !== newest)
  return { deployment, desired: deployment.spec.replicas ?? 1, newest, old, oldPodsRunning: oldPodsRunningOf(old) }
}

const compareAge = (a: ReplicaSet, b: ReplicaSet): number => {
  const [olderA, olderB] = [a.metadata.creationTimestamp, b.metadata.creationTimestamp]
  if (olderA !== olderB) return olderA < olderB ? -1 : 1
  return a.metadata.name < b.metadata.name ? -1 : 1
}

/** Templates are never changed in place, and comparing them is the costliest part of a reconcile. */
const comparables = new WeakMap<PodTemplateSpec, string>()

function comparable(template: PodTemplateSpec | undefined): string {
  if (!template) return ''
  const known = comparables.get(template)
  if (known !== undefined) return known
  const { [TEMPLATE_HASH_LABEL]: _hash, ...labels } = template.metadata?.labels ?? {}
  const text = canonicalJson(withoutEmpty({ ...template, metadata: { ...template.metadata, labels } }))
  comparables.set(template, text)
  return text
}

export const isRolling = (deployment: Deployment): boolean => deployment.spec.strategy?.type !== 'Recreate'

/** Upstream's numbers: nothing may surge with Recreate, and no more can be unavailable than there are. */
export function boundsOf({ deployment, desired }: Pick<DeploymentView, 'deployment' | 'desired'>): RollingBounds {
  if (!isRolling(deployment)) return { maxSurge: 0, maxUnavailable: 0 }
  const { maxSurge, maxUnavailable } = deployment.spec.strategy?.rollingUpdate ?? {}
  // What may run only once never runs twice for a rollout either: the old one goes first.
  if (deployment.spec.template.metadata?.annotations?.[SINGLETON] === 'true') {
    const { maxUnavailable: unavailable } = rollingBounds(0, maxUnavailable ?? '25%', desired)
    return { maxSurge: 0, maxUnavailable: Math.min(Math.max(1, unavailable), desired) }
  }
  const bounds = rollingBounds(maxSurge ?? '25%', maxUnavailable ?? '25%', desired)
  return { maxSurge: bounds.maxSurge, maxUnavailable: Math.min(bounds.maxUnavailable, desired) }
}

export const allSets = ({ old, newest }: DeploymentView): readonly SetView[] => (newest ? [...old, newest] : old)
export const isInUse = ({ wanted }: SetView): boolean => wanted > 0
export const sum = (views: readonly SetView[], count: (view: SetView) => number): number =>
  views.reduce((total, view) => total + count(view), 0)
