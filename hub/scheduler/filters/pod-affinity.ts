// pod-affinity.ts - filters on who is near: required pod affinity and anti-affinity, in both directions
import type { PodAffinityTerm } from '../../../shared/kinds/object.ts'
import type { Pod } from '../../../shared/kinds/object.ts'
import { matchesSelector } from '../../../shared/selectors.ts'
import type { NodeInfo } from '../node-info.ts'
import type { Snapshot } from '../snapshot.ts'
import type { Filter, Verdict } from './filter.ts'

const NOT_NEAR: Verdict = ["node(s) didn't match pod affinity rules"]
const TOO_NEAR: Verdict = ["node(s) didn't match pod anti-affinity rules"]
const KEPT_AWAY: Verdict = ["node(s) didn't satisfy existing pods anti-affinity rules"]

/** Whether `other` is one of the pods that a term of `pod` speaks of. */
export function termMatches(term: PodAffinityTerm, pod: Pod, other: Pod, snapshot: Snapshot): boolean {
  return inNamespaces(term, pod, other, snapshot) && matchesSelector(term.labelSelector, other.metadata.labels)
}

function inNamespaces(term: PodAffinityTerm, pod: Pod, other: Pod, snapshot: Snapshot): boolean {
  const namespace = other.metadata.namespace ?? ''
  if (term.namespaces?.includes(namespace)) return true
  if (term.namespaceSelector) return matchesSelector(term.namespaceSelector, snapshot.labelsOfNamespace(namespace))
  return !term.namespaces?.length && namespace === pod.metadata.namespace
}

export const domainOf = (info: NodeInfo, topologyKey: string): string | undefined =>
  info.node?.metadata.labels?.[topologyKey]

/** The values of the topology key where at least one placed pod matches. */
function domainsWith(term: PodAffinityTerm, pod: Pod, snapshot: Snapshot): Set<string> {
  const domains = new Set<string>()
  for (const info of snapshot.nodes) {
    const domain = domainOf(info, term.topologyKey)
    if (domain === undefined || domains.has(domain)) continue
    for (const { pod: other } of info.pods.values())
      if (termMatches(term, pod, other, snapshot)) {
        domains.add(domain)
        break
      }
  }
  return domains
}

/** The first pod of a group that wants to be near itself may start anywhere. */
export const nearWanted: Filter = ({ pod }, snapshot) => {
  const terms = pod.spec.affinity?.podAffinity?.requiredDuringSchedulingIgnoredDuringExecution ?? []
  if (terms.length === 0) return undefined
  const wanted = terms.map((term) => ({ key: term.topologyKey, domains: domainsWith(term, pod, snapshot) }))
  const isFirst =
    wanted.every(({ domains }) => domains.size === 0) && terms.every((term) => termMatches(term, pod, pod, snapshot))
  return (info) => {
    const fits = wanted.every(({ key, domains }) => {
      const domain = domainOf(info, key)
      return domain !== undefined && (isFirst || domains.has(domain))
    })
    return fits ? undefined : NOT_NEAR
  }
}

export const farFromUnwanted: Filter = ({ pod }, snapshot) => {
  const terms = pod.spec.affinity?.podAntiAffinity?.requiredDuringSchedulingIgnoredDuringExecution ?? []
  if (terms.length === 0) return undefined
  const unwanted = terms.map((term) => ({ key: term.topologyKey, domains: domainsWith(term, pod, snapshot) }))
  return (info) => {
    const isNear = unwanted.some(({ key, domains }) => {
      const domain = domainOf(info, key)
      return domain !== undefined && domains.has(domain)
    })
    return isNear ? TOO_NEAR : undefined
  }
}

export const notKeptAway: Filter = ({ pod }, snapshot) => {
  const forbidden = new Map<string, Set<string>>()
  for (const { pod: guard } of snapshot.guarded.values()) {
    const host = snapshot.node(guard.spec.nodeName ?? '')
    const terms = guard.spec.affinity?.podAntiAffinity?.requiredDuringSchedulingIgnoredDuringExecution ?? []
    for (const term of terms) {
      const domain = host && domainOf(host, term.topologyKey)
      if (domain === undefined || !termMatches(term, guard, pod, snapshot)) continue
      const domains = forbidden.get(term.topologyKey) ?? new Set<string>()
      forbidden.set(term.topologyKey, domains.add(domain))
    }
  }
  if (forbidden.size === 0) return undefined
  return (info) => {
    for (const [key, domains] of forbidden) if (domains.has(domainOf(info, key) ?? '')) return KEPT_AWAY
    return undefined
  }
}
