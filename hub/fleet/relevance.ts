// relevance.ts - which nodes a change in the store concerns, so that only their documents are built again
import { CONFIG_MAP } from '../../shared/kinds/config-map.ts'
import { NODE } from '../../shared/kinds/node.ts'
import type { Node, Pod } from '../../shared/kinds/object.ts'
import { POD } from '../../shared/kinds/pod.ts'
import { SECRET } from '../../shared/kinds/secret.ts'
import { PROFILE_LABEL } from '../../shared/node-selection.ts'
import { beginsRecovery } from '../store/recovery-record.ts'
import { sameJson } from '../store/same-json.ts'
import type { Change, Store, Unwatch } from '../store/store.ts'
import { referencesOf } from './references.ts'

/** Calls back for every node whose document may have changed, from the changes alone; who starts builds once anyway. */
export function watchRelevance(store: Store, onNode: (node: string) => void): Unwatch {
  /** "configmap default/web" to the nodes whose pods mention it, each with the number of its pods. */
  const users = new Map<string, Map<string, number>>()

  const count = (pod: Pod | undefined, by: 1 | -1) => {
    const node = pod?.spec.nodeName
    if (!node) return
    for (const key of keysOf(pod)) {
      const nodes = users.get(key) ?? new Map<string, number>()
      const uses = (nodes.get(node) ?? 0) + by
      if (uses > 0) nodes.set(node, uses)
      else nodes.delete(node)
      if (nodes.size > 0) users.set(key, nodes)
      else users.delete(key)
    }
  }
  const tellUsers = (key: string) => {
    for (const node of users.get(key)?.keys() ?? []) onNode(node)
  }

  const since = store.revision
  for (const pod of store.list(POD)) count(pod, 1)
  const ends = [
    store.watch(POD, since, (change) => {
      if (!mayMatter(change)) return
      const now = change.type === 'DELETED' ? undefined : change.object
      const before = change.type === 'DELETED' ? change.object : change.previous
      count(before, -1)
      count(now, 1)
      for (const node of new Set([before?.spec.nodeName, now?.spec.nodeName])) if (node) onNode(node)
    }),
    store.watch(NODE, since, (change) => {
      if (change.type === 'MODIFIED' && profileOf(change.object) !== profileOf(change.previous))
        onNode(change.object.metadata.name)
    }),
    store.watch(CONFIG_MAP, since, (change) => {
      const { namespace, name } = change.object.metadata
      tellUsers(`configmap ${namespace}/${name}`)
      // Each device is accounted for anew, also one that was heard before the loss showed and with which nothing else happens.
      if (beginsRecovery(change)) for (const { metadata } of store.list(NODE)) onNode(metadata.name)
    }),
    store.watch(SECRET, since, ({ object: { metadata } }) =>
      tellUsers(`secret ${metadata.namespace}/${metadata.name}`),
    ),
  ]
  return () => {
    for (const end of ends) end()
  }
}

const profileOf = (node: Node | undefined) => node?.metadata.labels?.[PROFILE_LABEL]

/** Most changes of pods are statuses that came from the device itself: what goes down to it stays the same. */
const mayMatter = ({ type, object, previous }: Change<Pod>): boolean =>
  type !== 'MODIFIED' || !previous || !sameJson(forDevice(object), forDevice(previous))

function forDevice({ metadata, spec }: Pod) {
  const { labels, annotations, deletionTimestamp, deletionGracePeriodSeconds } = metadata
  return { spec, labels, annotations, deletionTimestamp, deletionGracePeriodSeconds }
}

function keysOf(pod: Pod): string[] {
  const { configMaps, secrets } = referencesOf(pod)
  const { namespace } = pod.metadata
  return [
    ...[...configMaps].map((name) => `configmap ${namespace}/${name}`),
    ...[...secrets].map((name) => `secret ${namespace}/${name}`),
  ]
}
