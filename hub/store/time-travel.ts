// time-travel.ts - a list as it was some changes ago: what came since is undone on a copy
import { resourceName, type Kind } from '../../shared/kinds/kind.ts'
import type { KubeObject } from '../../shared/kinds/object.ts'
import { objectKey } from './keys.ts'
import { createShelf } from './shelf.ts'
import type { Change } from './store.ts'

export function undo(now: readonly KubeObject[], since: readonly Change[], kind: Kind): readonly KubeObject[] {
  const resource = resourceName(kind)
  const changed = new Map<string, KubeObject | undefined>()
  // The first change after that moment knows what was there at that moment.
  for (const change of since) {
    const key = objectKey(change.object)
    if (resourceName(change.kind) === resource && !changed.has(key)) changed.set(key, change.previous)
  }
  if (changed.size === 0) return now
  const shelf = createShelf(now.filter((object) => !changed.has(objectKey(object))))
  for (const previous of changed.values()) if (previous) shelf.set(previous)
  return shelf.list()
}
