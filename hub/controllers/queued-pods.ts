// queued-pods.ts - marks pods that wait for a device which is away, and takes those that were given up before it ever knew of them
import { rfc3339 } from '../../shared/clock.ts'
import { isSingleton } from '../../shared/disconnect-policy.ts'
import { NODE } from '../../shared/kinds/node.ts'
import type { Pod, PodCondition } from '../../shared/kinds/object.ts'
import { POD } from '../../shared/kinds/pod.ts'
import { BOUND_WHILE_AWAY, isUnheardOf, NOT_HEARD_OF, QUEUED } from '../../shared/last-known.ts'
import { createReconcileLoop, type ReconcileLoop } from '../store/reconcile-loop.ts'
import type { Change } from '../store/store.ts'
import { watchInto } from '../store/watch-into.ts'
import { withCondition, withoutCondition } from './conditions.ts'
import type { ControllerDeps } from './deps.ts'
import { isOffline } from './node-state.ts'
import { hasFinished, podCondition } from './pod-state.ts'

export type QueueStep = { do: 'mark'; reason: string } | { do: 'unmark' } | { do: 'remove' } | { do: 'nothing' }

/** What one pod of a node needs; pure. `isFresh`: the hub saw how it was bound to a node that was away. */
export function queueStep(pod: Pod, isAway: boolean, isFresh: boolean): QueueStep {
  const mark = podCondition(pod, QUEUED)
  const isQueued = isAway && isUnheardOf(pod) && !hasFinished(pod)
  if (!isQueued) return mark ? { do: 'unmark' } : { do: 'nothing' }
  const isUnknownThere = mark ? mark.reason === BOUND_WHILE_AWAY : isFresh
  // A device that never heard of it has nothing to stop: nobody needs to wait for its word.
  if (pod.metadata.deletionTimestamp) return isUnknownThere && !isSingleton(pod) ? { do: 'remove' } : { do: 'nothing' }
  return mark ? { do: 'nothing' } : { do: 'mark', reason: isFresh ? BOUND_WHILE_AWAY : NOT_HEARD_OF }
}

export function createQueuedPods({ store, objects, recordEvent, clock, ...deps }: ControllerDeps): ReconcileLoop {
  /** Uids of pods that were seen to be bound to a node that was away; each is looked at once and then forgotten. */
  const fresh = new Set<string>()

  function reconcile(nodeName: string): void {
    const node = objects.get(NODE, undefined, nodeName)
    for (const pod of objects.by(POD, 'nodeName', nodeName)) {
      const { uid } = pod.metadata
      carryOut(pod, nodeName, queueStep(pod, node !== undefined && isOffline(node), fresh.has(uid)))
      fresh.delete(uid)
    }
  }

  function carryOut(pod: Pod, nodeName: string, step: QueueStep): void {
    const { namespace, name, uid } = pod.metadata
    switch (step.do) {
      case 'nothing':
        return
      case 'remove':
        objects.delete(POD, namespace, name, { gracePeriodSeconds: 0, preconditions: { uid } })
        return
      case 'unmark':
        return change(pod, (conditions) => withoutCondition(conditions, QUEUED))
      case 'mark': {
        const message = `device ${nodeName} is away; it starts this pod when it is back`
        const now = rfc3339(clock.wallMs())
        const mark = { type: QUEUED, status: 'True', reason: step.reason, message, lastTransitionTime: now }
        change(pod, (conditions) => withCondition(conditions, mark))
        recordEvent(pod, 'Normal', 'Queued', message)
      }
    }
  }

  function change({ metadata }: Pod, next: (conditions: PodCondition[]) => PodCondition[]): void {
    const { namespace, name, uid } = metadata
    objects.modify(
      POD,
      namespace,
      name,
      (pod) =>
        pod.metadata.uid === uid
          ? { ...pod, status: { ...pod.status, conditions: next([...(pod.status?.conditions ?? [])]) } }
          : undefined,
      { subresource: 'status' },
    )
  }

  function nodesOf({ type, object, previous }: Change<Pod>): string[] {
    const { nodeName } = object.spec
    if (type === 'DELETED') fresh.delete(object.metadata.uid)
    if (type === 'DELETED' || !nodeName) return []
    const wasBound = type === 'MODIFIED' && previous !== undefined && !previous.spec.nodeName
    const node = objects.get(NODE, undefined, nodeName)
    if (!node || !isOffline(node)) return []
    if (wasBound) fresh.add(object.metadata.uid)
    const isGoing = object.metadata.deletionTimestamp !== previous?.metadata.deletionTimestamp
    return type === 'ADDED' || wasBound || isGoing ? [nodeName] : []
  }

  return createReconcileLoop({
    name: 'queued-pods',
    clock,
    log: deps.log,
    random: deps.random,
    watch: [
      watchInto(store, POD, nodesOf),
      watchInto(store, NODE, ({ object, previous }) =>
        previous && isOffline(previous) === isOffline(object) ? [] : [object.metadata.name],
      ),
    ],
    reconcile,
  })
}
