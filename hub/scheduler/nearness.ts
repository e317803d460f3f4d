// nearness.ts - preferred pod affinity and anti-affinity, and soft topology spread, as one number a node
import type { WeightedPodAffinityTerm } from '../../shared/kinds/object.ts'
import { matchesSelector } from '../../shared/selectors.ts'
import { domainOf, termMatches } from './filters/pod-affinity.ts'
import type { NodeInfo } from './node-info.ts'
import type { PodFacts } from './pod-facts.ts'
import type { Snapshot } from './snapshot.ts'

interface Pull {
  key: string
  /** Negative pushes away. */
  weight: number
  matches: (other: PodFacts) => boolean
}

/** A soft spread constraint pushes as a preference of this weight would; upstream weighs both scores alike. */
const SOFT_SPREAD_WEIGHT = 100

/** Undefined when the pod has no such preferences. */
export function nearnessOf(facts: PodFacts, infos: readonly NodeInfo[], snapshot: Snapshot): number[] | undefined {
  const pulls = pullsOf(facts, snapshot)
  if (pulls.length === 0) return undefined
  const totals = infos.map(() => 0)
  for (const pull of pulls) {
    const perDomain = countPerDomain(pull, snapshot)
    for (const [place, info] of infos.entries())
      totals[place] = (totals[place] ?? 0) + pull.weight * (perDomain.get(domainOf(info, pull.key) ?? '') ?? 0)
  }
  return totals
}

function pullsOf({ pod }: PodFacts, snapshot: Snapshot): Pull[] {
  const { podAffinity, podAntiAffinity } = pod.spec.affinity ?? {}
  const toPull =
    (sign: 1 | -1) =>
    ({ weight, podAffinityTerm: term }: WeightedPodAffinityTerm): Pull => ({
      key: term.topologyKey,
      weight: sign * weight,
      matches: ({ pod: other }) => termMatches(term, pod, other, snapshot),
    })
  const soft = (pod.spec.topologySpreadConstraints ?? []).filter(
    ({ whenUnsatisfiable }) => whenUnsatisfiable === 'ScheduleAnyway',
  )
  return [
    ...(podAffinity?.preferredDuringSchedulingIgnoredDuringExecution ?? []).map(toPull(1)),
    ...(podAntiAffinity?.preferredDuringSchedulingIgnoredDuringExecution ?? []).map(toPull(-1)),
    ...soft.map(({ topologyKey, labelSelector }): Pull => ({
      key: topologyKey,
      weight: -SOFT_SPREAD_WEIGHT,
      matches: ({ pod: other }) =>
        other.metadata.namespace === pod.metadata.namespace && matchesSelector(labelSelector, other.metadata.labels),
    })),
  ]
}

function countPerDomain({ key, matches }: Pull, snapshot: Snapshot): Map<string, number> {
  const counts = new Map<string, number>()
  for (const info of snapshot.nodes) {
    const domain = domainOf(info, key)
    if (domain === undefined) continue
    let matching = 0
    for (const other of info.pods.values()) if (matches(other)) matching++
    counts.set(domain, (counts.get(domain) ?? 0) + matching)
  }
  return counts
}
