// controller.ts - rolls a Deployment's template out by creating and resizing its ReplicaSets
import { rfc3339 } from '../../../shared/clock.ts'
import { canonicalJson, withoutEmpty } from '../../../shared/hash.ts'
import { DEPLOYMENT } from '../../../shared/kinds/deployment.ts'
import { POD } from '../../../shared/kinds/pod.ts'
import { NODE } from '../../../shared/kinds/node.ts'
import { REPLICA_SET } from '../../../shared/kinds/replica-set.ts'
import { StatusError } from '../../../shared/kinds/status-error.ts'
import type { Deployment, NewObject, ReplicaSet } from '../../../shared/kinds/object.ts'
import { ROLLOUT_ANNOTATION } from '../../../shared/last-known.ts'
import { objectKey, splitKey } from '../../store/keys.ts'
import { createReconcileLoop, type Outcome, type ReconcileLoop } from '../../store/reconcile-loop.ts'
import { watchInto } from '../../store/watch-into.ts'
import { controllerOf } from '../claim.ts'
import { findCondition } from '../conditions.ts'
import type { ControllerDeps } from '../deps.ts'
import { isOffline } from '../node-state.ts'
import { createOrphans } from '../orphans.ts'
import { progressMark, rolloutNote, withRolloutNote } from '../rollout.ts'
import { ownersOf, takeOwnership } from '../take-ownership.ts'
import { deploymentsOf, lookAt, rolloutAt } from './look.ts'
import { planCleanup, planRevision, planSizes, withRevision, type DeploymentStep } from './plan.ts'
import { deploymentStatus, nextDeadlineInMs } from './status.ts'
import type { DeploymentView } from './view.ts'

interface Done {
  created: boolean
  collided: boolean
}

