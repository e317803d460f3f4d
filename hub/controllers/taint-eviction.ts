// taint-eviction.ts - carries out what becomes of the pods of nodes with NoExecute taints once their tolerations have run out
import { rfc3339 } from '../../shared/clock.ts'
import { DISCONNECTED, isFenced, NODE_LOST } from '../../shared/disconnect-policy.ts'
import { NODE } from '../../shared/kinds/node.ts'
import type { Node, Pod, PodCondition, Taint } from '../../shared/kinds/object.ts'
import { POD } from '../../shared/kinds/pod.ts'
import { runtimeAnswers } from '../../shared/node-selection.ts'
import { createReconcileLoop, type Outcome, type ReconcileLoop } from '../store/reconcile-loop.ts'
import { watchInto } from '../store/watch-into.ts'
import { withCondition } from './conditions.ts'
import { UNREACHABLE } from './default-tolerations.ts'
import type { ControllerDeps } from './deps.ts'
import { fateOf, type Fate } from './disconnect/fate.ts'
import { isReady } from './pod-state.ts'
import { drivesAway, leftMsUnder, noExecuteTaints, RUNTIME_DOWN, silentRuntimes, taintsFor } from './taint-plan.ts'

/** When the hub first saw a pod together with a taint; one map a node, rebuilt each time, so that nothing stays behind. */
type Sightings = ReadonlyMap<string, number>

