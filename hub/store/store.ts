// store.ts - what the rest of the hub knows of the store: read, transact, wait until durable, watch
import type { Kind } from '../../shared/kinds/kind.ts'
import type { KubeObject } from '../../shared/kinds/object.ts'
import type { Service } from '../../shared/service.ts'

/** The few keys besides namespace and name that hot paths look objects up by. */
export type IndexName = 'nodeName' | 'ownerUid' | 'controllerUid'

export interface Reader {
  get<T extends KubeObject>(kind: Kind<T>, namespace: string | undefined, name: string): T | undefined
  /** Sorted by namespace, then name. */
  list<T extends KubeObject>(kind: Kind<T>, namespace?: string): readonly T[]
  by<T extends KubeObject>(kind: Kind<T>, index: IndexName, value: string): readonly T[]
}

/** Everything put and removed through one of these becomes durable together or not at all. */
export interface Transaction extends Reader {
  /** Stores under the next revision, which becomes the object's resourceVersion; returns what is now stored. */
  put<T extends KubeObject>(kind: Kind<T>, object: T): T
  remove<T extends KubeObject>(kind: Kind<T>, object: T): T
}

export interface Change<T extends KubeObject = KubeObject> {
  type: 'ADDED' | 'MODIFIED' | 'DELETED'
  revision: number
  kind: Kind<T>
  object: T
  previous?: T
}

export type Unwatch = () => void

export interface Store extends Reader, Service {
  /** The newest revision in memory; `durable` tells when the disk has it too. */
  readonly revision: number
  readonly durableRevision: number
  /** Synchronous in memory. A throw inside leaves nothing behind. */
  transact<R>(work: (tx: Transaction) => R): R
  /** Resolves when everything up to this revision would survive a power cut. */
  durable(revision?: number): Promise<void>
  /**
   * Every change after `since`, in order, each only once it is durable. Replays from the ring first.
   * Throws 410 Expired when the ring no longer reaches back, 504 when `since` is in the future.
   */
  watch<T extends KubeObject>(kind: Kind<T>, since: number, onChange: (change: Change<T>) => void): Unwatch
  /** The same over all kinds. */
  watchAll(since: number, onChange: (change: Change) => void): Unwatch
  /** The list as it was at a revision, for consistent paging; throws 410 when the ring no longer reaches back. */
  listAt<T extends KubeObject>(kind: Kind<T>, namespace: string | undefined, revision: number): readonly T[]
}
