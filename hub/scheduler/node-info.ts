// node-info.ts - a node with the sums of what its pods use, kept up to date pod by pod instead of being counted anew
import { fnv32 } from '../../shared/hash.ts'
import type { Node, Taint } from '../../shared/kinds/object.ts'
import { allocatableOf, type Amounts } from '../../shared/amounts.ts'
import type { HostPort, PodFacts } from './pod-facts.ts'

export interface NodeInfo {
  readonly name: string
  readonly nameHash: number
  /** Undefined: pods are bound to a node that is not there (any more, or yet). */
  node: Node | undefined
  /** Those of the node, and one that its Ready condition amounts to. */
  taints: readonly Taint[]
  allocatable: Amounts
  zone: string
  /** Bytes by image name. */
  images: ReadonlyMap<string, number>
  readonly used: Map<string, number>
  readonly scored: { cpu: number; memory: number }
  readonly pods: Map<string, PodFacts>
  readonly hostPorts: Set<HostPort>
  /** How many pods each controller has here. */
  readonly controllers: Map<string, number>
}

const ZONE_LABEL = 'topology.kubernetes.io/zone'

export const newNodeInfo = (name: string): NodeInfo => ({
  name,
  nameHash: fnv32(name),
  node: undefined,
  taints: [],
  allocatable: new Map(),
  zone: '',
  images: new Map(),
  used: new Map(),
  scored: { cpu: 0, memory: 0 },
  pods: new Map(),
  hostPorts: new Set(),
  controllers: new Map(),
})

/** Changes `info`. */
export function setNode(info: NodeInfo, node: Node | undefined): void {
  info.node = node
  info.taints = node ? effectiveTaints(node) : []
  info.allocatable = node ? allocatableOf(node) : new Map()
  info.zone = node?.metadata.labels?.[ZONE_LABEL] ?? ''
  info.images = new Map(
    (node?.status?.images ?? []).flatMap(({ names, sizeBytes }) =>
      (names ?? []).map((name) => [name, sizeBytes ?? 0] as const),
    ),
  )
}

/** Changes `info`: adds with 1, takes away with -1. */
export function count(info: NodeInfo, facts: PodFacts, by: 1 | -1): void {
  if (by === 1) info.pods.set(facts.uid, facts)
  else info.pods.delete(facts.uid)
  for (const [name, amount] of facts.requests) info.used.set(name, (info.used.get(name) ?? 0) + by * amount)
  info.scored.cpu += by * facts.scored.cpu
  info.scored.memory += by * facts.scored.memory
  for (const port of facts.hostPorts)
    if (by === 1) info.hostPorts.add(port)
    else info.hostPorts.delete(port)
  if (!facts.controllerUid) return
  const left = (info.controllers.get(facts.controllerUid) ?? 0) + by
  if (left > 0) info.controllers.set(facts.controllerUid, left)
  else info.controllers.delete(facts.controllerUid)
}

/** A node that nobody has heard of takes no new pods, also in the moments before somebody has tainted it. */
function effectiveTaints(node: Node): readonly Taint[] {
  const taints = node.spec.taints ?? []
  const ready = node.status?.conditions?.find(({ type }) => type === 'Ready')?.status
  if (ready === 'True') return taints
  const key = ready === 'Unknown' ? 'node.kubernetes.io/unreachable' : 'node.kubernetes.io/not-ready'
  const isTainted = taints.some((taint) => taint.key === key && taint.effect === 'NoSchedule')
  return isTainted ? taints : [...taints, { key, effect: 'NoSchedule' }]
}
