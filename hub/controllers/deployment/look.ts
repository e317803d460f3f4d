// look.ts - reads what a decision about a Deployment needs from the store
import { NODE } from '../../../shared/kinds/node.ts'
import type { Deployment, Pod, ReplicaSet } from '../../../shared/kinds/object.ts'
import { POD } from '../../../shared/kinds/pod.ts'
import { REPLICA_SET } from '../../../shared/kinds/replica-set.ts'
import { isDisconnected, isSingleton } from '../../../shared/disconnect-policy.ts'
import { keyOf } from '../../store/keys.ts'
import type { Reader } from '../../store/store.ts'
import type { AvailabilityJudge } from '../availability.ts'
import { controllerOf } from '../claim.ts'
import { isOffline } from '../node-state.ts'
import { hasFinished, isActive, isReady } from '../pod-state.ts'
import { followable } from '../hand-over.ts'
import { holdsItsPlace } from '../holds-its-place.ts'
import { progressOf, rolloutOf, type Rollout } from '../rollout.ts'
import { staysWithItsDevice } from '../taint-plan.ts'
import { deploymentView, type DeploymentView, type SetView } from './view.ts'

export function lookAt(reader: Reader, availability: AvailabilityJudge, deployment: Deployment): DeploymentView {
  const minReadySeconds = deployment.spec.minReadySeconds ?? 0
  const podsOf = (set: ReplicaSet) => reader.by(POD, 'controllerUid', set.metadata.uid)
  const look = (set: ReplicaSet): SetView => {
    const active = podsOf(set).filter(isActive)
    const wanted = set.spec.replicas ?? 1
    const isAvailable = (pod: Pod) => availability.of(pod, minReadySeconds) === 'available'
    const available = active.filter(isAvailable).length
    const stuck = (pod: Pod) => !isAvailable(pod) && isAway(reader, pod) && staysWithItsDevice(pod)
    // Pods beyond what is wanted are about to be deleted: nobody may count on them.
    return {
      set,
      wanted,
      // One that may run only once and is told to go is still there: the next one's place is not free.
      active: active.length + podsOf(set).filter(holdsItsPlace).length,
      ready: active.filter(isReady).length,
      available: Math.min(available, wanted),
      away: Math.min(active.filter(stuck).length, wanted),
    }
  }
  const sets = reader.by(REPLICA_SET, 'controllerUid', deployment.metadata.uid)
  return deploymentView(deployment, sets.map(look), (old) => {
    const pods = old.flatMap(({ set }) => podsOf(set))
    const handOver = followable(reader, deployment.spec.template, pods)
    return pods.filter((pod) => !handOver.includes(pod) && mayStillRun(reader, pod)).length
  })
}

/** What became of each pod of the newest template. */
export function rolloutAt(
  reader: Reader,
  availability: AvailabilityJudge,
  { deployment, desired, newest }: DeploymentView,
): Rollout {
  const pods = newest ? reader.by(POD, 'controllerUid', newest.set.metadata.uid).filter(isActive) : []
  const progress = pods.map((pod) =>
    progressOf(pod, {
      isAway: isAway(reader, pod),
      isAvailable: availability.of(pod, deployment.spec.minReadySeconds ?? 0) === 'available',
    }),
  )
  return rolloutOf(progress, desired)
}

/** Keys of the Deployments whose pods these are. */
export function deploymentsOf(reader: Reader, pods: readonly Pod[]): Set<string> {
  const keys = pods.flatMap((pod) => {
    const { namespace } = pod.metadata
    const set = controllerOf(pod)
    const owner = set?.kind === REPLICA_SET.kind ? reader.get(REPLICA_SET, namespace, set.name) : undefined
    const deployment = owner && controllerOf(owner)
    return deployment ? [keyOf(namespace, deployment.name)] : []
  })
  return new Set(keys)
}

const nodeOf = (reader: Reader, { spec }: Pod) =>
  spec.nodeName ? reader.get(NODE, undefined, spec.nodeName) : undefined

function isAway(reader: Reader, pod: Pod): boolean {
  const node = nodeOf(reader, pod)
  return node !== undefined && isOffline(node)
}

/** A pod that was told to go and whose device is away would hold a Recreate for ever: it no longer counts. */
function mayStillRun(reader: Reader, pod: Pod): boolean {
  // Put aside means that a spare may be started beside it: it does not hold up the next version either.
  if (hasFinished(pod) || isDisconnected(pod)) return false
  if (!pod.metadata.deletionTimestamp || isSingleton(pod)) return true
  return nodeOf(reader, pod) !== undefined && !isAway(reader, pod)
}
