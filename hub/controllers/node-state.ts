// node-state.ts - what the hub knows of a node, as far as controllers care
import type { Node } from '../../shared/kinds/object.ts'
import { UNREACHABLE } from './default-tolerations.ts'

export const readyStatus = (node: Node): string =>
  node.status?.conditions?.find(({ type }) => type === 'Ready')?.status ?? 'Unknown'

/** Nobody can say what it runs now, and nothing that it is told arrives before it is back. */
export const isOffline = (node: Node): boolean =>
  readyStatus(node) === 'Unknown' || (node.spec.taints ?? []).some(({ key }) => key === UNREACHABLE)