export function createDeploymentController(deps: ControllerDeps): ReconcileLoop {
  const { store, objects, clock, recordEvent, stopwatch } = deps
  const orphans = createOrphans(store, REPLICA_SET)
  const ownership = { objects, ownerKind: DEPLOYMENT, kind: REPLICA_SET, orphans }
  let seen: { revision: number; deployment: Deployment; view: DeploymentView } | undefined

  function reconcile(key: string): Outcome {
    // Availability comes with time alone.
    seen = undefined
    const { namespace, name } = splitKey(key)
    const deployment = objects.get(DEPLOYMENT, namespace, name)
    if (!deployment) return
    takeOwnership(ownership, deployment, deployment.spec.selector)
    const done = carryOut(deployment, planRevision(look(deployment)))
    const numbered = objects.modify(DEPLOYMENT, namespace, name, (current) => withRevision(current, look(current)))
    if (!numbered) return
    carryOut(numbered, planSizes(look(numbered)))
    const view = look(numbered)
    const inMs = writeStatus(view, done)
    carryOut(numbered, planCleanup(view))
    if (done.collided) return { againAfterMs: 0 }
    return inMs === undefined ? undefined : { againAfterMs: inMs }
  }

  /** Asked again after each step of a reconcile, most of which change nothing. */
  function look(deployment: Deployment): DeploymentView {
    const { revision } = store
    if (seen?.deployment !== deployment || seen.revision !== revision)
      seen = { revision, deployment, view: lookAt(objects, deps.availability, deployment) }
    return seen.view
  }

  function carryOut(deployment: Deployment, steps: readonly DeploymentStep[]): Done {
    const done: Done = { created: false, collided: false }
    for (const step of steps) {
      if (step.do === 'create') Object.assign(done, create(deployment, step.set))
      else change(deployment, step)
    }
    return done
  }

  function create(deployment: Deployment, set: NewObject<ReplicaSet>): Done {
    try {
      const { metadata, spec } = objects.create(REPLICA_SET, set)
      if (spec.replicas) recordScaling(deployment, metadata.name, 0, spec.replicas)
      return { created: true, collided: false }
    } catch (error) {
      if (!(error instanceof StatusError) || error.reason !== 'AlreadyExists') throw error
      return { created: false, collided: isForeign(deployment, set) }
    }
  }

  /** Same hash, other template: the next attempt takes another name. */
  function isForeign(deployment: Deployment, wanted: NewObject<ReplicaSet>): boolean {
    const there = objects.get(REPLICA_SET, deployment.metadata.namespace, wanted.metadata.name ?? '')
    if (!there) return false
    const isOurs = controllerOf(there)?.uid === deployment.metadata.uid
    const isSame =
      canonicalJson(withoutEmpty(there.spec.template)) === canonicalJson(withoutEmpty(wanted.spec.template))
    return !(isOurs && isSame)
  }

  function change(deployment: Deployment, step: Exclude<DeploymentStep, { do: 'create' }>): void {
    const { namespace, name, uid } = step.set.metadata
    switch (step.do) {
      case 'refresh':
        objects.modify(REPLICA_SET, namespace, name, (set) => ({
          ...set,
          metadata: { ...set.metadata, annotations: step.annotations },
          spec:
            (set.spec.minReadySeconds ?? 0) === step.minReadySeconds
              ? set.spec
              : { ...set.spec, minReadySeconds: step.minReadySeconds },
        }))
        return
      case 'scale':
        objects.modify(REPLICA_SET, namespace, name, (set) => ({
          ...set,
          metadata: { ...set.metadata, annotations: { ...set.metadata.annotations, ...step.annotations } },
          spec: { ...set.spec, replicas: step.to },
        }))
        if (step.from !== step.to) recordScaling(deployment, name, step.from, step.to)
        return
      case 'delete':
        objects.delete(REPLICA_SET, namespace, name, { preconditions: { uid } })
        return
    }
  }

  function recordScaling(deployment: Deployment, name: string, from: number, to: number): void {
    const direction = to > from ? 'up' : 'down'
    const message = `Scaled ${direction} replica set ${name} from ${from} to ${to}`
    recordEvent(deployment, 'Normal', 'ScalingReplicaSet', message)
  }

  function writeStatus(view: DeploymentView, { created, collided }: Done): number | undefined {
    const { deployment } = view
    const stalled = (status: Deployment['status']) => {
      const current = findCondition(status?.conditions, 'Progressing')
      const mark = current && `${current.reason} ${current.lastUpdateTime}`
      return stopwatch.elapsedMs(deployment.metadata.uid, mark, current?.lastUpdateTime)
    }
    const rollout = rolloutAt(objects, deps.availability, view)
    const status = deploymentStatus({
      view,
      rollout,
      collisionCount: (deployment.status?.collisionCount ?? 0) + (collided ? 1 : 0),
      created,
      stalledMs: stalled(deployment.status),
      now: rfc3339(clock.wallMs()),
    })
    const { namespace, name } = deployment.metadata
    objects.modify(DEPLOYMENT, namespace, name, (current) => ({ ...current, status }), { subresource: 'status' })
    const note = rolloutNote(rollout)
    objects.modify(DEPLOYMENT, namespace, name, (current) => withRolloutNote(current, ROLLOUT_ANNOTATION, note))
    return nextDeadlineInMs(deployment, status, stalled(status))
  }

  return createReconcileLoop({
    name: 'deployment',
    clock,
    log: deps.log,
    random: deps.random,
    watch: [
      watchInto(store, DEPLOYMENT, ({ type, object }) => {
        if (type === 'DELETED') stopwatch.forget(object.metadata.uid)
        return [objectKey(object)]
      }),
      watchInto(store, REPLICA_SET, (change) => {
        orphans.note(change)
        return new Set(ownersOf(objects, DEPLOYMENT, [change.object, change.previous]))
      }),
      // Recreate goes on when the last old pod is gone, and pods fail: of both no ReplicaSet's status tells.
      watchInto(store, POD, ({ type, object, previous }) => {
        const isNews = type === 'DELETED' || (previous && progressMark(previous) !== progressMark(object))
        return isNews ? deploymentsOf(objects, [object]) : []
      }),
      watchInto(store, NODE, ({ type, object, previous }) => {
        const isNews = type === 'MODIFIED' && previous && isOffline(previous) !== isOffline(object)
        return isNews ? deploymentsOf(objects, objects.by(POD, 'nodeName', object.metadata.name)) : []
      }),
    ],
    reconcile,
  })
}
