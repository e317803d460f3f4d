// returns.ts - when a device is back and has said what it runs, lets each pod that was put aside count again, or go
import { DISCONNECTED, NODE_LOST, isDisconnected } from '../../../shared/disconnect-policy.ts'
import { NODE } from '../../../shared/kinds/node.ts'
import type { Pod } from '../../../shared/kinds/object.ts'
import { POD } from '../../../shared/kinds/pod.ts'
import { objectKey, splitKey } from '../../store/keys.ts'
import { createReconcileLoop, type Outcome, type ReconcileLoop } from '../../store/reconcile-loop.ts'
import { watchInto } from '../../store/watch-into.ts'
import { controllerOf } from '../claim.ts'
import { withoutCondition } from '../conditions.ts'
import type { ControllerDeps } from '../deps.ts'
import { isOffline } from '../node-state.ts'
import { hasFinished } from '../pod-state.ts'
import { RETURN_PATIENCE_MS, settle } from './settle.ts'

export function createReturns(deps: ControllerDeps): ReconcileLoop {
  const { store, objects, clock, recordEvent } = deps
  /** By uid; since when the device has been heard again. */
  const returnedMs = new Map<string, number>()

  function reconcile(key: string): Outcome {
    const { namespace, name } = splitKey(key)
    const pod = objects.get(POD, namespace, name)
    if (!pod || !isDisconnected(pod) || pod.metadata.deletionTimestamp) return
    const { uid } = pod.metadata
    if (!isBack(pod)) return void returnedMs.delete(uid)
    const sinceMs = returnedMs.get(uid) ?? clock.monoMs()
    returnedMs.set(uid, sinceMs)
    const outcome = decide(pod, clock.monoMs() - sinceMs)
    if (!outcome) returnedMs.delete(uid)
    return outcome
  }

  /** The node is heard of, and so is the pod: only what its device says while its runtime answers takes the word away. */
  function isBack({ spec, status }: Pod): boolean {
    const node = objects.get(NODE, undefined, spec.nodeName ?? '')
    return node !== undefined && !isOffline(node) && status?.reason !== NODE_LOST
  }

  function decide(pod: Pod, returnedForMs: number): Outcome {
    const owner = controllerOf(pod)
    const siblings = owner && !hasFinished(pod) ? objects.by(POD, 'controllerUid', owner.uid) : []
    const settlement = settle(pod, siblings, returnedForMs, clock.wallMs())
    if (settlement.do === 'wait') return { againAfterMs: Math.max(1, RETURN_PATIENCE_MS - returnedForMs) }
    // In one turn, so that no owner sees a moment with one pod too few or too many.
    for (const loser of settlement.remove) remove(loser, settlement.pod)
    if (settlement.pod === pod) countAgain(pod)
  }

  function remove(loser: Pod, winner: Pod): void {
    const { namespace, name, uid } = loser.metadata
    const message = `A device is back: ${winner.metadata.name} on ${winner.spec.nodeName} stays, ${name} goes`
    recordEvent(loser, 'Normal', 'Reconnected', message)
    objects.delete(POD, namespace, name, { preconditions: { uid } })
  }

  function countAgain({ metadata: { namespace, name } }: Pod): void {
    objects.modify(
      POD,
      namespace,
      name,
      (current) => ({
        ...current,
        status: { ...current.status, conditions: withoutCondition(current.status?.conditions ?? [], DISCONNECTED) },
      }),
      { subresource: 'status' },
    )
  }

  return createReconcileLoop({
    name: 'returns',
    clock,
    log: deps.log,
    random: deps.random,
    watch: [
      watchInto(store, POD, ({ type, object }) => {
        if (type === 'DELETED') returnedMs.delete(object.metadata.uid)
        return type !== 'DELETED' && isDisconnected(object) ? [objectKey(object)] : []
      }),
      watchInto(store, NODE, ({ object }) =>
        isOffline(object)
          ? []
          : objects.by(POD, 'nodeName', object.metadata.name).filter(isDisconnected).map(objectKey),
      ),
    ],
    reconcile,
  })
}
