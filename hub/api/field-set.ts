// field-set.ts - which fields of an object somebody owns: a trie in Kubernetes' FieldsV1 notation, and its arithmetic
import { isDeepStrictEqual } from 'node:util'
import type { Json, JsonObject } from '../../shared/kinds/object.ts'
import type { Schema } from '../../shared/kinds/schema.ts'
import { isJsonObject, items, property } from '../../shared/kinds/schema-walk.ts'

/** "f:name" is a field, "k:{...}" the item of a list with these keys, "v:..." a member of a set, "." the thing itself. */
export interface FieldSet {
  readonly [key: string]: FieldSet
}

const LEAF: FieldSet = {}
const SELF = '.'
const SELF_ONLY: FieldSet = { [SELF]: LEAF }

export const isEmpty = (set: FieldSet | undefined): boolean => set === undefined || Object.keys(set).length === 0

/** The server's own fields belong to nobody. */
const SERVER_FIELDS = new Set(['apiVersion', 'kind'])
const SERVER_METADATA = new Set(
  `creationTimestamp deletionGracePeriodSeconds deletionTimestamp generateName generation managedFields name namespace
   resourceVersion selfLink uid`.split(/\s+/),
)

/** Every field that is set in an object. `withSelf` marks maps and lists themselves too, as updates do and applies do not. */
export function fieldsOf(object: JsonObject, schema: Schema | undefined, withSelf: boolean): FieldSet {
  const { metadata, ...rest } = object
  const own = Object.fromEntries(Object.entries(rest).filter(([key]) => !SERVER_FIELDS.has(key)))
  const set = fieldsOfMap(own, schema, withSelf)
  if (!isJsonObject(metadata)) return set
  const ownMetadata = Object.fromEntries(Object.entries(metadata).filter(([key]) => !SERVER_METADATA.has(key)))
  const metadataSet = fieldsOfMap(ownMetadata, property(schema, 'metadata'), withSelf)
  return isEmpty(metadataSet) ? set : { 'f:metadata': metadataSet, ...set }
}

const fieldsOfMap = (object: JsonObject, schema: Schema | undefined, withSelf: boolean): FieldSet =>
  Object.fromEntries(
    Object.entries(object).map(([key, value]) => [`f:${key}`, fieldsBelow(value, property(schema, key), withSelf)]),
  )

function fieldsBelow(value: Json, schema: Schema | undefined, withSelf: boolean): FieldSet {
  if (isJsonObject(value) && !isAtomicMap(schema) && Object.keys(value).length > 0) {
    const isMap = typeof schema?.additionalProperties === 'object'
    return { ...(withSelf && isMap ? SELF_ONLY : LEAF), ...fieldsOfMap(value, schema, withSelf) }
  }
  if (!Array.isArray(value) || value.length === 0 || listType(schema) === 'atomic') return LEAF
  const isMapList = listType(schema) === 'map'
  const members = value.map((item): [string, FieldSet] =>
    isMapList && isJsonObject(item)
      ? [itemKey(item, schema), { ...SELF_ONLY, ...fieldsOfMap(item, items(schema), withSelf) }]
      : [memberKey(item), LEAF],
  )
  return { ...(withSelf ? SELF_ONLY : LEAF), ...Object.fromEntries(members) }
}

export const isAtomicMap = (schema: Schema | undefined): boolean => schema?.['x-kubernetes-map-type'] === 'atomic'
/** Lists that the schema says nothing about are owned as a whole. */
export const listType = (schema: Schema | undefined) => schema?.['x-kubernetes-list-type'] ?? 'atomic'

/** A port without a protocol is the same port as one with TCP: the key is made before defaults are filled. */
const KEY_DEFAULTS: Readonly<Record<string, Json>> = { protocol: 'TCP' }

export function itemKey(item: Json, schema: Schema | undefined): string {
  const names = (schema?.['x-kubernetes-list-map-keys'] ?? []).toSorted()
  const valueOf = (name: string) =>
    (isJsonObject(item) ? item[name] : undefined) ?? property(items(schema), name)?.default ?? KEY_DEFAULTS[name]
  return `k:${JSON.stringify(Object.fromEntries(names.map((name) => [name, valueOf(name)])))}`
}

export const memberKey = (value: Json): string => `v:${JSON.stringify(value)}`

export function union(a: FieldSet, b: FieldSet): FieldSet {
  const result: Record<string, FieldSet> = { ...a }
  for (const [key, below] of Object.entries(b)) result[key] = result[key] ? union(result[key], below) : below
  return result
}

