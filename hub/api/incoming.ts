// incoming.ts - turns what a client sent into an object of a kind: pruned, its types checked, what is unknown refused or warned about
import { apiVersionOf, type Kind } from '../../shared/kinds/kind.ts'
import type { Json, JsonObject, KubeObject } from '../../shared/kinds/object.ts'
import type { Schema } from '../../shared/kinds/schema.ts'
import { decode, isJsonObject, property, type Decoded } from '../../shared/kinds/schema-walk.ts'
import { badRequest } from '../../shared/kinds/status-error.ts'
import { isBuiltIn, schemaOf } from './patch.ts'

export interface Validation {
  level: 'Strict' | 'Warn' | 'Ignore'
  /** `duplicate field "spec.x"`, found in the text before it was parsed. */
  duplicates: readonly string[]
  warn: (message: string) => void
}

export function incoming(kind: Kind, value: unknown, validation: Validation): KubeObject {
  if (!isJsonObject(value)) throw badRequest(`error decoding: ${kind.kind} must be an object`)
  checkType(kind, value)
  const named = { ...value, apiVersion: apiVersionOf(kind), kind: kind.kind, metadata: value.metadata ?? {} }
  const { value: pruned, unknown, typeErrors } = decodeAs(kind, named)
  if (typeErrors.length > 0) throw badRequest(`${sentence(kind)}: ${typeErrors.join(', ')}`)
  report(
    kind,
    [...validation.duplicates, ...unknown.map((path) => `unknown field ${JSON.stringify(path)}`)],
    validation,
  )
  // The schema of every kind has metadata as an object, and types have just been checked.
  return pruned as unknown as KubeObject
}

const sentence = (kind: Kind) => `${kind.kind} in version "${kind.version}" cannot be handled as a ${kind.kind}`

function checkType(kind: Kind, { apiVersion, kind: name }: JsonObject): void {
  const expected = apiVersionOf(kind)
  if ((name && name !== kind.kind) || (apiVersion && apiVersion !== expected))
    throw badRequest(
      `the API version in the data (${textOf(apiVersion)}, Kind=${textOf(name)}) does not match the expected API version (${expected}, Kind=${kind.kind})`,
    )
}

const textOf = (value: Json | undefined): string => (typeof value === 'string' ? value : JSON.stringify(value ?? null))

/** Types in the specs of custom kinds are checked with the rest of their schema, as a 422; their metadata is as everywhere. */
function decodeAs(kind: Kind, value: JsonObject): Decoded {
  const schema = schemaOf(kind)
  if (isBuiltIn(kind)) return decode(value, schema)
  const object = decode(value, schema, { checkTypes: false })
  const metadata = decodeMetadata(value.metadata ?? {}, property(schema, 'metadata'))
  return {
    value: isJsonObject(object.value) ? { ...object.value, metadata: metadata.value } : object.value,
    unknown: [...object.unknown.filter((path) => !path.startsWith('metadata.')), ...metadata.unknown],
    typeErrors: [...object.typeErrors, ...metadata.typeErrors],
  }
}

function decodeMetadata(metadata: Json, schema: Schema | undefined): Decoded {
  const { value, unknown, typeErrors } = decode(metadata, schema)
  return { value, typeErrors, unknown: unknown.map((path) => `metadata.${path}`) }
}

function report(kind: Kind, complaints: readonly string[], { level, warn }: Validation): void {
  if (complaints.length === 0 || level === 'Ignore') return
  if (level === 'Strict') throw badRequest(`${sentence(kind)}: strict decoding error: ${complaints.join(', ')}`)
  for (const complaint of complaints) warn(complaint)
}
