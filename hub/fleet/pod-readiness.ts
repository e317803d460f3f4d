// pod-readiness.ts - pods of a device that is not heard of are not ready; everything else that it said last stays as it was
import { rfc3339 } from '../../shared/clock.ts'
import type { Pod, PodCondition } from '../../shared/kinds/object.ts'
import { POD } from '../../shared/kinds/pod.ts'
import { NODE_NOT_READY } from '../../shared/last-known.ts'
import { referenceTo, type EventRecorder } from '../store/events.ts'
import type { Objects } from '../store/objects.ts'
import { HUB_COMPONENT } from './components.ts'

export interface PodReadinessDeps {
  objects: Objects
  events: Pick<EventRecorder, 'record'>
}

export interface Silence {
  node: string
  lastHeardWallMs: number | undefined
  nowWallMs: number
}

/**
 * Called in the same step that marks the node, so that no report of the device comes in between: whatever it says next
 * wins at once, and it says everything anew in its next session.
 */
export function markPodsNotReady({ objects, events }: PodReadinessDeps, silence: Silence): void {
  for (const { metadata } of objects.by(POD, 'nodeName', silence.node)) {
    const { namespace, name, uid } = metadata
    let isMarked = false
    const marked = objects.modify(
      POD,
      namespace,
      name,
      (pod) => {
        const next = pod.metadata.uid === uid ? withNotReady(pod, silence) : undefined
        isMarked = next !== undefined
        return next
      },
      { subresource: 'status' },
    )
    if (!marked || !isMarked) continue
    const message = `Node ${silence.node} is not heard of: the pod's status is the last that is known`
    events.record({
      about: referenceTo(marked),
      severity: 'Warning',
      reason: NODE_NOT_READY,
      message,
      component: HUB_COMPONENT,
    })
  }
}

/** Undefined when the pod was not ready anyway, or has ended and can no longer become otherwise. */
export function withNotReady(pod: Pod, { node, lastHeardWallMs, nowWallMs }: Silence): Pod | undefined {
  const conditions = pod.status?.conditions ?? []
  const isReady = conditions.some(({ type, status }) => type === 'Ready' && status === 'True')
  if (!isReady || pod.status?.phase === 'Succeeded' || pod.status?.phase === 'Failed') return undefined
  const heard = lastHeardWallMs === undefined ? 'in an earlier life of the hub' : `at ${rfc3339(lastHeardWallMs)}`
  const unready: PodCondition = {
    type: 'Ready',
    status: 'False',
    reason: NODE_NOT_READY,
    message: `device ${node} was last heard of ${heard}; its containers are shown as they were then`,
    lastTransitionTime: rfc3339(nowWallMs),
  }
  const changed = conditions.map((condition) => (condition.type === 'Ready' ? unready : condition))
  return { ...pod, status: { ...pod.status, conditions: changed } }
}
