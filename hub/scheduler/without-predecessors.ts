// without-predecessors.ts - the fleet as a pod will find it that starts when others have ended: theirs is its room, and they keep nobody away
import type { Pod } from '../../shared/kinds/object.ts'
import { predecessorsOf } from '../../shared/succession.ts'
import { count, type NodeInfo } from './node-info.ts'
import type { Snapshot } from './snapshot.ts'

export function withoutPredecessors(pod: Pod, snapshot: Snapshot): Snapshot {
  const uids = predecessorsOf(pod)
  const withThem = snapshot.nodes.filter(({ pods }) => uids.some((uid) => pods.has(uid)))
  if (withThem.length === 0) return snapshot
  const changed = new Map(withThem.map((info) => [info.name, without(info, uids)]))
  return {
    nodes: snapshot.nodes.map((info) => changed.get(info.name) ?? info),
    node: (name) => changed.get(name) ?? snapshot.node(name),
    guarded: new Map([...snapshot.guarded].filter(([uid]) => !uids.includes(uid))),
    labelsOfNamespace: snapshot.labelsOfNamespace,
  }
}

/** Where they still are the pod has to go: elsewhere nobody could see them end. Undefined once they are gone. */
export const nodeOfPredecessors = (pod: Pod, { nodes }: Snapshot): string | undefined => {
  const uids = predecessorsOf(pod)
  return uids.length > 0 ? nodes.find(({ pods }) => uids.some((uid) => pods.has(uid)))?.name : undefined
}

function without(info: NodeInfo, uids: readonly string[]): NodeInfo {
  const left: NodeInfo = {
    ...info,
    used: new Map(info.used),
    scored: { ...info.scored },
    pods: new Map(info.pods),
    hostPorts: new Set(info.hostPorts),
    controllers: new Map(info.controllers),
  }
  for (const uid of uids) {
    const facts = info.pods.get(uid)
    if (facts) count(left, facts, -1)
  }
  return left
}
