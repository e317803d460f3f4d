// schema-walk.ts - walks a value along its schema: decode (prune, check types as Go does), defaults, and the steps that patches take
import { isRfc3339 } from '../clock.ts'
import { canonicalQuantity, QUANTITY_PATTERN_MESSAGE } from '../quantity.ts'
import { components } from './generated/schemas.ts'
import type { Json, JsonObject } from './object.ts'
import type { Schema } from './schema.ts'

/** Deeper than any manifest, shallow enough that recursion is never in danger. */
export const DEPTH_MAX = 64
/** A list of complaints that nobody reads to the end must not fill the memory. */
export const COMPLAINTS_MAX = 100

const REF = '#/components/schemas/'
const QUANTITY = 'io.k8s.apimachinery.pkg.api.resource.Quantity'
const resolvedSchemas = new WeakMap<Schema, Schema>()
/** The component that a resolved schema came from, for Go's words. */
const componentNames = new WeakMap<Schema, string>()

/** Follows `$ref` and `allOf: [{ $ref }]`, and lays the field's own words over it. Schemas never change, so answers are kept. */
export function resolve(schema: Schema | undefined, hops = 0): Schema | undefined {
  const ref = schema?.$ref ?? (schema?.allOf?.length === 1 ? schema.allOf[0]?.$ref : undefined)
  if (!schema || !ref) return schema
  const known = resolvedSchemas.get(schema)
  if (known) return known
  const name = ref.slice(REF.length)
  const target = Object.hasOwn(components, name) && hops < DEPTH_MAX ? resolve(components[name], hops + 1) : undefined
  const { $ref: _ref, allOf: _allOf, default: _default, ...own } = schema
  const resolved = { ...target, ...own }
  resolvedSchemas.set(schema, resolved)
  componentNames.set(resolved, name)
  return resolved
}

/** The schema of one field of an object, or of one entry of a map. */
export function property(schema: Schema | undefined, key: string): Schema | undefined {
  const object = resolve(schema)
  if (object?.properties && Object.hasOwn(object.properties, key)) return resolve(object.properties[key])
  const others = object?.additionalProperties
  return typeof others === 'object' ? resolve(others) : undefined
}

export const items = (schema: Schema | undefined): Schema | undefined => resolve(resolve(schema)?.items)

/** Nothing below is known: whatever is there stays as it is. */
export function isOpen(schema: Schema | undefined): boolean {
  if (!schema) return true
  if (schema.additionalProperties === false) return false
  const hasShape = schema.properties ?? schema.additionalProperties ?? schema.oneOf ?? schema.anyOf ?? schema.items
  if (hasShape || schema['x-kubernetes-int-or-string'] || schema['x-kubernetes-embedded-resource']) return false
  return schema['x-kubernetes-preserve-unknown-fields'] === true || schema.type === 'object' || !schema.type
}

export const isJsonObject = (value: unknown): value is JsonObject =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

export interface Decoded {
  /** A pruned copy: without unknown fields and without nulls. */
  value: Json
  /** Paths of the fields that the schema does not know. */
  unknown: string[]
  /** In Go's words; a value with one of these must be refused. */
  typeErrors: string[]
}

export interface DecodeOptions {
  /** Custom kinds check types with the rest of their schema, after defaults, as 422 (`schemaCauses`): false for them. */
  checkTypes?: boolean
}

interface Walk extends Decoded {
  checkTypes: boolean
}

export function decode(value: Json, schema: Schema | undefined, { checkTypes = true }: DecodeOptions = {}): Decoded {
  const walk: Walk = { value: null, unknown: [], typeErrors: [], checkTypes }
  walk.value = copy(value, resolve(schema), { path: '', owner: '', depth: 0 }, walk)
  const { unknown, typeErrors } = walk
  return { value: walk.value, unknown, typeErrors }
}

interface Place {
  path: string
  /** The Go struct that holds the field. */
  owner: string
  depth: number
}

function copy(value: Json, schema: Schema | undefined, place: Place, walk: Walk): Json {
  if (place.depth > DEPTH_MAX) {
    complain(walk.typeErrors, 'json: exceeded max depth')
    return null
  }
  if (schema && componentNames.get(schema) === QUANTITY) return quantity(value, walk)
  if (schema && walk.checkTypes && !isOpen(schema) && !fits(value, schema)) {
    complain(walk.typeErrors, typeError(value, schema, place))
    return value
  }
  if (Array.isArray(value)) {
    const inner = resolve(schema?.items)
    return value.map((item) => copy(item, inner, { ...place, depth: place.depth + 1 }, walk))
  }
  return isJsonObject(value) ? copyObject(value, schema, place, walk) : value
}

