// shelf.ts - objects in order of namespace and name; a list that was handed out never changes under its reader
import type { KubeObject } from '../../shared/kinds/object.ts'

export interface Shelf {
  readonly size: number
  set(object: KubeObject): void
  delete(object: KubeObject): void
  list(): readonly KubeObject[]
  /** The part of the list that has this namespace. */
  listNamespace(namespace: string): readonly KubeObject[]
}

const compareText = (a: string, b: string) => (a < b ? -1 : a > b ? 1 : 0)

function compare(object: KubeObject, namespace: string, name: string): number {
  return compareText(object.metadata.namespace ?? '', namespace) || compareText(object.metadata.name, name)
}

/** Where (namespace, name) is, or would be. */
function position(items: readonly KubeObject[], namespace: string, name: string): number {
  let low = 0
  let high = items.length
  while (low < high) {
    const middle = (low + high) >>> 1
    if (compare(items[middle]!, namespace, name) < 0) low = middle + 1
    else high = middle
  }
  return low
}

/** Sorts after every namespace and name that can be: those are ASCII. */
const LAST = '\uffff'

export function createShelf(sorted: readonly KubeObject[] = []): Shelf {
  let items = sorted.slice()
  let isHandedOut = false

  function ownItems(): KubeObject[] {
    if (isHandedOut) items = items.slice()
    isHandedOut = false
    return items
  }

  function find(object: KubeObject): { at: number; isThere: boolean } {
    const { namespace = '', name } = object.metadata
    const at = position(items, namespace, name)
    const there = items[at]
    return { at, isThere: there !== undefined && compare(there, namespace, name) === 0 }
  }

  return {
    get size() {
      return items.length
    },
    set(object) {
      const { at, isThere } = find(object)
      ownItems().splice(at, isThere ? 1 : 0, object)
    },
    delete(object) {
      const { at, isThere } = find(object)
      if (isThere) ownItems().splice(at, 1)
    },
    list() {
      isHandedOut = true
      return items
    },
    listNamespace(namespace) {
      return items.slice(position(items, namespace, ''), position(items, namespace, LAST))
    },
  }
}