/** What is in `a` and not in `b`. A field owned as a whole stays when only something below it goes. */
export function minus(a: FieldSet, b: FieldSet): FieldSet {
  const result: Record<string, FieldSet> = {}
  for (const [key, below] of Object.entries(a)) {
    const taken = b[key]
    if (taken === undefined || (isEmpty(below) && !isEmpty(taken))) result[key] = below
    else if (!isEmpty(below)) {
      const left = minus(below, taken)
      if (!isEmpty(left)) result[key] = left
    }
  }
  return result
}

/** Fields that are in both; owning the whole of something meets owning a part of it. */
export function intersect(a: FieldSet, b: FieldSet): FieldSet {
  const result: Record<string, FieldSet> = {}
  for (const [key, below] of Object.entries(a)) {
    const other = b[key]
    if (other === undefined || key === SELF) continue
    const both = intersect(below, other)
    if (isEmpty(below) || isEmpty(other) || !isEmpty(both)) result[key] = both
  }
  return result
}

/** Of the fields in `set`, those whose values are not the same in two objects. */
export function differing(
  set: FieldSet,
  a: Json | undefined,
  b: Json | undefined,
  schema: Schema | undefined,
): FieldSet {
  const result: Record<string, FieldSet> = {}
  for (const [key, below] of Object.entries(set)) {
    if (key === SELF) continue
    const [inA, inner] = step(a, key, schema)
    const [inB] = step(b, key, schema)
    if (isEmpty(below) || inA === undefined || inB === undefined) {
      if (!isDeepStrictEqual(inA, inB)) result[key] = below
    } else {
      const differs = differing(below, inA, inB, inner)
      if (!isEmpty(differs)) result[key] = differs
    }
  }
  return result
}

function step(
  value: Json | undefined,
  key: string,
  schema: Schema | undefined,
): [Json | undefined, Schema | undefined] {
  if (key.startsWith('f:')) {
    const name = key.slice(2)
    const isThere = isJsonObject(value) && Object.hasOwn(value, name)
    return [isThere ? value[name] : undefined, property(schema, name)]
  }
  const member = Array.isArray(value) ? membersOf(value, schema).get(key) : undefined
  return key.startsWith('k:') ? [member, items(schema)] : [member === undefined ? undefined : true, undefined]
}

const memberMaps = new WeakMap<Json[], ReadonlyMap<string, Json>>()

/** The members of a list by key, made once for each list: long lists would cost the square of their length otherwise. */
function membersOf(list: Json[], schema: Schema | undefined): ReadonlyMap<string, Json> {
  let members = memberMaps.get(list)
  if (!members) {
    const keyOf = listType(schema) === 'map' ? (item: Json) => itemKey(item, schema) : memberKey
    members = new Map(list.map((item) => [keyOf(item), item]))
    memberMaps.set(list, members)
  }
  return members
}

/** As people read them: `.spec.template.spec.containers[name="web"].image`. */
export function describeFields(set: FieldSet, prefix = ''): string[] {
  return Object.entries(set).flatMap(([key, below]) => {
    const path = prefix + describeStep(key)
    const isWhole = isEmpty(below) || (Object.keys(below).length === 1 && SELF in below)
    return isWhole ? [path] : describeFields(below, path)
  })
}

export function describeStep(key: string): string {
  const text = key.slice(2)
  if (key.startsWith('f:')) return `.${text}`
  if (key.startsWith('v:')) return `[=${text}]`
  const keys: unknown = JSON.parse(text)
  const pairs = isJsonObject(keys) ? Object.entries(keys) : []
  return `[${pairs.map(([name, value]) => `${name}=${JSON.stringify(value)}`).join(',')}]`
}

/** Clients may write managedFields themselves: undefined for what is not in FieldsV1 notation. */
export function parseFieldSet(value: unknown): FieldSet | undefined {
  if (!isJsonObject(value)) return undefined
  const entries: [string, FieldSet][] = []
  for (const [key, below] of Object.entries(value)) {
    const parsed = isStep(key) ? parseFieldSet(below) : undefined
    if (!parsed) return undefined
    entries.push([key, parsed])
  }
  return Object.fromEntries(entries)
}

function isStep(key: string): boolean {
  if (key === SELF || key.startsWith('f:')) return true
  if (!key.startsWith('k:') && !key.startsWith('v:')) return false
  try {
    JSON.parse(key.slice(2))
    return true
  } catch {
    return false
  }
}
