// place.ts - where a pod goes: filter, score, choose; pure, and able to say why not
import { fnv32 } from '../../shared/hash.ts'
import type { Pod } from '../../shared/kinds/object.ts'
import { pinnedNode } from '../../shared/node-selection.ts'
import { fitsResources, hasFreePorts } from './filters/capacity.ts'
import type { Filter, Verdict } from './filters/filter.ts'
import { hasRuntime, matchesSelection, notCordoned, toleratesTaints } from './filters/node.ts'
import { farFromUnwanted, nearWanted, notKeptAway } from './filters/pod-affinity.ts'
import { isSpread } from './filters/topology-spread.ts'
import type { NodeInfo } from './node-info.ts'
import { podFacts, type PodFacts } from './pod-facts.ts'
import { totalScores } from './scores.ts'
import type { Snapshot } from './snapshot.ts'
import { nodeOfPredecessors, withoutPredecessors } from './without-predecessors.ts'

export type Placement =
  | { kind: 'node'; nodeName: string }
  | { kind: 'none'; nodes: number; reasons: ReadonlyMap<string, number> }

/** In upstream's order: a node is counted under the first thing that it fails. */
const FILTERS: readonly Filter[] = [
  notCordoned,
  toleratesTaints,
  matchesSelection,
  hasRuntime,
  hasFreePorts,
  fitsResources,
  isSpread,
  nearWanted,
  farFromUnwanted,
  notKeptAway,
]

const NOT_THE_PINNED = "node(s) didn't match Pod's node affinity/selector"

export function place(pod: Pod, fleet: Snapshot): Placement {
  const snapshot = withoutPredecessors(pod, fleet)
  const facts = podFacts(pod)
  const judge = judgeOf(facts, snapshot)
  const fitting: NodeInfo[] = []
  const reasons = new Map<string, number>()
  const candidates = candidatesFor(pod, snapshot, nodeOfPredecessors(pod, fleet))
  const skipped = snapshot.nodes.length - candidates.length
  if (skipped > 0) reasons.set(NOT_THE_PINNED, skipped)
  for (const info of candidates) {
    const verdict = judge(info)
    if (verdict) for (const reason of verdict) reasons.set(reason, (reasons.get(reason) ?? 0) + 1)
    else fitting.push(info)
  }
  const best = choose(facts, fitting, snapshot)
  if (best) return { kind: 'node', nodeName: best.name }
  return { kind: 'none', nodes: snapshot.nodes.length, reasons }
}

/** Why one node does not take a pod, for people who ask; undefined when it would. */
export const whyNot = (pod: Pod, nodeName: string, fleet: Snapshot): Verdict => {
  const snapshot = withoutPredecessors(pod, fleet)
  const info = snapshot.node(nodeName)
  return info ? judgeOf(podFacts(pod), snapshot)(info) : ["node(s) didn't match the requested node name"]
}

function judgeOf(facts: PodFacts, snapshot: Snapshot): (info: NodeInfo) => Verdict {
  const judges = FILTERS.map((filter) => filter(facts, snapshot)).filter((judge) => judge !== undefined)
  return (info) => {
    for (const judge of judges) {
      const verdict = judge(info)
      if (verdict) return verdict
    }
    return undefined
  }
}

/** A pod of a DaemonSet names its node: looking at all others would cost a thousand times as much. */
function candidatesFor({ spec }: Pod, snapshot: Snapshot, ofPredecessors: string | undefined): readonly NodeInfo[] {
  const pinned = pinnedNode(spec) ?? ofPredecessors
  if (pinned === undefined) return snapshot.nodes
  const info = snapshot.node(pinned)
  return info ? [info] : []
}

function choose(facts: PodFacts, fitting: readonly NodeInfo[], snapshot: Snapshot): NodeInfo | undefined {
  if (fitting.length <= 1) return fitting[0]
  const scores = totalScores(facts, fitting, snapshot)
  const podHash = fnv32(facts.uid)
  let best: { info: NodeInfo; score: number; tie: number } | undefined
  for (const [index, info] of fitting.entries()) {
    const score = Math.round(scores[index] ?? 0)
    if (best && score < best.score) continue
    const tie = mixed(podHash ^ info.nameHash)
    if (!best || score > best.score || tie > best.tie) best = { info, score, tie }
  }
  return best?.info
}

/** Rendezvous among equals: the same pod and nodes give the same answer in every order. The mixing is MurmurHash3's finaliser. */
function mixed(hash: number): number {
  let value = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b)
  value = Math.imul(value ^ (value >>> 13), 0xc2b2ae35)
  return (value ^ (value >>> 16)) >>> 0
}
