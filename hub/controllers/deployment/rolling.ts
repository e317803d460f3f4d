// rolling.ts - the next scalings of a rolling update, or of Recreate: upstream's rules, on the pods as they are
import { allSets, boundsOf, isInUse, isRolling, sum, type DeploymentView, type SetView } from './view.ts'

export interface Scaling {
  view: SetView
  to: number
}

/** At most one direction a time, as upstream: up first, and what there is to take down shows when that has happened. */
export function planRollout(view: DeploymentView): Scaling[] {
  if (!isRolling(view.deployment)) return planRecreate(view)
  const up = planNewest(view)
  return up.length > 0 ? up : planOld(view)
}

function planRecreate(view: DeploymentView): Scaling[] {
  const running = view.old.filter(isInUse)
  if (running.length > 0) return running.map((old) => ({ view: old, to: 0 }))
  return view.oldPodsRunning > 0 ? [] : planNewest(view)
}

function planNewest(view: DeploymentView): Scaling[] {
  const { newest, desired } = view
  if (!newest || newest.wanted === desired) return []
  const to = newest.wanted > desired ? desired : newestSize(view, newest.wanted)
  return to === newest.wanted ? [] : [{ view: newest, to }]
}

/** How large the newest ReplicaSet may be now. A pod that was told to go and is still there takes its room until it is gone. */
export function newestSize(view: DeploymentView, wanted: number): number {
  if (!isRolling(view.deployment)) return view.desired
  const room = view.desired + boundsOf(view).maxSurge - sum(allSets(view), (set) => Math.max(set.wanted, set.active))
  return room <= 0 ? wanted : wanted + Math.min(room, view.desired - wanted)
}

/**
 * New pods on devices that are away could hold the rollout for as long as those stay away: it goes on among the others,
 * with the bounds of a Deployment that has only these.
 */
function planOld(view: DeploymentView): Scaling[] {
  const { newest, old, deployment } = view
  const away = newest?.away ?? 0
  const desired = Math.max(0, view.desired - away)
  const minAvailable = desired - boundsOf({ deployment, desired }).maxUnavailable
  const newestUnavailable = newest ? newest.wanted - newest.available - away : 0
  const spare = sum(allSets(view), (set) => set.wanted) - away - minAvailable - newestUnavailable
  if (spare <= 0) return []
  const sizes = new Map(old.map((set) => [set, set.wanted]))
  takeUnhealthy(sizes, spare)
  takeHealthy(sizes, sum(allSets(view), (set) => set.available) - minAvailable)
  return [...sizes].filter(([set, to]) => to !== set.wanted).map(([set, to]) => ({ view: set, to }))
}

/** Old pods that are not available serve nobody: they go first, and nothing has to wait for them. */
function takeUnhealthy(sizes: Map<SetView, number>, spare: number): void {
  let left = spare
  for (const [set, wanted] of sizes) {
    const taken = Math.max(0, Math.min(left, wanted - set.available))
    sizes.set(set, wanted - taken)
    left -= taken
  }
}

function takeHealthy(sizes: Map<SetView, number>, spare: number): void {
  let left = spare
  for (const [set, wanted] of sizes) {
    if (left <= 0) return
    const taken = Math.min(wanted, left)
    sizes.set(set, wanted - taken)
    left -= taken
  }
}
