// crd-schema.ts - the rules for the schema that a CustomResourceDefinition brings: structural, bounded, and harmless
import { patternError } from './bounded-pattern.ts'
import { DEPTH_MAX, isJsonObject } from './schema-walk.ts'
import type { JsonObject } from './object.ts'
import { forbiddenField, invalidValue, requiredValue, unsupportedValue, type Cause } from './status-error.ts'

/** Larger than any published definition; every object of the kind walks through it. */
const NODES_MAX = 20_000
const CAUSES_MAX = 50
const TYPES = ['array', 'boolean', 'integer', 'number', 'object', 'string']
const FORBIDDEN = [
  '$ref',
  'definitions',
  'dependencies',
  'deprecated',
  'discriminator',
  'id',
  'patternProperties',
  'readOnly',
  'writeOnly',
  'xml',
]

interface Walk {
  causes: Cause[]
  nodes: number
}

export function crdSchemaCauses(schema: unknown, at: string): Cause[] {
  if (!isJsonObject(schema)) return [requiredValue(at, 'schemas are required')]
  const walk: Walk = { causes: [], nodes: 0 }
  if (schema['type'] !== 'object') {
    walk.causes.push(
      schema['type'] === undefined
        ? requiredValue(`${at}.type`, 'must not be empty at the root')
        : invalidValue(`${at}.type`, schema['type'], 'must be object at the root'),
    )
  }
  visit(schema, at, 0, walk)
  if (walk.nodes > NODES_MAX) walk.causes.push(invalidValue(at, '', `must have at most ${NODES_MAX} nodes`))
  return walk.causes.slice(0, CAUSES_MAX)
}

function visit(schema: JsonObject, at: string, depth: number, walk: Walk): void {
  walk.nodes += 1
  if (walk.nodes > NODES_MAX || walk.causes.length >= CAUSES_MAX) return
  if (depth > DEPTH_MAX) return void walk.causes.push(invalidValue(at, '', `must not be deeper than ${DEPTH_MAX}`))
  walk.causes.push(...nodeCauses(schema, at))
  const { properties, items, additionalProperties } = schema
  if (isJsonObject(properties)) {
    for (const [name, child] of Object.entries(properties)) visitChild(child, `${at}.properties[${name}]`, depth, walk)
  }
  if (isJsonObject(items)) visitChild(items, `${at}.items`, depth, walk)
  if (isJsonObject(additionalProperties)) visitChild(additionalProperties, `${at}.additionalProperties`, depth, walk)
}

function visitChild(schema: unknown, at: string, depth: number, walk: Walk): void {
  if (!isJsonObject(schema)) return void walk.causes.push(invalidValue(at, schema, 'must be a schema'))
  const isOpen =
    schema['x-kubernetes-int-or-string'] === true || schema['x-kubernetes-preserve-unknown-fields'] === true
  if (schema['type'] === undefined && !isOpen)
    walk.causes.push(requiredValue(`${at}.type`, 'must not be empty for specified object fields'))
  visit(schema, at, depth + 1, walk)
}

function nodeCauses(schema: JsonObject, at: string): Cause[] {
  const { type, items, pattern, properties, additionalProperties } = schema
  const isUnknownType = type !== undefined && !(typeof type === 'string' && TYPES.includes(type))
  const wrongPattern = typeof pattern === 'string' ? patternError(pattern) : undefined
  return [
    ...FORBIDDEN.filter((field) => schema[field] !== undefined).map((field) =>
      forbiddenField(`${at}.${field}`, `${field} is not supported`),
    ),
    ...(isUnknownType ? [unsupportedValue(`${at}.type`, type, TYPES)] : []),
    ...(type === 'array' && items === undefined ? [requiredValue(`${at}.items`, 'must be specified')] : []),
    ...(Array.isArray(items) ? [forbiddenField(`${at}.items`, 'items must be a schema object and not an array')] : []),
    ...(isJsonObject(properties) && additionalProperties !== undefined && additionalProperties !== false
      ? [forbiddenField(`${at}.additionalProperties`, 'additionalProperties and properties are mutual exclusive')]
      : []),
    ...(wrongPattern && typeof pattern === 'string' ? [invalidValue(`${at}.pattern`, pattern, wrongPattern)] : []),
    ...shapeCauses(schema, at),
  ]
}

/** The words that the walk reads must be of the type that it reads. */
function shapeCauses(schema: JsonObject, at: string): Cause[] {
  const wanted = (field: string, isFine: (value: unknown) => boolean, what: string): Cause[] =>
    schema[field] === undefined || isFine(schema[field]) ? [] : [invalidValue(`${at}.${field}`, '', `must be ${what}`)]
  const isNumber = (value: unknown) => typeof value === 'number'
  const isTexts = (value: unknown) => Array.isArray(value) && value.every((item) => typeof item === 'string')
  return [
    ...wanted('properties', isJsonObject, 'an object'),
    ...wanted('required', isTexts, 'a list of names'),
    ...wanted('enum', Array.isArray, 'a list'),
    ...wanted('pattern', (value) => typeof value === 'string', 'a text'),
    ...['minimum', 'maximum', 'minLength', 'maxLength', 'minItems', 'maxItems'].flatMap((field) =>
      wanted(field, isNumber, 'a number'),
    ),
    ...wanted('x-kubernetes-list-map-keys', isTexts, 'a list of names'),
  ]
}

/** Whether it asks for rules in CEL, which nothing here evaluates. */
export function usesRules(schema: unknown, depth = 0): boolean {
  if (depth > 2 * DEPTH_MAX || typeof schema !== 'object' || schema === null) return false
  if (Object.hasOwn(schema, 'x-kubernetes-validations')) return true
  return Object.values(schema).some((child) => usesRules(child, depth + 1))
}
