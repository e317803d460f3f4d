// strategic-merge.ts - Kubernetes' strategic merge patch: lists merge by key as the schema says, directives steer it
import type { Json, JsonObject } from '../../shared/kinds/object.ts'
import type { Schema } from '../../shared/kinds/schema.ts'
import { isJsonObject, items, property } from '../../shared/kinds/schema-walk.ts'
import { badRequest } from '../../shared/kinds/status-error.ts'

const DIRECTIVE = '$patch'
const RETAIN_KEYS = '$retainKeys'
const ORDER = '$setElementOrder/'
const DELETE_FROM = '$deleteFromPrimitiveList/'

export function strategicMerge(target: Json | undefined, patch: JsonObject, schema: Schema | undefined): JsonObject {
  const directive = patch[DIRECTIVE]
  if (directive === 'delete') return {}
  if (directive === 'replace') return withoutDirectives(patch)
  if (directive !== undefined && directive !== 'merge')
    throw badRequest(`unknown patch type found: ${JSON.stringify(directive)}`)
  const current = isJsonObject(target) ? target : {}
  const merged = retained(current, patch[RETAIN_KEYS])
  for (const [key, value] of Object.entries(patch)) {
    if (key.startsWith(DELETE_FROM)) deleteFromList(merged, key.slice(DELETE_FROM.length), value)
    else if (!key.startsWith('$')) mergeField(merged, key, value, property(schema, key))
  }
  for (const [key, order] of Object.entries(patch)) {
    if (key.startsWith(ORDER))
      orderList(merged, key.slice(ORDER.length), order, current[key.slice(ORDER.length)], schema)
  }
  return merged
}

function withoutDirectives(patch: JsonObject): JsonObject {
  return Object.fromEntries(Object.entries(patch).filter(([key]) => !key.startsWith('$')))
}

function retained(target: JsonObject, keys: Json | undefined): JsonObject {
  if (!Array.isArray(keys)) return { ...target }
  return Object.fromEntries(Object.entries(target).filter(([key]) => keys.includes(key)))
}

function mergeField(merged: JsonObject, key: string, value: Json, schema: Schema | undefined): void {
  const current = Object.hasOwn(merged, key) ? merged[key] : undefined
  if (value === null) delete merged[key]
  else if (Array.isArray(value)) merged[key] = mergeList(Array.isArray(current) ? current : [], value, schema)
  else if (isJsonObject(value)) merged[key] = mergeObject(current, value, schema)
  else merged[key] = value
}

/** A struct with the strategy `replace` is taken whole, as a list without a merge key is. */
function mergeObject(current: Json | undefined, value: JsonObject, schema: Schema | undefined): JsonObject {
  const isReplaced = strategiesOf(schema).includes('replace') && !(DIRECTIVE in value)
  return strategicMerge(isReplaced ? undefined : current, value, schema)
}

const strategiesOf = (schema: Schema | undefined): string[] =>
  (schema?.['x-kubernetes-patch-strategy'] ?? '').split(',').filter(Boolean)

const directiveOf = (item: Json): Json | undefined => (isJsonObject(item) ? item[DIRECTIVE] : undefined)

function mergeList(current: Json[], patch: Json[], schema: Schema | undefined): Json[] {
  if (patch.some((item) => directiveOf(item) === 'replace'))
    return patch.filter((item) => directiveOf(item) !== 'replace').map(clean)
  if (!strategiesOf(schema).includes('merge')) return patch.map(clean)
  const key = schema?.['x-kubernetes-patch-merge-key']
  const merged = key ? mergeByKey(current, patch, key, items(schema)) : mergeSet(current, patch)
  const identify = identifyBy(schema)
  return arrange(merged, patch.map(identify), current.map(identify), identify)
}

/** Directives of what is taken whole have been heeded by then. */
const clean = (item: Json): Json => (isJsonObject(item) ? strategicMerge(undefined, item, undefined) : item)

const mergeSet = (current: Json[], patch: Json[]): Json[] => [...new Set([...current, ...patch])]

/** Two ports of one number have the same key: the first is meant, as upstream, and the other is left alone. */
function mergeByKey(current: Json[], patch: Json[], key: string, item: Schema | undefined): Json[] {
  const merged: (Json | undefined)[] = [...current]
  const places = new Map<unknown, number>()
  for (const [at, one] of current.entries()) {
    const identity = isJsonObject(one) ? one[key] : one
    if (!places.has(identity)) places.set(identity, at)
  }
  for (const part of patch) {
    const identity = isJsonObject(part) ? part[key] : undefined
    if (!isJsonObject(part) || identity === undefined)
      throw badRequest(`map: ${JSON.stringify(part)} does not contain declared merge key: ${key}`)
    const at = places.get(identity) ?? merged.length
    const isDeleted = part[DIRECTIVE] === 'delete'
    merged[at] = isDeleted ? undefined : strategicMerge(merged[at], part, item)
    places.set(identity, at)
  }
  return merged.filter((one) => one !== undefined)
}

function deleteFromList(merged: JsonObject, field: string, values: Json): void {
  const list = merged[field]
  if (Array.isArray(list) && Array.isArray(values)) merged[field] = list.filter((item) => !values.includes(item))
}

type Identify = (item: Json) => Json | undefined

const identifyBy = (schema: Schema | undefined): Identify => {
  const key = schema?.['x-kubernetes-patch-merge-key']
  return (item) => (key && isJsonObject(item) ? item[key] : item)
}

function orderList(
  merged: JsonObject,
  field: string,
  order: Json,
  current: Json | undefined,
  schema: Schema | undefined,
) {
  const list = merged[field]
  if (!Array.isArray(list) || !Array.isArray(order)) return
  const identify = identifyBy(property(schema, field))
  merged[field] = arrange(list, order.map(identify), Array.isArray(current) ? current.map(identify) : [], identify)
}

/**
 * As upstream merges two lists: what the client names is in the client's order, the rest in the server's; where both
 * meet, the server's order decides, and what is new to the server comes first.
 */
function arrange(list: Json[], clientOrder: unknown[], serverOrder: unknown[], identify: Identify): Json[] {
  const clientRanks = new Map(clientOrder.map((identity, index) => [identity, index]))
  const serverRanks = new Map(serverOrder.map((identity, index) => [identity, index]))
  const clientRank = (item: Json) => clientRanks.get(identify(item)) ?? -1
  const serverRank = (item: Json) => serverRanks.get(identify(item)) ?? -1
  const named = list.filter((item) => clientRank(item) >= 0).toSorted((a, b) => clientRank(a) - clientRank(b))
  const others = list.filter((item) => clientRank(item) < 0).toSorted((a, b) => serverRank(a) - serverRank(b))
  const arranged: Json[] = []
  let next = 0
  for (const item of named) {
    for (let other = others[next]; other !== undefined && serverRank(other) < serverRank(item); other = others[next]) {
      arranged.push(other)
      next += 1
    }
    arranged.push(item)
  }
  return [...arranged, ...others.slice(next)]
}
