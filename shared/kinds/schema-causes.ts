// schema-causes.ts - what a schema itself refuses, as causes of a 422: required fields, and the constraints of custom kinds
import { canonicalJson } from '../hash.ts'
import { matchPattern, PATTERN_TEXT_MAX } from './bounded-pattern.ts'
import type { Json } from './object.ts'
import type { Schema } from './schema.ts'
import { DEPTH_MAX, fits, isJsonObject, isOpen, jsonTypeName, property, resolve } from './schema-walk.ts'
import { duplicateValue, invalidValue, requiredValue, unsupportedValue, type Cause } from './status-error.ts'

/** Nobody reads more, and each one costs memory. */
const CAUSES_MAX = 100

interface Walk {
  causes: Cause[]
  /** Built-in kinds check values by hand, and Go fills absent numbers and booleans with zero. */
  requiredOnly: boolean
  /** One slow pattern is enough: the rest of the object must not cost as much again. */
  isOutOfTime: boolean
}

/** Everything that a custom kind's schema refuses. Called after defaults. */
export function schemaCauses(value: unknown, schema: Schema | undefined): Cause[] {
  const walk: Walk = { causes: [], requiredOnly: false, isOutOfTime: false }
  visit(value, resolve(schema), '', 0, walk)
  return walk.causes.slice(0, CAUSES_MAX)
}

/** The fields that a built-in kind cannot be without. */
export function requiredCauses(value: unknown, schema: Schema | undefined): Cause[] {
  const walk: Walk = { causes: [], requiredOnly: true, isOutOfTime: false }
  visit(value, resolve(schema), '', 0, walk)
  return walk.causes.slice(0, CAUSES_MAX)
}

function visit(value: unknown, schema: Schema | undefined, path: string, depth: number, walk: Walk): void {
  if (!schema || isOpen(schema) || depth > DEPTH_MAX || walk.causes.length >= CAUSES_MAX) return
  if (value === null && schema.nullable) return
  // The walk takes unknown so that typed objects come in as they are; what is stored is JSON.
  if (!walk.requiredOnly && !checkValue(value as Json, schema, path, walk)) return
  if (Array.isArray(value)) {
    const inner = resolve(schema.items)
    value.forEach((item, index) => visit(item, inner, `${path}[${index}]`, depth + 1, walk))
  } else if (isJsonObject(value)) {
    const isMap = schema.properties === undefined
    for (const field of schema.required ?? []) checkRequired(value[field], schema, field, join(path, field), walk)
    for (const [key, member] of Object.entries(value)) {
      // Status has one writer, which is ours; a user cannot be told to mend it.
      if (walk.requiredOnly && depth === 0 && key === 'status') continue
      if (member !== undefined)
        visit(member, property(schema, key), isMap ? `${path}[${key}]` : join(path, key), depth + 1, walk)
    }
  }
}

const join = (path: string, key: string): string => (path ? `${path}.${key}` : key)

function checkRequired(value: unknown, schema: Schema, field: string, path: string, walk: Walk): void {
  const child = property(schema, field)
  const zeroIsFine = child?.type === 'boolean' || child?.type === 'integer' || child?.type === 'array'
  const isAbsent = value === undefined || (walk.requiredOnly && value === '')
  if (isAbsent && !(walk.requiredOnly && zeroIsFine)) walk.causes.push(requiredValue(path))
}

/** False when the type is wrong, so that nothing below is worth a look. */
function checkValue(value: Json, schema: Schema, path: string, walk: Walk): boolean {
  const { causes } = walk
  const refuse = (why: string) => void causes.push(invalidValue(path, value, `${path} in body ${why}`))
  if (value === null || !fits(value, schema)) {
    causes.push(wrongType(value, schema, path))
    return false
  }
  if (schema.enum && !schema.enum.some((allowed) => canonicalJson(allowed) === canonicalJson(value))) {
    causes.push(unsupportedValue(path, value, schema.enum.map(String)))
  }
  if (typeof value === 'number') checkNumber(value, schema, refuse)
  if (typeof value === 'string') checkText(value, schema, refuse, walk)
  if (Array.isArray(value)) checkList(value, schema, path, causes, refuse)
  return true
}

function wrongType(value: Json, schema: Schema, path: string): Cause {
  const isWrongText = typeof value === 'string' && schema.type === 'string'
  const found = isWrongText ? value : jsonTypeName(value)
  const wanted = isWrongText ? schema.format : schema['x-kubernetes-int-or-string'] ? 'integer or string' : schema.type
  return invalidValue(path, found, `${path} in body must be of type ${wanted ?? 'object'}: ${JSON.stringify(found)}`)
}

function checkNumber(value: number, { minimum, maximum }: Schema, refuse: (why: string) => void): void {
  if (minimum !== undefined && value < minimum) refuse(`should be greater than or equal to ${minimum}`)
  if (maximum !== undefined && value > maximum) refuse(`should be less than or equal to ${maximum}`)
}

function checkText(value: string, schema: Schema, refuse: (why: string) => void, walk: Walk): void {
  const { minLength, maxLength, pattern } = schema
  if (minLength !== undefined && value.length < minLength) refuse(`should be at least ${minLength} chars long`)
  if (maxLength !== undefined && value.length > maxLength) refuse(`should be at most ${maxLength} chars long`)
  if (pattern === undefined || walk.isOutOfTime) return
  if (value.length > PATTERN_TEXT_MAX)
    return refuse(`is too long to be matched against a pattern (${PATTERN_TEXT_MAX} chars)`)
  const match = matchPattern(pattern, value)
  if (match === 'no') refuse(`should match '${pattern}'`)
  if (match === 'too slow') {
    walk.isOutOfTime = true
    refuse(`takes too long to be matched against '${pattern}'`)
  }
}

function checkList(value: Json[], schema: Schema, path: string, causes: Cause[], refuse: (why: string) => void): void {
  if (schema.minItems !== undefined && value.length < schema.minItems)
    refuse(`should have at least ${schema.minItems} items`)
  if (schema.maxItems !== undefined && value.length > schema.maxItems)
    refuse(`should have at most ${schema.maxItems} items`)
  const keys = schema['x-kubernetes-list-map-keys'] ?? []
  const type = schema['x-kubernetes-list-type']
  if (type !== 'set' && type !== 'map') return
  const seen = new Set<string>()
  value.forEach((item, index) => {
    const identity =
      type === 'map' && isJsonObject(item) ? Object.fromEntries(keys.map((key) => [key, item[key] ?? null])) : item
    const text = canonicalJson(identity)
    if (seen.has(text)) causes.push(duplicateValue(`${path}[${index}]`, identity))
    seen.add(text)
  })
}
