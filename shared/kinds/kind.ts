// kind.ts - what a row of the table of kinds says; the API, the store and the controllers are generic over these rows
import type { Json, KubeObject } from './object.ts'
import type { Cause } from './status-error.ts'
import type { Schema } from './schema.ts'

export interface Column {
  name: string
  type: 'string' | 'integer' | 'number' | 'boolean' | 'date'
  format?: string
  description?: string
  /** Shown by `-o wide` only. */
  wide?: boolean
  value(object: KubeObject, nowMs: number): Json
}

export interface Subresource {
  kind: string
  group?: string
  version?: string
  verbs: readonly Verb[]
}

export type Verb = 'create' | 'delete' | 'deletecollection' | 'get' | 'list' | 'patch' | 'update' | 'watch'

/** Where autoscaling/v1 Scale finds its numbers, as dotted paths. */
export interface ScalePaths {
  spec: string
  status: string
  selector?: string
}

/** T is what controllers read and write under this row; it exists for the compiler alone. */
export interface Kind<T extends KubeObject = KubeObject> {
  readonly group: string
  readonly version: string
  readonly kind: string
  readonly plural: string
  readonly singular: string
  readonly shortNames: readonly string[]
  readonly categories: readonly string[]
  readonly namespaced: boolean
  readonly verbs: readonly Verb[]
  readonly subresources: Readonly<Record<string, Subresource>>
  /** True when spec and status have their own endpoints and writers. */
  readonly hasStatus: boolean
  /** True for pods: deletion waits for the agent to stop the containers. */
  readonly stopsGracefully?: boolean
  readonly columns: readonly Column[]
  /** Field selectors beyond metadata.name and metadata.namespace. */
  readonly selectableFields: Readonly<Record<string, (object: KubeObject) => unknown>>
  /** Name in the generated component schemas; absent for custom kinds, which bring `schema`. */
  readonly schemaName?: string
  readonly schema?: Schema
  readonly scale?: ScalePaths
  /** Another served version of a stored kind, with a lossless conversion. */
  readonly storage?: {
    kind: Kind
    toStorage(object: KubeObject): KubeObject
    fromStorage(object: KubeObject): KubeObject
  }
  /** What an earlier definition of this kind has stored, in the version that is stored now; itself when it is that already. */
  readonly fromEarlier?: (object: KubeObject) => KubeObject
  /** Fills what the client left out, as upstream does; changes its argument, which is the caller's own copy. */
  readonly setDefaults?: (object: KubeObject) => void
  /** On update: keeps what the server allocated and the client left out; changes `next`. */
  readonly carryOver?: (next: KubeObject, old: KubeObject) => void
  /** `subresource` is the endpoint of an update; some parts change only through their own. */
  readonly validate?: (object: KubeObject, old?: KubeObject, subresource?: string) => Cause[]
  /** What is wrong with its status; of built-in kinds only our own parts write it. */
  readonly validateStatus?: (object: KubeObject) => Cause[]
  /** Said in a `Warning:` header when somebody creates or changes one: what we accept and do not act on yet. */
  readonly warnings?: (object: KubeObject, old?: KubeObject) => string[]
  /** Never stored; only the compiler looks here. */
  readonly _object?: T
}

/** "apps/v1" or "v1". */
export const apiVersionOf = (kind: Pick<Kind, 'group' | 'version'>): string =>
  kind.group ? `${kind.group}/${kind.version}` : kind.version

/** "deployments.apps" or "pods": the name in error messages and in the store. */
export const resourceName = (kind: Pick<Kind, 'group' | 'plural'>): string =>
  kind.group ? `${kind.plural}.${kind.group}` : kind.plural