function copyObject(value: JsonObject, schema: Schema | undefined, place: Place, walk: Walk): JsonObject {
  const open = isOpen(schema)
  const keepsUnknown =
    open ||
    schema?.['x-kubernetes-preserve-unknown-fields'] === true ||
    schema?.['x-kubernetes-embedded-resource'] === true
  const owner = (schema && goName(schema)) || place.owner
  const result: JsonObject = {}
  for (const [key, member] of Object.entries(value)) {
    const path = place.path ? `${place.path}.${key}` : key
    const child = property(schema, key)
    const isKnown = child !== undefined || schema?.additionalProperties === true
    // `__proto__` is never a name of ours, and would change the object instead of filling it.
    if ((!isKnown && !keepsUnknown) || key === '__proto__') {
      complain(walk.unknown, path)
      continue
    }
    if (member === undefined || (member === null && !open && isKnown && !child?.nullable)) continue
    result[key] = copy(member, child, { path, owner, depth: place.depth + 1 }, walk)
  }
  return result
}

/** Numbers become text, and every spelling becomes the canonical one, as the API server's decoder does. */
function quantity(value: Json, walk: Walk): Json {
  const canonical = typeof value === 'string' || typeof value === 'number' ? canonicalQuantity(value) : undefined
  if (canonical === undefined) complain(walk.typeErrors, QUANTITY_PATTERN_MESSAGE)
  return canonical ?? value
}

const INT32 = 2 ** 31
const INT64 = 2 ** 63
const isWithin = (value: number, limit: number): boolean => value >= -limit && value < limit

export function fits(value: Json, schema: Schema): boolean {
  if (value === null) return true
  if (schema['x-kubernetes-int-or-string'] || schema.format === 'int-or-string') {
    return typeof value === 'string' || (Number.isInteger(value) && isWithin(Number(value), INT32))
  }
  if (schema.oneOf ?? schema.anyOf) return !schema.type || fits(value, { type: schema.type })
  switch (schema.type) {
    case 'object':
      return isJsonObject(value)
    case 'array':
      return Array.isArray(value)
    case 'string':
      return typeof value === 'string' && (schema.format !== 'date-time' || isRfc3339(value))
    case 'boolean':
      return typeof value === 'boolean'
    case 'integer':
      return Number.isInteger(value) && isWithin(Number(value), schema.format === 'int32' ? INT32 : INT64)
    case 'number':
      return typeof value === 'number'
    default:
      return true
  }
}

function typeError(value: Json, schema: Schema, { path, owner }: Place): string {
  if (schema.format === 'date-time' && typeof value === 'string') {
    return `parsing time ${JSON.stringify(value)} as "2006-01-02T15:04:05Z07:00": cannot parse ${JSON.stringify(value)} as "2006"`
  }
  const field = owner ? `Go struct field ${owner}.${path}` : 'Go value'
  const found = typeof value === 'number' && schema.type === 'integer' ? `number ${value}` : jsonTypeName(value)
  return `json: cannot unmarshal ${found} into ${field} of type ${goType(schema)}`
}

export const jsonTypeName = (value: Json): string =>
  Array.isArray(value) ? 'array' : value === null ? 'null' : typeof value === 'boolean' ? 'bool' : typeof value

const goName = (schema: Schema): string | undefined => componentNames.get(schema)?.split('.').at(-1)

function goType(schema: Schema): string {
  const name = componentNames.get(schema)?.split('.').slice(-2).join('.')
  if (schema.format === 'int-or-string') return 'intstr.IntOrString'
  if (name) return name
  if (schema.type === 'array') return `[]${goType(resolve(schema.items) ?? {})}`
  if (schema.type === 'object') {
    return typeof schema.additionalProperties === 'object'
      ? `map[string]${goType(resolve(schema.additionalProperties) ?? {})}`
      : 'map[string]interface {}'
  }
  if (schema.type === 'integer') return schema.format ?? 'int64'
  return schema.type === 'boolean' ? 'bool' : (schema.type ?? 'string')
}

function complain(complaints: string[], complaint: string): void {
  if (complaints.length < COMPLAINTS_MAX && !complaints.includes(complaint)) complaints.push(complaint)
}

/** Fills the `default:` values of a custom kind's schema; changes its argument. */
export function applyDefaults(value: unknown, schema: Schema | undefined, depth = 0): void {
  const here = resolve(schema)
  if (!here || depth > DEPTH_MAX) return
  if (Array.isArray(value)) {
    for (const item of value) applyDefaults(item, here.items, depth + 1)
  } else if (isJsonObject(value)) {
    for (const [key, child] of Object.entries(here.properties ?? {})) {
      if (value[key] === undefined && child.default !== undefined) value[key] = structuredClone(child.default)
    }
    for (const [key, member] of Object.entries(value)) applyDefaults(member, property(here, key), depth + 1)
  }
}
