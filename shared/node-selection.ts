// node-selection.ts - which nodes a pod may run on by what its manifest says of nodes: name, labels, runtime
import type { Node, NodeCondition, NodeSelectorTerm, PodSpec } from './kinds/object.ts'
import { matchesRequirement, type Labels } from './selectors.ts'

/** On a node: how dear its link is. `metered` beats seldom, everything else is the default. */
export const PROFILE_LABEL = 'holdfast.dev/profile'
export const METERED = 'metered'

/** Nodes say on their labels which runtimes they have; pods say by runtimeClassName which one they need. */
export const RUNTIME_PROCESS_LABEL = 'holdfast.dev/runtime-process'
export const RUNTIME_DOCKER_LABEL = 'holdfast.dev/runtime-docker'
export const PROCESS_RUNTIME_CLASS = 'process'

const RUNTIME_PREFIX = 'holdfast.dev/runtime-'
/** The condition in which a device says that one of its runtimes does not answer; absent while all is well. */
export const runtimeCondition = (runtime: string): string => RUNTIME_PREFIX + runtime
export const isRuntimeCondition = ({ type }: NodeCondition): boolean => type.startsWith(RUNTIME_PREFIX)

export const runtimeLabelOf = (spec: PodSpec): string =>
  spec.runtimeClassName === PROCESS_RUNTIME_CLASS ? RUNTIME_PROCESS_LABEL : RUNTIME_DOCKER_LABEL

export const offersRuntime = (spec: PodSpec, node: Node): boolean =>
  node.metadata.labels?.[runtimeLabelOf(spec)] === 'true'

/** Its label has the same name. */
export const isRuntimeDown = (spec: PodSpec, conditions: readonly { type: string; status: string }[] = []): boolean =>
  conditions.some(({ type, status }) => type === runtimeLabelOf(spec) && status === 'False')

export const runtimeAnswers = (spec: PodSpec, node: Node): boolean => !isRuntimeDown(spec, node.status?.conditions)

/** A term without conditions matches nothing; conditions of one term all have to hold. */
export function matchesTerm({ matchExpressions = [], matchFields = [] }: NodeSelectorTerm, node: Node): boolean {
  if (matchExpressions.length === 0 && matchFields.length === 0) return false
  const labels = node.metadata.labels ?? {}
  const fields: Labels = { 'metadata.name': node.metadata.name }
  return (
    matchExpressions.every((requirement) => matchesRequirement(requirement, labels)) &&
    matchFields.every((requirement) => matchesRequirement(requirement, fields))
  )
}

/** nodeSelector and the required node affinity, of which one term is enough. */
export function matchesNodeSelection(spec: PodSpec, node: Node): boolean {
  const labels = node.metadata.labels ?? {}
  if (spec.nodeSelector && !Object.entries(spec.nodeSelector).every(([key, value]) => labels[key] === value))
    return false
  const terms = spec.affinity?.nodeAffinity?.requiredDuringSchedulingIgnoredDuringExecution?.nodeSelectorTerms
  return terms === undefined || terms.some((term) => matchesTerm(term, node))
}

/** The one node that a pod is pinned to by the field metadata.name, as the pods of a DaemonSet are. */
export function pinnedNode(spec: PodSpec): string | undefined {
  const terms = spec.affinity?.nodeAffinity?.requiredDuringSchedulingIgnoredDuringExecution?.nodeSelectorTerms
  if (terms?.length !== 1) return undefined
  const name = terms[0]?.matchFields?.find(
    ({ key, operator, values }) => key === 'metadata.name' && operator === 'In' && values?.length === 1,
  )
  return name?.values?.[0]
}
