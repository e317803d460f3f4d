// table.ts - the objects of one resource: by name, in order, and by the few other keys that hot paths need
import type { KubeObject } from '../../shared/kinds/object.ts'
import { keyOf, objectKey } from './keys.ts'
import { createShelf, type Shelf } from './shelf.ts'
import type { IndexName } from './store.ts'

export interface Table {
  get(namespace: string | undefined, name: string): KubeObject | undefined
  list(namespace?: string): readonly KubeObject[]
  by(index: IndexName, value: string): readonly KubeObject[]
  set(object: KubeObject): void
  delete(object: KubeObject): void
}

const INDEXES: readonly IndexName[] = ['nodeName', 'ownerUid', 'controllerUid']

export function createTable(): Table {
  const byKey = new Map<string, KubeObject>()
  const shelf = createShelf()
  const buckets = new Map<string, Shelf>()

  function unindex(object: KubeObject) {
    for (const key of bucketKeys(object)) {
      const bucket = buckets.get(key)
      bucket?.delete(object)
      if (bucket?.size === 0) buckets.delete(key)
    }
  }

  function index(object: KubeObject) {
    for (const key of bucketKeys(object)) {
      let bucket = buckets.get(key)
      if (!bucket) buckets.set(key, (bucket = createShelf()))
      bucket.set(object)
    }
  }

  return {
    get: (namespace, name) => byKey.get(keyOf(namespace, name)),
    list: (namespace) => (namespace ? shelf.listNamespace(namespace) : shelf.list()),
    by: (name, value) => buckets.get(bucketKey(name, value))?.list() ?? [],
    set(object) {
      const key = objectKey(object)
      const previous = byKey.get(key)
      if (previous && !sameBuckets(previous, object)) unindex(previous)
      byKey.set(key, object)
      shelf.set(object)
      index(object)
    },
    delete(object) {
      const key = objectKey(object)
      const previous = byKey.get(key)
      if (!previous) return
      unindex(previous)
      byKey.delete(key)
      shelf.delete(previous)
    },
  }
}

const bucketKey = (index: IndexName, value: string) => `${index}=${value}`

const bucketKeys = (object: KubeObject) =>
  INDEXES.flatMap((index) => indexValues(object, index).map((value) => bucketKey(index, value)))

/** Parts that have not changed are the very same: nearly every write stays where it is. */
const sameBuckets = (a: KubeObject, b: KubeObject) =>
  a.spec === b.spec && a.metadata.ownerReferences === b.metadata.ownerReferences

function indexValues(object: KubeObject, index: IndexName): string[] {
  const owners = object.metadata.ownerReferences ?? []
  switch (index) {
    case 'nodeName':
      return nodeNameOf(object.spec)
    case 'ownerUid':
      return owners.map((owner) => owner.uid)
    case 'controllerUid':
      return owners.filter((owner) => owner.controller).map((owner) => owner.uid)
  }
}

const nodeNameOf = (spec: unknown): string[] =>
  spec !== null && typeof spec === 'object' && 'nodeName' in spec && typeof spec.nodeName === 'string' && spec.nodeName
    ? [spec.nodeName]
    : []
