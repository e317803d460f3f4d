// objects.ts - the verbs on stored objects that API, controllers, scheduler and fleet share: names, uids, generations, two-step deletion
import type { Clock } from '../../shared/clock.ts'
import type { Kind } from '../../shared/kinds/kind.ts'
import type { KubeObject, NewObject } from '../../shared/kinds/object.ts'
import { badRequest, notFound } from '../../shared/kinds/status-error.ts'
import type { Random } from '../../shared/random.ts'
import { checkNamespaceOpen } from './namespace-rules.ts'
import { newObject } from './object-create.ts'
import { deletionOf } from './object-delete.ts'
import { isGone, updatedObject } from './object-update.ts'
import type { Reader, Store } from './store.ts'
import type { DeleteOptions, UpdateOptions } from './write-options.ts'
import { allFromStored, fromStored, storedKind, toStored } from './stored-version.ts'

export type { DeleteOptions, UpdateOptions }

/** Synchronous in memory, as the store is; what must survive before it is told waits for `store.durable()`. */
export interface Objects extends Reader {
  /** Fills uid, creationTimestamp, generation, generateName; defaults; validates; 409 AlreadyExists, 422 Invalid, 403 in a dying namespace. */
  create<T extends KubeObject>(kind: Kind<T>, object: NewObject<T>, options?: UpdateOptions): T
  /** Compare-and-swap when metadata.resourceVersion is set. Equal to what is stored: no write, no new revision. */
  update<T extends KubeObject>(kind: Kind<T>, object: T, options?: UpdateOptions): T
  /** Read, change, write in one go. `change` answers undefined to leave it; undefined comes back when it is not there. */
  modify<T extends KubeObject>(
    kind: Kind<T>,
    namespace: string | undefined,
    name: string,
    change: (current: T) => T | undefined,
    options?: UpdateOptions,
  ): T | undefined
  /** `gone` is false while finalizers or an agent still hold it. 404 when it is not there. */
  delete(
    kind: Kind,
    namespace: string | undefined,
    name: string,
    options?: DeleteOptions,
  ): { object: KubeObject; gone: boolean }
}

export interface ObjectsDeps {
  store: Store
  /** The row of the kind Namespace: nothing is created in one that is missing or going. */
  namespaces: Kind
  clock: Clock
  random: Random
}

export function createObjects({ store, namespaces, clock, random }: ObjectsDeps): Objects {
  const read = (kind: Kind, namespace: string | undefined, name: string) =>
    store.get(storedKind(kind), kind.namespaced ? namespace : undefined, name)

  const write = (kind: Kind, object: KubeObject, previous?: KubeObject) =>
    store.transact((tx) => (previous && isGone(kind, object) ? tx.remove(kind, object) : tx.put(kind, object)))

  function create<T extends KubeObject>(kind: Kind<T>, given: NewObject<T>, options: UpdateOptions = {}): T {
    const namespace = kind.namespaced ? given.metadata.namespace : undefined
    if (kind.namespaced) {
      if (!namespace) throw badRequest('an empty namespace may not be set during creation')
      const found = store.get(namespaces, undefined, namespace)
      checkNamespaceOpen(kind, given.metadata.name, namespaces, namespace, found)
    }
    const isTaken = (name: string) => read(kind, namespace, name) !== undefined
    const object = toStored(kind, newObject(kind, given, { wallMs: clock.wallMs(), random, isTaken }))
    if (kind.storage) kind.storage.kind.setDefaults?.(object)
    return fromStored(kind, options.dryRun ? object : write(storedKind(kind), object))
  }

  function update<T extends KubeObject>(kind: Kind<T>, given: T, options: UpdateOptions = {}): T {
    const { namespace, name } = given.metadata
    const stored = read(kind, namespace, name)
    if (!stored) throw notFound(kind, name)
    const old = fromStored(kind, stored)
    const next = updatedObject(kind, old, given, options.subresource)
    if (next === old) return old
    const object = toStored(kind, next)
    // Versions differ in their specs; a status that was not asked about stays as it is, to the letter.
    const complete = kind.storage && options.subresource !== 'status' ? { ...object, status: stored.status } : object
    return fromStored(kind, options.dryRun ? complete : write(storedKind(kind), complete, stored))
  }

  return {
    get: <T extends KubeObject>(kind: Kind<T>, namespace: string | undefined, name: string) => {
      const stored = read(kind, namespace, name)
      return stored && fromStored(kind, stored)
    },
    list: (kind, namespace) => allFromStored(kind, store.list(storedKind(kind), namespace)),
    by: (kind, index, value) => allFromStored(kind, store.by(storedKind(kind), index, value)),
    create,
    update,
    modify(kind, namespace, name, change, options) {
      const stored = read(kind, namespace, name)
      if (!stored) return undefined
      const current = fromStored(kind, stored)
      const changed = change(current)
      return changed ? update(kind, changed, options) : current
    },
    delete(kind, namespace, name, options = {}) {
      const stored = read(kind, namespace, name)
      if (!stored) throw notFound(kind, name)
      const deletion = deletionOf(storedKind(kind), stored, options, clock.wallMs())
      const gone = deletion.do === 'remove'
      const isWritten = deletion.do !== 'nothing' && !options.dryRun
      const object = isWritten ? write(storedKind(kind), deletion.object, stored) : deletion.object
      return { object: fromStored(kind, object), gone }
    },
  }
}
