// decode-object.ts - what a client sent, along the schema of its kind, as the API decodes it
import { components } from '../../shared/kinds/generated/schemas.ts'
import type { Kind } from '../../shared/kinds/kind.ts'
import type { Json } from '../../shared/kinds/object.ts'
import { decode, type Decoded } from '../../shared/kinds/schema-walk.ts'
import type { Schema } from '../../shared/kinds/schema.ts'
import { badRequest } from '../../shared/kinds/status-error.ts'

/** Custom kinds bring their schema, built-in ones name it. */
export const schemaOf = (kind: Kind): Schema | undefined =>
  kind.schema ?? (kind.schemaName === undefined ? undefined : components[kind.schemaName])

export const isCustom = (kind: Kind): boolean => kind.schema !== undefined

/** A pruned copy and the fields that were not known. Throws 400 for what Go could not have decoded. */
export function decodeObject(kind: Kind, body: Json): Pick<Decoded, 'value' | 'unknown'> {
  const { value, unknown, typeErrors } = decode(body, schemaOf(kind), { checkTypes: !isCustom(kind) })
  const [first] = typeErrors
  if (first === undefined) return { value, unknown }
  throw badRequest(`${kind.kind} in version "${kind.version}" cannot be handled as a ${kind.kind}: ${first}`)
}