export function createTaintEviction(deps: ControllerDeps): ReconcileLoop {
  const { store, objects, clock, recordEvent } = deps
  const sightingsOfNode = new Map<string, Sightings>()

  function reconcile(nodeName: string): Outcome {
    const node = objects.get(NODE, undefined, nodeName)
    if (!node || !mayDriveAway(node)) {
      sightingsOfNode.delete(nodeName)
      return
    }
    const pods = objects.by(POD, 'nodeName', nodeName)
    const sightings = look(node, pods)
    const nextMs = Math.min(Infinity, ...pods.map((pod) => carryOut(pod, decide(pod, taintsFor(pod, node), sightings))))
    return nextMs === Infinity ? undefined : { againAfterMs: Math.max(1, nextMs) }
  }

  function decide(pod: Pod, taints: readonly Taint[], sightings: Sightings): Fate {
    const nowMs = clock.monoMs()
    const heldMs = (taint: Taint) => nowMs - (sightings.get(sightingKey(pod, taint)) ?? nowMs)
    const lost = taints.filter(isLoss)
    const others = taints.filter((taint) => !isLoss(taint))
    return fateOf({
      pod,
      leftMs: leftMsUnder(pod, others, heldMs),
      lostLeftMs: lost.length > 0 ? leftMsUnder(pod, lost, heldMs) : undefined,
      stopsInMs: deps.fences.passesInMs(pod),
    })
  }

  /** Answers when to look again. */
  function carryOut(pod: Pod, fate: Fate): number {
    switch (fate.do) {
      case 'stay':
        return fate.lookAgainInMs
      case 'evict':
        evict(pod)
        // Told to go; what runs under a lease is waited for from here on.
        return isFenced(pod) ? 0 : Infinity
      case 'put aside':
        putAside(pod)
        return Infinity
      case 'take away':
        takeAway(pod)
        return Infinity
    }
  }

  function look(node: Node, pods: readonly Pod[]): Sightings {
    const before = sightingsOfNode.get(node.metadata.name)
    const nowMs = clock.monoMs()
    const keys = pods.flatMap((pod) => taintsFor(pod, node).map((taint) => sightingKey(pod, taint)))
    const sightings = new Map(keys.map((key) => [key, before?.get(key) ?? nowMs]))
    sightingsOfNode.set(node.metadata.name, sightings)
    return sightings
  }

  function evict(pod: Pod): void {
    const { namespace, name, uid } = pod.metadata
    recordEvent(pod, 'Normal', 'TaintManagerEviction', `Marking for deletion Pod ${namespace}/${name}`)
    const now = rfc3339(clock.wallMs())
    objects.modify(POD, namespace, name, (current) => withDisruption(current, now), { subresource: 'status' })
    objects.delete(POD, namespace, name, { preconditions: { uid } })
  }

  function putAside(pod: Pod): void {
    const { namespace, name } = pod.metadata
    const node = objects.get(NODE, undefined, pod.spec.nodeName ?? '')
    const isSilent = node && !runtimeAnswers(pod.spec, node)
    const why = isSilent
      ? `The runtime on node ${node.metadata.name} does not answer`
      : `Node ${pod.spec.nodeName} is not heard of`
    const message = `${why}: the pod is thought to go on there, and counts no longer`
    recordEvent(pod, 'Warning', NODE_LOST, message)
    const now = rfc3339(clock.wallMs())
    const aside = { type: DISCONNECTED, status: 'True', reason: NODE_LOST, message, lastTransitionTime: now }
    const unready = { ...aside, type: 'Ready', status: 'False' }
    const change = (current: Pod): Pod => ({
      ...current,
      status: {
        ...current.status,
        reason: NODE_LOST,
        message,
        conditions: [...(isReady(current) ? [unready] : []), aside].reduce<PodCondition[]>(
          (conditions, condition) => withCondition(conditions, condition),
          [...(current.status?.conditions ?? [])],
        ),
      },
    })
    objects.modify(POD, namespace, name, change, { subresource: 'status' })
  }

  function takeAway(pod: Pod): void {
    const { namespace, name, uid } = pod.metadata
    const message = `Node ${pod.spec.nodeName} is not heard of and has stopped the pod by itself: it may be started elsewhere`
    recordEvent(pod, 'Normal', 'FencePassed', message)
    objects.delete(POD, namespace, name, { gracePeriodSeconds: 0, preconditions: { uid } })
  }

  return createReconcileLoop({
    name: 'taint-eviction',
    clock,
    log: deps.log,
    random: deps.random,
    watch: [
      watchInto(store, NODE, ({ type, object, previous }) =>
        type === 'MODIFIED' && previous && isSameFor(object, previous) ? [] : [object.metadata.name],
      ),
      watchInto(store, POD, ({ type, object, previous }) => {
        const { nodeName } = object.spec
        const isNew = type === 'ADDED' || previous?.spec.nodeName !== nodeName || hasChanged(object, previous)
        return nodeName && isNew ? [nodeName] : []
      }),
    ],
    reconcile,
  })
}

/** It is thought to go on where it is. */
const isLoss = (taint: Taint) => taint.key === UNREACHABLE || taint === RUNTIME_DOWN

const mayDriveAway = (node: Node) => noExecuteTaints(node).length > 0 || silentRuntimes(node).length > 0

/** Parts that have not changed are the very same: nearly every write of a node is about something else. */
const isSameFor = (node: Node, before: Node) =>
  (node.spec.taints === before.spec.taints && node.status?.conditions === before.status?.conditions) ||
  drivesAway(node) === drivesAway(before)

const sightingKey = (pod: Pod, { key, value, effect }: Taint) => `${pod.metadata.uid} ${key}=${value ?? ''}:${effect}`

const hasChanged = (pod: Pod, previous: Pod | undefined) =>
  pod.spec.tolerations !== previous?.spec.tolerations ||
  pod.metadata.deletionTimestamp !== previous?.metadata.deletionTimestamp

function withDisruption(pod: Pod, now: string): Pod {
  const conditions = withCondition<PodCondition>(pod.status?.conditions ?? [], {
    type: 'DisruptionTarget',
    status: 'True',
    reason: 'DeletionByTaintManager',
    message: 'Taint manager: deleting due to NoExecute taint',
    lastTransitionTime: now,
  })
  return { ...pod, status: { ...pod.status, conditions } }
}
