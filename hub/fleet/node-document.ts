// node-document.ts - builds everything that one node must run, as one document; pure over a reader of the store
import { CONFIG_MAP } from '../../shared/kinds/config-map.ts'
import type { KubeObject, Pod } from '../../shared/kinds/object.ts'
import { POD } from '../../shared/kinds/pod.ts'
import { SECRET } from '../../shared/kinds/secret.ts'
import type { Kind } from '../../shared/kinds/kind.ts'
import type { DesiredState } from '../../shared/protocol/messages.ts'
import type { Reader } from '../store/store.ts'
import { UNKNOWN_ANNOTATION } from '../../shared/recovery.ts'
import { referencesOf } from './references.ts'

/** Without its number: two documents with the same bytes need the same number. */
export type NodeDocument = Omit<DesiredState, 'epoch' | 'revision'>

export function buildDocument(reader: Reader, node: string, settings: DesiredState['settings']): NodeDocument {
  const bound = reader.by(POD, 'nodeName', node).toSorted((a, b) => (a.metadata.uid < b.metadata.uid ? -1 : 1))
  const keys = { configMaps: new Set<string>(), secrets: new Set<string>() }
  for (const pod of bound) {
    const { configMaps, secrets } = referencesOf(pod)
    for (const name of configMaps) keys.configMaps.add(`${pod.metadata.namespace}/${name}`)
    for (const name of secrets) keys.secrets.add(`${pod.metadata.namespace}/${name}`)
  }
  return {
    type: 'state',
    node,
    pods: bound.map(forDevice),
    configMaps: pick(reader, CONFIG_MAP, keys.configMaps, ({ data, binaryData }) => ({ data, binaryData })),
    secrets: pick(reader, SECRET, keys.secrets, ({ data, type }) => ({ data, type })),
    settings,
  }
}

/** The device writes the status, and the rest of the metadata means nothing there: neither may change the document. */
export function forDevice({ apiVersion, kind, metadata, spec }: Pod): Pod {
  const { name, namespace, uid, creationTimestamp, labels, deletionTimestamp, deletionGracePeriodSeconds } = metadata
  const { [LAST_APPLIED]: _, [UNKNOWN_ANNOTATION]: __, ...annotations } = metadata.annotations ?? {}
  return {
    apiVersion,
    kind,
    metadata: {
      name,
      uid,
      creationTimestamp,
      resourceVersion: '',
      ...(namespace && { namespace }),
      ...(labels && { labels }),
      ...(Object.keys(annotations).length > 0 && { annotations }),
      ...(deletionTimestamp && { deletionTimestamp }),
      ...(deletionGracePeriodSeconds !== undefined && { deletionGracePeriodSeconds }),
    },
    spec,
  }
}

const LAST_APPLIED = 'kubectl.kubernetes.io/last-applied-configuration'

/** What is not there is left out: the agent says which pod misses it. */
function pick<T extends KubeObject, R>(reader: Reader, kind: Kind<T>, keys: Iterable<string>, part: (object: T) => R) {
  const found: Record<string, R> = {}
  for (const key of [...keys].toSorted()) {
    const [namespace, name = ''] = key.split('/')
    const object = reader.get(kind, namespace, name)
    if (object) found[key] = part(object)
  }
  return found
}
