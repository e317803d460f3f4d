// scheduler.ts - gives every pod that waits a node, or says why there is none
import { rfc3339, type Clock, type Timer } from '../../shared/clock.ts'
import { isFenced } from '../../shared/disconnect-policy.ts'
import { CONFIG_MAP } from '../../shared/kinds/config-map.ts'
import { NAMESPACE } from '../../shared/kinds/namespace.ts'
import { NODE } from '../../shared/kinds/node.ts'
import type { ConfigMap, Node, Pod } from '../../shared/kinds/object.ts'
import { POD } from '../../shared/kinds/pod.ts'
import type { Log } from '../../shared/log.ts'
import { RECOVERY_NAME, RECOVERY_NAMESPACE } from '../../shared/recovery.ts'
import type { Service } from '../../shared/service.ts'
import { referenceTo, type EventRecorder } from '../store/events.ts'
import { objectKey, splitKey } from '../store/keys.ts'
import type { Objects } from '../store/objects.ts'
import type { Change, Store, Unwatch } from '../store/store.ts'
import { readRecovery } from '../store/recovery-record.ts'
import { bindAll, boundTo, withScheduled, type Binding } from './bind.ts'
import { helpedBy, helpOfPod, isMended, isWaiting, nodeChangeHelps, SCHEDULER_NAME } from './changes.ts'
import { explain } from './explain.ts'
import { place } from './place.ts'
import { createPodQueue, type Help } from './queue.ts'
import { createSnapshot } from './snapshot.ts'

export interface SchedulerDeps {
  store: Store
  objects: Objects
  events: EventRecorder
  clock: Clock
  log: Log
}

export interface Scheduler extends Service {
  readonly counters: {
    readonly placed: number
    readonly failed: number
    readonly ready: number
    readonly resting: number
  }
}

const RECOVERING =
  'the hub is recovering: what may run only once is placed when every device has shown what it runs; see: holdfast recover'

/** Pods placed in one turn of the event loop and written in one transaction: more would keep API requests waiting. */
const PODS_PER_TURN = 64

