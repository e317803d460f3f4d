// topology-spread.ts - filter for topologySpreadConstraints that forbid: no domain may be fuller than the emptiest by more than maxSkew
import type { TopologySpreadConstraint } from '../../../shared/kinds/object.ts'
import type { Pod } from '../../../shared/kinds/object.ts'
import { matchesNodeSelection } from '../../../shared/node-selection.ts'
import { matchesSelector } from '../../../shared/selectors.ts'
import type { NodeInfo } from '../node-info.ts'
import type { Snapshot } from '../snapshot.ts'
import type { Filter, Verdict } from './filter.ts'
import { domainOf } from './pod-affinity.ts'

const SKEWED: Verdict = ["node(s) didn't match pod topology spread constraints"]
const NO_LABEL: Verdict = ["node(s) didn't match pod topology spread constraints (missing required label)"]

export const isSpread: Filter = ({ pod }, snapshot) => {
  const constraints = (pod.spec.topologySpreadConstraints ?? []).filter(
    ({ whenUnsatisfiable }) => whenUnsatisfiable === 'DoNotSchedule',
  )
  if (constraints.length === 0) return undefined
  const judges = constraints.map((constraint) => judgeOf(constraint, pod, snapshot))
  return (info) => {
    for (const judge of judges) {
      const verdict = judge(info)
      if (verdict) return verdict
    }
    return undefined
  }
}

function judgeOf(constraint: TopologySpreadConstraint, pod: Pod, snapshot: Snapshot): (info: NodeInfo) => Verdict {
  const counts = countDomains(constraint, pod, snapshot)
  const tooFew = counts.size < (constraint.minDomains ?? 1)
  const emptiest = tooFew ? 0 : Math.min(...counts.values())
  const self = matchesSelector(constraint.labelSelector, pod.metadata.labels) ? 1 : 0
  return (info) => {
    const domain = domainOf(info, constraint.topologyKey)
    if (domain === undefined) return NO_LABEL
    return (counts.get(domain) ?? 0) + self - emptiest > constraint.maxSkew ? SKEWED : undefined
  }
}

/** Only nodes where the pod could run by its selectors make up domains: a zone that it may not enter is not an empty one. */
function countDomains(
  { topologyKey, labelSelector }: TopologySpreadConstraint,
  pod: Pod,
  snapshot: Snapshot,
): Map<string, number> {
  const counts = new Map<string, number>()
  for (const info of snapshot.nodes) {
    const domain = domainOf(info, topologyKey)
    if (domain === undefined || !info.node || !matchesNodeSelection(pod.spec, info.node)) continue
    let matching = 0
    for (const { pod: other } of info.pods.values())
      if (isCounted(other, pod) && matchesSelector(labelSelector, other.metadata.labels)) matching++
    counts.set(domain, (counts.get(domain) ?? 0) + matching)
  }
  return counts
}

const isCounted = (other: Pod, pod: Pod) =>
  other.metadata.namespace === pod.metadata.namespace && !other.metadata.deletionTimestamp
