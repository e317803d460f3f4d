// proportional.ts - scaling in the middle of a rollout or while paused: all ReplicaSets grow and shrink by their share
import { desiredReplicasOf, maxReplicasOf } from './annotations.ts'
import type { Scaling } from './rolling.ts'
import { allSets, boundsOf, isInUse, isRolling, sum, type DeploymentView, type SetView } from './view.ts'

/** Somebody changed spec.replicas since the ReplicaSets were last sized. */
export const isScalingEvent = (view: DeploymentView): boolean =>
  allSets(view).some((set) => isInUse(set) && (desiredReplicasOf(set.set) ?? view.desired) !== view.desired)

export function planScaling(view: DeploymentView): Scaling[] {
  const inUse = allSets(view).filter(isInUse)
  if (inUse.length <= 1) return scaleOne(view, inUse[0] ?? view.newest ?? view.old.at(-1))
  const { newest, desired } = view
  if (newest && isSaturated(newest, desired)) return view.old.filter(isInUse).map((old) => ({ view: old, to: 0 }))
  return isRolling(view.deployment) ? share(view, inUse) : []
}

/** Also when the size is right: its annotations then learn of the new desired number. */
const scaleOne = ({ desired }: DeploymentView, set: SetView | undefined): Scaling[] =>
  set ? [{ view: set, to: desired }] : []

const isSaturated = ({ set, wanted, available }: SetView, desired: number) =>
  wanted === desired && desiredReplicasOf(set) === desired && available >= desired

function share(view: DeploymentView, inUse: readonly SetView[]): Scaling[] {
  const allowed = view.desired > 0 ? view.desired + boundsOf(view).maxSurge : 0
  const toAdd = allowed - sum(inUse, ({ wanted }) => wanted)
  const ordered = bySize(inUse, toAdd > 0)
  let added = 0
  const sizes = ordered.map((set) => {
    const part = partOf(view, set, toAdd, added)
    added += part
    return { view: set, to: set.wanted + part }
  })
  // Rounding leaves something over: the largest takes it.
  return sizes.map(({ view: set, to }, place) => ({
    view: set,
    to: Math.max(0, place === 0 ? to + toAdd - added : to),
  }))
}

/** Largest first; among equals the newer grows first and the older shrinks first. Sets come in oldest first. */
function bySize(sets: readonly SetView[], newerFirst: boolean): SetView[] {
  const ordered = newerFirst ? sets.toReversed() : [...sets]
  return ordered.toSorted((a, b) => b.wanted - a.wanted)
}

function partOf(view: DeploymentView, set: SetView, toAdd: number, added: number): number {
  const left = toAdd - added
  if (set.wanted === 0 || left === 0) return 0
  const fraction = fractionOf(view, set)
  return toAdd > 0 ? Math.min(fraction, left) : Math.max(fraction, left)
}

function fractionOf(view: DeploymentView, { set, wanted }: SetView): number {
  if (view.desired === 0) return -wanted
  const before = maxReplicasOf(set) ?? view.deployment.status?.replicas ?? 0
  if (before <= 0) return 0
  return Math.round((wanted * (view.desired + boundsOf(view).maxSurge)) / before) - wanted
}