export function createScheduler({ store, objects, events, clock, log }: SchedulerDeps): Scheduler {
  const snapshot = createSnapshot((name) => objects.get(NAMESPACE, undefined, name)?.metadata.labels ?? {})
  const queue = createPodQueue(clock)
  const count = { placed: 0, failed: 0 }
  let isRunning = false
  let unwatch: Unwatch[] = []
  let turn: Timer | undefined
  let alarm: Timer | undefined

  function onPod(change: Change<Pod>): void {
    const { type, object } = change
    if (type === 'DELETED') snapshot.removePod(object)
    else snapshot.setPod(object)
    // Somebody mended the pod itself: it need not wait for the fleet to change.
    if (isMended(change)) queue.remove(objectKey(object))
    if (type !== 'DELETED' && isWaiting(object)) queue.add(objectKey(object), object.spec.priority ?? 0)
    else if (!isStillThere(object)) queue.remove(objectKey(object))
    for (const help of helpOfPod(change)) wake(help)
    requestTurn()
  }

  /** Another pod may have taken the name since: watches tell late. */
  function isStillThere({ metadata: { namespace, name } }: Pod): boolean {
    const current = objects.get(POD, namespace, name)
    return current !== undefined && isWaiting(current)
  }

  function onNode(change: Change<Node>): void {
    if (change.type === 'DELETED') snapshot.removeNode(change.object.metadata.name)
    else snapshot.setNode(change.object)
    if (nodeChangeHelps(change)) wake('room')
    requestTurn()
  }

  function onNote({ object: { metadata } }: Change<ConfigMap>): void {
    if (metadata.name === RECOVERY_NAME && metadata.namespace === RECOVERY_NAMESPACE) wake('room')
  }

  function requestTurn(): void {
    if (isRunning && !turn && queue.ready > 0) turn = clock.after(0, takeTurn)
  }

  function wake(help: Help): void {
    queue.wake(help)
    setAlarm()
  }

  /** For the first of the woken pods whose back-off ends. */
  function setAlarm(): void {
    alarm?.cancel()
    const inMs = queue.nextInMs()
    alarm = inMs !== undefined && isRunning ? clock.after(inMs, () => (turn ??= clock.after(0, takeTurn))) : undefined
  }

  function takeTurn(): void {
    turn = undefined
    const bindings: Binding[] = []
    for (const key of queue.take(PODS_PER_TURN)) {
      const { namespace, name } = splitKey(key)
      const pod = objects.get(POD, namespace, name)
      if (!pod || !isWaiting(pod)) continue
      const binding = decide(pod)
      if (binding) bindings.push(binding)
    }
    bind(bindings)
    setAlarm()
    requestTurn()
  }

  /** What may run only once may run already, on a device that has not yet said so. */
  const mustWait = (pod: Pod): boolean => isFenced(pod) && readRecovery(store)?.isOpen === true

  function decide(pod: Pod): Binding | undefined {
    if (mustWait(pod)) {
      queue.rest(objectKey(pod), pod.spec.priority ?? 0, ['room'])
      tellWhyNot(pod, RECOVERING)
      return undefined
    }
    const placement = place(pod, snapshot)
    if (placement.kind === 'node') {
      // Counted at once: the next pod of this turn must see it.
      snapshot.setPod(boundTo(pod, placement.nodeName))
      return { pod, nodeName: placement.nodeName }
    }
    count.failed++
    queue.rest(objectKey(pod), pod.spec.priority ?? 0, helpedBy(pod))
    tellWhyNot(pod, explain(placement))
    return undefined
  }

  function bind(bindings: readonly Binding[]): void {
    if (bindings.length === 0) return
    try {
      const bound = bindAll(store, bindings, rfc3339(clock.wallMs()))
      const done = new Set(bound.map(({ metadata }) => metadata.uid))
      for (const { pod } of bindings) if (!done.has(pod.metadata.uid)) snapshot.removePod(pod)
      for (const pod of bound) {
        snapshot.setPod(pod)
        queue.remove(objectKey(pod))
        count.placed++
        const { namespace, name } = pod.metadata
        recordEvent(pod, 'Normal', 'Scheduled', `Successfully assigned ${namespace}/${name} to ${pod.spec.nodeName}`)
      }
    } catch (error) {
      log.error({ pods: bindings.length, error }, 'binding pods failed')
      for (const { pod } of bindings) {
        snapshot.removePod(pod)
        queue.rest(objectKey(pod), pod.spec.priority ?? 0, ['room'])
      }
      // Nothing else will wake them: it was not the fleet that was in the way.
      queue.wake('room')
    }
  }

  function tellWhyNot(pod: Pod, message: string): void {
    const { namespace, name } = pod.metadata
    const condition = { status: 'False', reason: 'Unschedulable', message }
    const now = rfc3339(clock.wallMs())
    const known = pod.status?.conditions?.find(({ type }) => type === 'PodScheduled')
    objects.modify(POD, namespace, name, (current) => withScheduled(current, condition, now), { subresource: 'status' })
    if (known?.message !== message) recordEvent(pod, 'Warning', 'FailedScheduling', message)
  }

  function recordEvent(pod: Pod, severity: 'Normal' | 'Warning', reason: string, message: string): void {
    events.record({ about: referenceTo(pod), severity, reason, message, component: SCHEDULER_NAME })
  }

  return {
    get counters() {
      return { ...count, ready: queue.ready, resting: queue.resting }
    },
    start() {
      isRunning = true
      const revision = store.revision
      for (const object of store.list(NODE)) onNode({ type: 'ADDED', revision, kind: NODE, object })
      for (const object of store.list(POD)) onPod({ type: 'ADDED', revision, kind: POD, object })
      unwatch = [
        store.watch(NODE, revision, onNode),
        store.watch(POD, revision, onPod),
        store.watch(CONFIG_MAP, revision, onNote),
      ]
      requestTurn()
    },
    stop() {
      isRunning = false
      turn?.cancel()
      alarm?.cancel()
      turn = alarm = undefined
      for (const end of unwatch.splice(0)) end()
    },
  }
}
