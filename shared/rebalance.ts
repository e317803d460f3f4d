// rebalance.ts - which pods to move so that each ReplicaSet is spread over the devices that are there now; pure, and explains itself
import { disconnectPolicyOf, isDisconnected, isSingleton } from './disconnect-policy.ts'
import type { Node, OwnerReference, Pod } from './kinds/object.ts'
import { lastKnownSince } from './last-known.ts'
import { emptiest, fleetRoom, fullest, spreadText, type Domain, type FleetRoom } from './spread.ts'

export interface RebalanceView {
  nodes: readonly Node[]
  pods: readonly Pod[]
}

export interface RebalanceOptions {
  /** So many moves at most. */
  max: number
  /** Pods with emptyDir volumes may go too, and lose what is in these. */
  emptyDirs?: boolean
  /** Uids of ReplicaSets that are left alone this time, with why. */
  skip?: ReadonlyMap<string, string>
}

export interface Move {
  namespace: string
  pod: string
  podUid: string
  /** Of the ReplicaSet. */
  groupUid: string
  from: string
  /** Where there is most room now: the scheduler has the last word. */
  to: string
  why: string
}

export interface RebalancePlan {
  moves: readonly Move[]
  /** One line for each ReplicaSet that has pods and is left as it is. */
  kept: readonly string[]
}

/** Below this a move would only swap one unevenness for another. */
export const GAP_MIN = 2

interface Group {
  uid: string
  /** "namespace/name". */
  name: string
  pods: readonly Pod[]
}

export function planRebalance({ nodes, pods }: RebalanceView, options: RebalanceOptions): RebalancePlan {
  const room = fleetRoom(nodes, pods)
  const moves: Move[] = []
  const kept: string[] = []
  for (const group of groupsOf(pods)) {
    const why = options.skip?.get(group.uid) ?? whyNot(group, options)
    if (why !== undefined) kept.push(`${group.name} stays as it is: ${why}`)
    else planGroup(group, room, options, moves, kept)
  }
  return { moves, kept }
}

/** Adds to `moves` and `kept`, and takes up room, so that later groups see what earlier ones do. */
function planGroup(group: Group, room: FleetRoom, { max }: RebalanceOptions, moves: Move[], kept: string[]): void {
  const movable = [...group.pods]
  const domains = room.domainsFor(group.pods)
  let moved = 0
  for (;;) {
    const step = nextStep(domains, movable, room)
    if (!step) break
    if (moves.length >= max) return void kept.push(`${group.name}: more could move, but ${max} at once is the limit`)
    const { pod, from, to } = step
    const before = spreadText(domains)
    movable.splice(movable.indexOf(pod), 1)
    from.count--
    to.count++
    room.move(pod, to.name)
    moved++
    moves.push({
      namespace: pod.metadata.namespace ?? '',
      pod: pod.metadata.name,
      podUid: pod.metadata.uid,
      groupUid: group.uid,
      from: from.name,
      to: to.name,
      why: `${group.name} is spread ${before}; then ${spreadText(domains)}`,
    })
  }
  if (moved === 0) kept.push(`${group.name} stays as it is: ${whyEven(domains)}`)
}

const whyEven = (domains: readonly Domain[]): string => {
  if (domains.length < 2) return `only ${domains.length} device${domains.length === 1 ? '' : 's'} can run it now`
  const isEven = (fullest(domains)?.count ?? 0) - (emptiest(domains)?.count ?? 0) < GAP_MIN
  return isEven ? `its spread is even (${spreadText(domains)})` : 'where there are fewer of it, there is no room'
}

interface Step {
  pod: Pod
  from: Domain
  to: Domain
}

/** Sites first: losing one is worse than losing a device. Within equal sites, device by device. */
function nextStep(domains: readonly Domain[], movable: readonly Pod[], room: FleetRoom): Step | undefined {
  const zones = [...new Set(domains.map(({ zone }) => zone))].map((zone) => {
    const members = domains.filter((domain) => domain.zone === zone)
    return { members, count: members.reduce((sum, { count }) => sum + count, 0) }
  })
  const [high, low] = [fullest(zones), emptiest(zones)]
  if (high && low && high.count - low.count >= GAP_MIN) {
    const step = stepBetween(high.members, low.members, movable, room, 1)
    if (step) return step
  }
  for (const { members } of zones) {
    const step = stepBetween(members, members, movable, room, GAP_MIN)
    if (step) return step
  }
  return undefined
}

function stepBetween(
  sources: readonly Domain[],
  targets: readonly Domain[],
  movable: readonly Pod[],
  room: FleetRoom,
  gapMin: number,
): Step | undefined {
  const from = fullest(sources.filter(({ name }) => movable.some(({ spec }) => spec.nodeName === name)))
  if (!from) return undefined
  const pod = movable.findLast(({ spec }) => spec.nodeName === from.name)
  const better = targets.filter((target) => from.count - target.count >= gapMin)
  const to = emptiest(better.filter((target) => pod !== undefined && room.takes(pod, target.name)))
  return pod && to && { pod, from, to }
}

const groupsOf = (pods: readonly Pod[]): Group[] => {
  const groups = new Map<string, Group & { pods: Pod[] }>()
  for (const pod of pods) {
    const owner = replicaSetOf(pod)
    if (!owner || isOutOfReach(pod)) continue
    const name = `${pod.metadata.namespace ?? ''}/${owner.name}`
    const group = groups.get(owner.uid) ?? { uid: owner.uid, name, pods: [] }
    groups.set(owner.uid, group)
    group.pods.push(pod)
  }
  return [...groups.values()].toSorted((a, b) => (a.name < b.name ? -1 : 1))
}

/** Uid of the ReplicaSet. */
export const groupOf = (pod: Pod): string | undefined => replicaSetOf(pod)?.uid

const replicaSetOf = ({ metadata }: Pod): OwnerReference | undefined =>
  metadata.ownerReferences?.find(({ controller, kind }) => controller && kind === 'ReplicaSet')

/** Why nothing of a group may move at all; undefined when it may. */
function whyNot({ pods }: Group, { emptyDirs }: RebalanceOptions): string | undefined {
  const [first] = pods
  if (!first) return 'it has no pods'
  if (!pods.every(isSteady)) return 'not all of its pods are ready, so something else is under way'
  if (isSingleton(first)) return 'it is a singleton'
  if (disconnectPolicyOf(first).onDisconnect === 'wait') return 'its pods are to stay with their devices'
  if (first.spec.affinity?.podAffinity?.requiredDuringSchedulingIgnoredDuringExecution?.length)
    return 'its pods must be near others'
  const volumes = first.spec.volumes ?? []
  const host = volumes.find(({ hostPath }) => hostPath)
  if (host) return `its volume "${host.name}" is a folder of its device`
  const local = volumes.find(({ emptyDir }) => emptyDir && emptyDir.medium !== 'Memory')
  if (local && !emptyDirs) return `its volume "${local.name}" (emptyDir) would be lost`
  return undefined
}

/** On a device that is away, and replaced or given up already: it counts for nobody, and may stay so for long. */
export const isOutOfReach = (pod: Pod): boolean =>
  isDisconnected(pod) || (pod.metadata.deletionTimestamp !== undefined && lastKnownSince(pod) !== undefined)

export const isSteady = ({ metadata, spec, status }: Pod): boolean =>
  !metadata.deletionTimestamp &&
  spec.nodeName !== undefined &&
  (status?.conditions?.some(({ type, status: is }) => type === 'Ready' && is === 'True') ?? false)
