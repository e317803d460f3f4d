// changes.ts - which pods are ours to place, and which changes of the fleet may help those that fitted nowhere
import type { Node, Pod } from '../../shared/kinds/object.ts'
import { isRuntimeCondition } from '../../shared/node-selection.ts'
import { sameJson } from '../store/same-json.ts'
import type { Change } from '../store/store.ts'
import type { Help } from './queue.ts'

/** The name by which Kubernetes' own scheduler is asked for: manifests name it. */
export const SCHEDULER_NAME = 'default-scheduler'

export const isWaiting = (pod: Pod): boolean =>
  !pod.spec.nodeName &&
  !pod.metadata.deletionTimestamp &&
  !pod.spec.schedulingGates?.length &&
  (pod.spec.schedulerName ?? SCHEDULER_NAME) === SCHEDULER_NAME &&
  !hasEnded(pod)

/** A waiting pod asks for something else now; status alone is no such change. */
export const isMended = ({ type, object, previous }: Change<Pod>): boolean =>
  type === 'MODIFIED' &&
  previous !== undefined &&
  isWaiting(object) &&
  !(sameJson(object.spec, previous.spec) && sameJson(object.metadata.labels, previous.metadata.labels))

/** A pod that went or ended leaves room; one that came to a node, or is called otherwise now, is company. */
export function helpOfPod({ type, object, previous }: Change<Pod>): readonly Help[] {
  if (!object.spec.nodeName) return []
  if (type === 'DELETED' || (hasEnded(object) && !hasEnded(previous))) return ['room', 'company']
  if (previous?.spec.nodeName === undefined) return ['company']
  return sameJson(object.metadata.labels, previous.metadata.labels) ? [] : ['room', 'company']
}

/** Company helps only those that look for it. */
export const helpedBy = ({ spec }: Pod): readonly Help[] =>
  spec.affinity?.podAffinity || spec.topologySpreadConstraints?.length ? ['room', 'company'] : ['room']

const hasEnded = (pod: Pod | undefined) => pod?.status?.phase === 'Succeeded' || pod?.status?.phase === 'Failed'

/** Most changes of a node are measurements, which help nobody. */
export function nodeChangeHelps({ type, object, previous }: Change<Node>): boolean {
  if (type === 'DELETED') return false
  return !previous || !sameJson(relevant(object), relevant(previous))
}

const relevant = ({ metadata, spec, status }: Node) => ({
  labels: metadata.labels,
  spec,
  allocatable: status?.allocatable ?? status?.capacity,
  ready: status?.conditions?.find(({ type }) => type === 'Ready')?.status,
  silent: status?.conditions?.filter(isRuntimeCondition).map(({ type, status: said }) => [type, said]),
})
