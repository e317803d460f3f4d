// orphans.ts - which objects of a kind have no controller, so that owners find what they may adopt without reading everything
import type { Kind } from '../../shared/kinds/kind.ts'
import type { KubeObject } from '../../shared/kinds/object.ts'
import type { Change, Reader } from '../store/store.ts'
import { controllerOf } from './claim.ts'

export interface Orphans<T extends KubeObject> {
  note(change: Change<T>): void
  in(namespace: string | undefined): readonly T[]
}

/** Holds names only and reads the objects when asked: what it says is as true as the store. */
export function createOrphans<T extends KubeObject>(reader: Reader, kind: Kind<T>): Orphans<T> {
  const names = new Map<string, Set<string>>()
  return {
    note({ type, object }) {
      const namespace = object.metadata.namespace ?? ''
      const here = names.get(namespace) ?? new Set<string>()
      if (type !== 'DELETED' && !controllerOf(object)) here.add(object.metadata.name)
      else here.delete(object.metadata.name)
      if (here.size > 0) names.set(namespace, here)
      else names.delete(namespace)
    },
    in(namespace) {
      return [...(names.get(namespace ?? '') ?? [])].flatMap((name) => {
        const object = reader.get(kind, namespace, name)
        return object && !controllerOf(object) ? [object] : []
      })
    },
  }
}
