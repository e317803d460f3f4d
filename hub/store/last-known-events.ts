// last-known-events.ts - which events are the last that is known of something: of devices that are away, and of the pods there
import { NODE } from '../../shared/kinds/node.ts'
import type { Event } from '../../shared/kinds/object.ts'
import { POD } from '../../shared/kinds/pod.ts'
import type { Objects } from './objects.ts'

/** Nothing newer will come before the device is back, and what is there is all that people have to go by. */
export function isLastKnown({ involvedObject }: Pick<Event, 'involvedObject'>, objects: Pick<Objects, 'get'>): boolean {
  const nodeName = nodeOf(involvedObject, objects)
  const node = nodeName === undefined ? undefined : objects.get(NODE, undefined, nodeName)
  return node?.status?.conditions?.some(({ type, status }) => type === 'Ready' && status === 'Unknown') ?? false
}

function nodeOf({ kind, namespace, name, uid }: Event['involvedObject'], objects: Pick<Objects, 'get'>) {
  if (kind === NODE.kind) return name
  if (kind !== POD.kind || name === undefined) return undefined
  const pod = objects.get(POD, namespace, name)
  return pod?.metadata.uid === uid ? pod?.spec.nodeName : undefined
}
