// status.ts - the numbers of a DaemonSet, counted node by node
import type { DaemonSetStatus, Pod } from '../../../shared/kinds/object.ts'
import { isActive, isReady } from '../pod-state.ts'
import { nonZero } from '../non-zero.ts'
import { progressOf, rolloutOf, withRollout, type Progress, type Rollout } from '../rollout.ts'
import { isCurrent, reachable, type DaemonView, type NodeView } from './view.ts'

/**
 * Devices that are away are left out of the numbers, as upstream leaves out nodes with its taint for unreachable ones:
 * `kubectl rollout status` waits for all that are counted. The condition tells of the others.
 */
export function daemonSetStatus(view: DaemonView, collisionCount: number, now: string): DaemonSetStatus {
  const { daemonSet, nodes } = view
  const wanted = reachable(view)
  const held = daemonSet.spec.updateStrategy?.type === 'OnDelete' ? { held: 'OnDelete' } : {}
  const onNode = (test: (pod: Pod) => boolean) => (node: NodeView) => countedOn(view, node).some(test)
  const available = wanted.filter(onNode((pod) => isReady(pod) && view.judge(pod) === 'available')).length
  return {
    currentNumberScheduled: wanted.filter(onNode(() => true)).length,
    desiredNumberScheduled: wanted.length,
    numberMisscheduled: nodes.filter((node) => !node.wanted.run && !node.offline && node.pods.some(isActive)).length,
    numberReady: wanted.filter(onNode(isReady)).length,
    ...(daemonSet.metadata.generation !== undefined && { observedGeneration: daemonSet.metadata.generation }),
    ...nonZero({
      numberAvailable: available,
      numberUnavailable: wanted.length - available,
      updatedNumberScheduled: wanted.filter(onNode((pod) => isCurrent(view, pod))).length,
      collisionCount,
    }),
    conditions: withRollout(daemonSet.status?.conditions ?? [], daemonRollout(view), { now, ...held }),
  }
}

/** What became of the newest template on each device, also on those that are away. */
export function daemonRollout(view: DaemonView): Rollout {
  const wanted = view.nodes.filter((node) => node.wanted.run)
  return rolloutOf(
    wanted.flatMap((node) => progressOn(view, node)),
    wanted.length,
  )
}

function progressOn(view: DaemonView, { pods, offline }: NodeView): Progress[] {
  const current = pods.find((pod) => isActive(pod) && isCurrent(view, pod))
  if (current) return [progressOf(current, { isAway: offline, isAvailable: view.judge(current) === 'available' })]
  return offline ? ['queued'] : []
}

/**
 * One pod a node. The old one of two counts, as upstream: its node is not updated. A pod that goes counts until it is gone,
 * but for one that stays.
 */
function countedOn(view: DaemonView, { pods }: NodeView): readonly Pod[] {
  const active = pods.filter(isActive)
  const old = active.find((pod) => !isCurrent(view, pod))
  return [old ?? active[0] ?? pods[0] ?? []].flat()
}
