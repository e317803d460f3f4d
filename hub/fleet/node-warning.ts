// node-warning.ts - an event on a node, for people: what its device does or holds is not as it should be
import { NODE } from '../../shared/kinds/node.ts'
import type { Log } from '../../shared/log.ts'
import { referenceTo, type EventRecorder } from '../store/events.ts'
import type { Objects } from '../store/objects.ts'
import { HUB_COMPONENT } from './components.ts'

export interface NodeWarningDeps {
  objects: Pick<Objects, 'get'>
  events: Pick<EventRecorder, 'record'>
}

/** Nothing when the node is gone. */
export function warnOfNode({ objects, events }: NodeWarningDeps, node: string, reason: string, message: string): void {
  const about = objects.get(NODE, undefined, node)
  if (about)
    events.record({ about: referenceTo(about), severity: 'Warning', reason, message, component: HUB_COMPONENT })
}

/** For the log too. */
export function logAndWarn(deps: NodeWarningDeps & { log: Log }, node: string, reason: string, message: string): void {
  deps.log.warn({ node, reason }, message)
  warnOfNode(deps, node, reason, message)
}
