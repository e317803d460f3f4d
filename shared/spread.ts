// spread.ts - how many pods of one group each device has, and what room is left there; as a rebalance counts
import { allocatableOf, plus, podRequests, type Amounts } from './amounts.ts'
import type { Node, Pod } from './kinds/object.ts'
import { matchesNodeSelection, offersRuntime } from './node-selection.ts'
import { tolerationsOf, untolerated } from './tolerations.ts'

export interface Domain {
  name: string
  zone: string
  count: number
}

export interface FleetRoom {
  /** The devices on which these pods may run now, with how many of them each has. */
  domainsFor(group: readonly Pod[]): Domain[]
  takes(pod: Pod, nodeName: string): boolean
  /** Takes up the room; what the pod leaves is given back. */
  move(pod: Pod, to: string): void
}

const ZONE_LABEL = 'topology.kubernetes.io/zone'
const ONE_POD: Amounts = new Map([['pods', 1]])

export function fleetRoom(nodes: readonly Node[], pods: readonly Pod[]): FleetRoom {
  const open = nodes.filter(isOpen)
  const used = new Map<string, Amounts>()
  const add = (nodeName: string | undefined, amounts: Amounts) => {
    if (nodeName) used.set(nodeName, plus(used.get(nodeName) ?? new Map(), amounts))
  }
  const needs = (pod: Pod) => plus(podRequests(pod.spec), ONE_POD)
  for (const pod of pods) if (!hasEnded(pod)) add(pod.spec.nodeName, needs(pod))

  return {
    domainsFor(group) {
      const [first] = group
      const fitting = first ? open.filter((node) => mayRun(first, node)) : []
      return fitting.map(({ metadata: { name, labels } }) => ({
        name,
        zone: labels?.[ZONE_LABEL] ?? '',
        count: group.filter(({ spec }) => spec.nodeName === name).length,
      }))
    },
    takes(pod, nodeName) {
      const node = open.find(({ metadata }) => metadata.name === nodeName)
      if (!node) return false
      const allocatable = allocatableOf(node)
      const taken = used.get(nodeName) ?? new Map<string, number>()
      return [...needs(pod)].every(
        ([what, amount]) => amount === 0 || (taken.get(what) ?? 0) + amount <= (allocatable.get(what) ?? 0),
      )
    },
    move(pod, to) {
      const amounts = needs(pod)
      add(to, amounts)
      add(pod.spec.nodeName, new Map([...amounts].map(([what, amount]) => [what, -amount])))
    },
  }
}

const isOpen = ({ spec, status }: Node): boolean =>
  !spec.unschedulable &&
  (status?.conditions?.some(({ type, status: is }) => type === 'Ready' && is === 'True') ?? false)

const mayRun = ({ spec }: Pod, node: Node): boolean =>
  matchesNodeSelection(spec, node) &&
  offersRuntime(spec, node) &&
  untolerated(node.spec.taints, tolerationsOf(spec), ['NoSchedule', 'NoExecute']) === undefined

const hasEnded = ({ status }: Pod) => status?.phase === 'Succeeded' || status?.phase === 'Failed'

/** Among equals the first by name, so that the same fleet always gives the same plan. */
export const fullest = <T extends { count: number }>(all: readonly T[]): T | undefined =>
  all.reduce<T | undefined>((most, each) => (most && most.count >= each.count ? most : each), undefined)
export const emptiest = <T extends { count: number }>(all: readonly T[]): T | undefined =>
  all.reduce<T | undefined>((least, each) => (least && least.count <= each.count ? least : each), undefined)

/** "n1 3, n2 0, n3 1"; of large fleets only those that matter. */
export function spreadText(domains: readonly Domain[]): string {
  const SHOWN_MAX = 6
  const sorted = domains.toSorted((a, b) => b.count - a.count)
  const shown =
    sorted.length <= SHOWN_MAX ? sorted : [...sorted.slice(0, SHOWN_MAX / 2), ...sorted.slice(-SHOWN_MAX / 2)]
  const more = sorted.length - shown.length
  return [...shown.map(({ name, count }) => `${name} ${count}`), ...(more > 0 ? [`${more} others between`] : [])].join(
    ', ',
  )
}
