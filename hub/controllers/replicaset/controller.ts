// controller.ts - keeps as many pods alive as a ReplicaSet asks for
import { rfc3339 } from '../../../shared/clock.ts'
import { DEPLOYMENT } from '../../../shared/kinds/deployment.ts'
import { POD } from '../../../shared/kinds/pod.ts'
import { REPLICA_SET } from '../../../shared/kinds/replica-set.ts'
import type { Pod, ReplicaSet } from '../../../shared/kinds/object.ts'
import { objectKey, splitKey } from '../../store/keys.ts'
import { createReconcileLoop, type Outcome, type ReconcileLoop } from '../../store/reconcile-loop.ts'
import { watchInto } from '../../store/watch-into.ts'
import { nextAvailableInMs } from '../availability.ts'
import { controllerOf, controllerReference } from '../claim.ts'
import { withDefaultTolerations } from '../default-tolerations.ts'
import type { ControllerDeps } from '../deps.ts'
import { boundsOf } from '../deployment/view.ts'
import { followable, startingAfter } from '../hand-over.ts'
import { createOrphans } from '../orphans.ts'
import { podFromTemplate } from '../pod-from-template.ts'
import { ownersOf, takeOwnership } from '../take-ownership.ts'
import { isPodMissing, planReplicas, slowStartBatches, type ReplicaSetStep } from './plan.ts'
import { inPlaceOf } from './spares.ts'
import { replicaSetStatus, type Failure } from './status.ts'

interface Refusal {
  failure: Failure
  error: unknown
}

export function createReplicaSetController(deps: ControllerDeps): ReconcileLoop {
  const { store, objects, clock, recordEvent, availability } = deps
  const orphans = createOrphans(store, POD)
  const ownership = { objects, ownerKind: REPLICA_SET, kind: POD, orphans }

  function reconcile(key: string): Outcome {
    const { namespace, name } = splitKey(key)
    const replicaSet = objects.get(REPLICA_SET, namespace, name)
    if (!replicaSet) return
    const pods = takeOwnership(ownership, replicaSet, replicaSet.spec.selector, (_found, mine) =>
      isPodMissing(replicaSet, mine),
    )
    const refusal = carryOut(
      replicaSet,
      planReplicas(replicaSet, pods, () => related(replicaSet)),
    )
    const inMs = writeStatus(replicaSet, refusal?.failure)
    if (refusal) throw refusal.error
    return inMs === undefined ? undefined : { againAfterMs: inMs }
  }

  function carryOut(replicaSet: ReplicaSet, step: ReplicaSetStep): Refusal | undefined {
    if (step.do === 'create') return create(replicaSet, step.count, step.places)
    if (step.do === 'delete') return remove(replicaSet, step.pods)
    return undefined
  }

  function create(replicaSet: ReplicaSet, count: number, places: readonly string[]): Refusal | undefined {
    const left = [...places]
    const reference = controllerReference(REPLICA_SET, replicaSet)
    const before = handOver(replicaSet)
    for (const batch of slowStartBatches(count)) {
      let refusal: Refusal | undefined
      for (let created = 0; created < batch; created++) {
        try {
          const made = podFromTemplate(replicaSet, replicaSet.spec.template, reference)
          const wanted = startingAfter(inPlaceOf(made, left[0]), before)
          const pod = objects.create(POD, withDefaultTolerations(wanted, deps.tolerationSeconds))
          left.shift()
          recordEvent(replicaSet, 'Normal', 'SuccessfulCreate', `Created pod: ${pod.metadata.name}`)
        } catch (error) {
          const message = error instanceof Error ? error.message : String(error)
          recordEvent(replicaSet, 'Warning', 'FailedCreate', `Error creating: ${message}`)
          refusal = { failure: { reason: 'FailedCreate', message }, error }
        }
      }
      if (refusal) return refusal
    }
    return undefined
  }

  function remove(replicaSet: ReplicaSet, pods: readonly Pod[]): Refusal | undefined {
    let refusal: Refusal | undefined
    for (const { metadata } of pods) {
      try {
        objects.delete(POD, metadata.namespace, metadata.name, { preconditions: { uid: metadata.uid } })
        recordEvent(replicaSet, 'Normal', 'SuccessfulDelete', `Deleted pod: ${metadata.name}`)
      } catch (error) {
        const message = error instanceof Error ? error.message : String(error)
        recordEvent(replicaSet, 'Warning', 'FailedDelete', `Error deleting: ${message}`)
        refusal = { failure: { reason: 'FailedDelete', message }, error }
      }
    }
    return refusal
  }

  /** The pods of all ReplicaSets of the same Deployment: during a rollout they share the nodes. */
  function related(replicaSet: ReplicaSet): readonly Pod[] {
    const owner = controllerOf(replicaSet)
    const sets = owner ? objects.by(REPLICA_SET, 'controllerUid', owner.uid) : [replicaSet]
    return sets.flatMap((set) => objects.by(POD, 'controllerUid', set.metadata.uid))
  }

  /** What new pods start after: those of other versions that end, where no two of them may be there at once. */
  function handOver(replicaSet: ReplicaSet): readonly Pod[] {
    const { uid, namespace } = replicaSet.metadata
    const owner = controllerOf(replicaSet)
    const deployment = owner && objects.get(DEPLOYMENT, namespace, owner.name)
    const { template } = replicaSet.spec
    if (!deployment || deployment.metadata.uid !== owner.uid || !template) return []
    if (boundsOf({ deployment, desired: deployment.spec.replicas ?? 1 }).maxSurge > 0) return []
    return followable(
      store,
      template,
      related(replicaSet).filter((pod) => controllerOf(pod)?.uid !== uid),
    )
  }

  function writeStatus(replicaSet: ReplicaSet, failure: Failure | undefined): number | undefined {
    const pods = objects.by(POD, 'controllerUid', replicaSet.metadata.uid)
    const judge = (pod: Pod) => availability.of(pod, replicaSet.spec.minReadySeconds ?? 0)
    const status = replicaSetStatus(replicaSet, pods, judge, failure, rfc3339(clock.wallMs()))
    const { namespace, name } = replicaSet.metadata
    objects.modify(REPLICA_SET, namespace, name, (current) => ({ ...current, status }), { subresource: 'status' })
    return nextAvailableInMs(pods.map(judge))
  }

  return createReconcileLoop({
    name: 'replicaset',
    clock,
    log: deps.log,
    random: deps.random,
    watch: [
      watchInto(store, REPLICA_SET, ({ object }) => [objectKey(object)]),
      watchInto(store, POD, (change) => {
        orphans.note(change)
        if (change.type === 'DELETED') availability.forget(change.object.metadata.uid)
        return new Set(ownersOf(objects, REPLICA_SET, [change.object, change.previous]))
      }),
    ],
    reconcile,
  })
}
