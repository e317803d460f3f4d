// patch.ts - applies the patches of PATCH requests to a copy: JSON patch, merge patch, strategic merge patch
import { applyPatch, Pointer, type Operation } from 'rfc6902'
import type { Kind } from '../../shared/kinds/kind.ts'
import type { Json, JsonObject, KubeObject } from '../../shared/kinds/object.ts'
import { components } from '../../shared/kinds/generated/schemas.ts'
import { isJsonObject } from '../../shared/kinds/schema-walk.ts'
import { badRequest, StatusError } from '../../shared/kinds/status-error.ts'
import { unsupportedMediaType } from './body.ts'
import { strategicMerge } from './strategic-merge.ts'

export const JSON_PATCH = 'application/json-patch+json'
export const MERGE_PATCH = 'application/merge-patch+json'
export const STRATEGIC_PATCH = 'application/strategic-merge-patch+json'
export const APPLY_PATCH = 'application/apply-patch+yaml'

/** Upstream's bound: each operation may copy a part of the document. */
const OPERATIONS_MAX = 10_000
/** A copy of a copy doubles: what all copies of one patch may add together. */
const COPIED_BYTES_MAX = 3 * 1024 * 1024

/** Custom kinds have no strategic merge: their schemas name no merge keys. */
export const isBuiltIn = (kind: Kind): boolean =>
  kind.schemaName !== undefined && Object.hasOwn(components, kind.schemaName)

export const patchTypesOf = (kind: Kind): string[] =>
  isBuiltIn(kind) ? [JSON_PATCH, MERGE_PATCH, STRATEGIC_PATCH, APPLY_PATCH] : [JSON_PATCH, MERGE_PATCH, APPLY_PATCH]

/** The whole object as the patch would have it; `target` stays as it is. */
export function applyPatchTo(kind: Kind, target: KubeObject, type: string, patch: unknown): Json {
  // Stored objects are JSON; the type says more about them than a patch may rely on.
  const document = target as unknown as JsonObject
  if (type === JSON_PATCH) return jsonPatch(document, patch)
  if (!isJsonObject(patch)) throw badRequest('error decoding patch: the patch must be an object')
  if (type === MERGE_PATCH) return mergePatch(document, patch)
  if (type === STRATEGIC_PATCH && isBuiltIn(kind)) return strategicMerge(document, patch, schemaOf(kind))
  throw unsupportedMediaType(patchTypesOf(kind))
}

export const schemaOf = (kind: Kind) => kind.schema ?? (kind.schemaName ? components[kind.schemaName] : undefined)

/** RFC 6902. The library changes its argument and answers one error for each operation: a copy, and the first error. */
function jsonPatch(target: JsonObject, operations: unknown): Json {
  if (!Array.isArray(operations)) throw badRequest('error decoding patch: a JSON patch must be an array')
  if (operations.length > OPERATIONS_MAX) throw tooLarge(`has more than ${OPERATIONS_MAX} operations`)
  const document = structuredClone(target)
  let copiedBytes = 0
  for (const operation of operations) {
    checkOperation(operation)
    if (operation.op === 'copy') copiedBytes += sizeAt(document, operation.from)
    if (copiedBytes > COPIED_BYTES_MAX) throw tooLarge(`copies more than ${COPIED_BYTES_MAX} bytes`)
    // It has just been checked to have an operation's shape.
    const [error] = applyPatch(document, [operation as Operation])
    if (error) throw rejected(error.message)
  }
  return document
}

const sizeAt = (document: JsonObject, pointer: string): number =>
  JSON.stringify(Pointer.fromJSON(pointer).get(document) ?? null).length

const tooLarge = (why: string) => new StatusError(413, 'RequestEntityTooLarge', `the JSON patch ${why}`)

const rejected = (why: string) =>
  new StatusError(422, 'Invalid', `the server rejected our request due to an error in our request: ${why}`)

const OPERATIONS = new Set(['add', 'remove', 'replace', 'move', 'copy', 'test'])

function checkOperation(operation: unknown): asserts operation is { op: string; path: string; from: string } {
  const isWellFormed =
    isJsonObject(operation) &&
    typeof operation.op === 'string' &&
    OPERATIONS.has(operation.op) &&
    isPointer(operation.path) &&
    (operation.op !== 'move' && operation.op !== 'copy' ? true : isPointer(operation.from))
  if (!isWellFormed) throw badRequest(`error decoding patch: ${JSON.stringify(operation)} is not an operation`)
}

/** A pointer through `__proto__` would change what all objects inherit. */
const isPointer = (value: unknown): boolean =>
  typeof value === 'string' &&
  (value === '' || value.startsWith('/')) &&
  !value.split('/').some((part) => part === '__proto__' || part === 'constructor' || part === 'prototype')

/** RFC 7386. */
export function mergePatch(target: Json, patch: Json): Json {
  if (!isJsonObject(patch)) return patch
  const merged: JsonObject = isJsonObject(target) ? { ...target } : {}
  for (const [key, value] of Object.entries(patch)) {
    if (value === null) delete merged[key]
    else merged[key] = mergePatch(Object.hasOwn(merged, key) ? merged[key]! : null, value)
  }
  return merged
}
