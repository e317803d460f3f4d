// node-change.ts - whether a change of a node can change where daemon pods belong; most changes are mere measurements
import type { Node } from '../../../shared/kinds/object.ts'
import { sameJson } from '../../store/same-json.ts'
import type { Change } from '../../store/store.ts'
import { isOffline } from '../node-state.ts'
import { silentRuntimes } from '../taint-plan.ts'

export function nodeChangeMatters({ type, object, previous }: Change<Node>): boolean {
  if (type !== 'MODIFIED' || !previous) return true
  return (
    isOffline(object) !== isOffline(previous) ||
    !sameJson(silentRuntimes(object), silentRuntimes(previous)) ||
    !sameJson(object.metadata.labels, previous.metadata.labels) ||
    !sameJson(object.spec, previous.spec)
  )
}
