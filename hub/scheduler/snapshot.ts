// snapshot.ts - all nodes with all their pods, as the scheduler counts on them: the store's, and its own newest bindings
import type { Node, Pod } from '../../shared/kinds/object.ts'
import { count, newNodeInfo, setNode, type NodeInfo } from './node-info.ts'
import { podFacts, type PodFacts } from './pod-facts.ts'

export interface Snapshot {
  /** Those that are there. */
  readonly nodes: readonly NodeInfo[]
  node(name: string): NodeInfo | undefined
  /** Placed pods that keep others away by required anti-affinity: every placement has to ask them. */
  readonly guarded: ReadonlyMap<string, PodFacts>
  labelsOfNamespace(namespace: string): Readonly<Record<string, string>>
}

export interface LiveSnapshot extends Snapshot {
  setNode(node: Node): void
  removeNode(name: string): void
  /** Older than what is known: ignored. Watches tell late what the scheduler did itself. */
  setPod(pod: Pod): void
  removePod(pod: Pod): void
}

interface Placed {
  facts: PodFacts
  nodeName: string
  revision: number
}

export function createSnapshot(labelsOfNamespace: Snapshot['labelsOfNamespace']): LiveSnapshot {
  const infos = new Map<string, NodeInfo>()
  const placed = new Map<string, Placed>()
  const guarded = new Map<string, PodFacts>()
  let nodes: readonly NodeInfo[] | undefined

  function infoOf(name: string): NodeInfo {
    const info = infos.get(name) ?? newNodeInfo(name)
    infos.set(name, info)
    return info
  }

  function forgetIfEmpty(info: NodeInfo): void {
    if (!info.node && info.pods.size === 0) infos.delete(info.name)
  }

  function lift(uid: string): void {
    const known = placed.get(uid)
    if (!known) return
    placed.delete(uid)
    guarded.delete(uid)
    const info = infoOf(known.nodeName)
    count(info, known.facts, -1)
    forgetIfEmpty(info)
  }

  return {
    get nodes() {
      return (nodes ??= [...infos.values()].filter((info) => info.node !== undefined))
    },
    node(name) {
      const info = infos.get(name)
      return info?.node ? info : undefined
    },
    guarded,
    labelsOfNamespace,
    setNode(node) {
      const info = infoOf(node.metadata.name)
      if (!info.node) nodes = undefined
      setNode(info, node)
    },
    removeNode(name) {
      const info = infoOf(name)
      setNode(info, undefined)
      forgetIfEmpty(info)
      nodes = undefined
    },
    setPod(pod) {
      const { uid } = pod.metadata
      const revision = Number(pod.metadata.resourceVersion)
      const known = placed.get(uid)
      if (known && known.revision > revision) return
      const { nodeName } = pod.spec
      if (!nodeName || hasEnded(pod)) return lift(uid)
      if (
        known &&
        known.nodeName === nodeName &&
        known.facts.pod.spec === pod.spec &&
        sameLabels(known.facts.pod, pod)
      ) {
        known.revision = revision
        return
      }
      lift(uid)
      const facts = podFacts(pod)
      placed.set(uid, { facts, nodeName, revision })
      if (pod.spec.affinity?.podAntiAffinity?.requiredDuringSchedulingIgnoredDuringExecution?.length)
        guarded.set(uid, facts)
      count(infoOf(nodeName), facts, 1)
    },
    removePod: (pod) => lift(pod.metadata.uid),
  }
}

/** Its containers are gone for good: what it held is free. */
const hasEnded = ({ status }: Pod) => status?.phase === 'Succeeded' || status?.phase === 'Failed'

const sameLabels = (a: Pod, b: Pod) =>
  a.metadata.labels === b.metadata.labels && a.metadata.deletionTimestamp === b.metadata.deletionTimestamp
