// keys.ts - "namespace/name" as one string: how objects are named in tables, queues and logs
import type { KubeObject } from '../../shared/kinds/object.ts'

/** "shop/web", or "/node-1" for what has no namespace. Names never hold a slash. */
export const keyOf = (namespace: string | undefined, name: string): string => `${namespace ?? ''}/${name}`

export const objectKey = (object: Pick<KubeObject, 'metadata'>): string =>
  keyOf(object.metadata.namespace, object.metadata.name)

export function splitKey(key: string): { namespace: string | undefined; name: string } {
  const slash = key.indexOf('/')
  return { namespace: slash > 0 ? key.slice(0, slash) : undefined, name: key.slice(slash + 1) }
}
