// view.ts - a DaemonSet, the nodes and its pods as they are now: what every decision about it is made from
import type { DaemonSet, Node, Pod, PodSpec } from '../../../shared/kinds/object.ts'
import type { Availability } from '../availability.ts'
import { runtimeAnswers } from '../../../shared/node-selection.ts'
import { KEEPS_ORDER_LABEL } from '../../../shared/succession.ts'
import { rollingBounds, type RollingBounds } from '../int-or-percent.ts'
import { isOffline } from '../node-state.ts'
import { daemonPodSpec, nodeOfDaemonPod, wantedOn, type Wanted } from './placement.ts'

export const REVISION_HASH_LABEL = 'controller-revision-hash'

export interface NodeView {
  name: string
  wanted: Wanted
  offline: boolean
  /** Its device is there, the runtime that the pods need does not answer: nothing is begun or ended there. */
  silent: boolean
  /** Its device starts a pod after others when it is told to. */
  keepsOrder: boolean
  /** Oldest first; those that are on their way out included. */
  pods: readonly Pod[]
}

export interface DaemonView {
  daemonSet: DaemonSet
  spec: PodSpec
  /** The value of the revision label on pods of the newest template. */
  hash: string
  nodes: readonly NodeView[]
  /** Pods on nodes that are no longer there. */
  stray: readonly Pod[]
  judge: (pod: Pod) => Availability
}

export interface DaemonInput {
  daemonSet: DaemonSet
  hash: string
  nodes: readonly Node[]
  pods: readonly Pod[]
  judge: (pod: Pod) => Availability
}

export function daemonView({ daemonSet, hash, nodes, pods, judge }: DaemonInput): DaemonView {
  const spec = daemonPodSpec(daemonSet)
  const podsOfNode = byNode(pods)
  const known = new Set(nodes.map(({ metadata }) => metadata.name))
  return {
    daemonSet,
    spec,
    hash,
    nodes: nodes.map((node) => ({
      name: node.metadata.name,
      wanted: wantedOn(spec, node),
      offline: isOffline(node),
      silent: !runtimeAnswers(spec, node),
      keepsOrder: node.metadata.labels?.[KEEPS_ORDER_LABEL] === 'true',
      pods: (podsOfNode.get(node.metadata.name) ?? []).toSorted(oldestFirst),
    })),
    stray: [...podsOfNode].flatMap(([name, there]) => (known.has(name) ? [] : there)),
    judge,
  }
}

function byNode(pods: readonly Pod[]): Map<string, Pod[]> {
  const groups = new Map<string, Pod[]>()
  for (const pod of pods) {
    const name = nodeOfDaemonPod(pod) ?? ''
    const group = groups.get(name)
    if (group) group.push(pod)
    else groups.set(name, [pod])
  }
  return groups
}

const oldestFirst = (a: Pod, b: Pod): number => {
  const [bornA, bornB] = [a.metadata.creationTimestamp, b.metadata.creationTimestamp]
  if (bornA !== bornB) return bornA < bornB ? -1 : 1
  return a.metadata.name < b.metadata.name ? -1 : 1
}

/** Devices that are away neither count nor hold anything up: what is for them is queued. */
export const reachable = (view: DaemonView): readonly NodeView[] =>
  view.nodes.filter(({ wanted, offline }) => wanted.run && !offline)

export const isCurrent = (view: DaemonView, pod: Pod): boolean =>
  pod.metadata.labels?.[REVISION_HASH_LABEL] === view.hash

/** A DaemonSet rounds both percentages up, unlike a Deployment. */
export function daemonBounds(view: DaemonView): RollingBounds {
  const { maxSurge, maxUnavailable } = view.daemonSet.spec.updateStrategy?.rollingUpdate ?? {}
  const desired = reachable(view).length
  const surge = rollingBounds(maxSurge ?? 0, 0, desired).maxSurge
  const unavailable = rollingBounds(maxUnavailable ?? 1, 0, desired).maxSurge
  return { maxSurge: surge, maxUnavailable: surge === 0 && unavailable === 0 ? 1 : unavailable }
}
