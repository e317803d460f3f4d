// hand-over.ts - which pods that were told to go the next one of their Deployment may follow on the device, without waiting for the hub
//
// Where nothing may surge, Kubernetes makes the next pod when the last one is gone: a link that is cut in between leaves a
// device with neither for as long as it is cut. Where the next one can run nowhere else, it is given to the device right
// behind the order to stop the last one, with the order to start after it. So never both, as before.
import { isFenced, SINGLETON } from '../../shared/disconnect-policy.ts'
import { NODE } from '../../shared/kinds/node.ts'
import type { NewObject, Pod, PodTemplateSpec } from '../../shared/kinds/object.ts'
import { matchesNodeSelection, offersRuntime } from '../../shared/node-selection.ts'
import { AFTER, afterOf, KEEPS_ORDER_LABEL, PREDECESSORS_MAX } from '../../shared/succession.ts'
import type { Reader } from '../store/store.ts'
import { hasFinished } from './pod-state.ts'

/** All of `pods` that are on their way out, or none. What may run only once has rules of its own. */
export function followable(reader: Reader, template: PodTemplateSpec, pods: readonly Pod[]): readonly Pod[] {
  const going = pods.filter((pod) => isGoing(pod) && !hasFinished(pod) && pod.spec.nodeName)
  const isOnce = template.metadata?.annotations?.[SINGLETON] === 'true' || going.some(isFenced)
  if (going.length === 0 || going.length > PREDECESSORS_MAX || isOnce || !template.spec) return []
  const only = onlyNodeFor(reader, template.spec)
  return only !== undefined && going.every(({ spec }) => spec.nodeName === only) ? going : []
}

const isGoing = ({ metadata }: Pod) => metadata.deletionTimestamp !== undefined

/** The one that the manifest leaves, when its agent keeps order. */
function onlyNodeFor(reader: Reader, spec: NonNullable<PodTemplateSpec['spec']>): string | undefined {
  const [only, ...others] = reader
    .list(NODE)
    .filter((node) => matchesNodeSelection(spec, node) && offersRuntime(spec, node))
  if (!only || others.length > 0) return undefined
  return only.metadata.labels?.[KEEPS_ORDER_LABEL] === 'true' ? only.metadata.name : undefined
}

export const startingAfter = (pod: NewObject<Pod>, before: readonly Pod[]): NewObject<Pod> =>
  before.length === 0
    ? pod
    : { ...pod, metadata: { ...pod.metadata, annotations: { ...pod.metadata.annotations, [AFTER]: afterOf(before) } } }
