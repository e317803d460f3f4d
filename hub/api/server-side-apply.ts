// server-side-apply.ts - merges what a manager applies into the live object, by who owns which field
import { isDeepStrictEqual } from 'node:util'
import type { Json, JsonObject, KubeObject, ManagedFieldsEntry } from '../../shared/kinds/object.ts'
import type { Schema } from '../../shared/kinds/schema.ts'
import { isJsonObject, items, property } from '../../shared/kinds/schema-walk.ts'
import { StatusError, type Cause } from '../../shared/kinds/status-error.ts'
import {
  describeFields,
  differing,
  fieldsOf,
  intersect,
  isAtomicMap,
  isEmpty,
  itemKey,
  listType,
  memberKey,
  minus,
  union,
  type FieldSet,
} from './field-set.ts'
import { asJson, entriesOf, isSameManager, managersOf, type Manager, type Tracking } from './managed-fields.ts'

export interface Applied {
  object: JsonObject
  managedFields: ManagedFieldsEntry[]
}

export function applyTo(live: KubeObject, applied: KubeObject, tracking: Tracking, force: boolean): Applied {
  const { id, schema, time } = tracking
  const [before, wanted] = [asJson(live), asJson(applied)]
  const set = fieldsOf(wanted, schema, false)
  const managers = ownersOf(live, tracking)
  const mine = managers.find((manager) => isSameManager(manager, id))
  // Not what was sent: an empty map or list asks for nothing that is not there already.
  const together = merge(before, wanted, schema)
  const changed = differing(set, before, together, schema)
  const others = yieldTo(
    changed,
    managers.filter((manager) => manager !== mine),
    force,
  )
  const dropped = mine ? minus(mine.fields, set) : {}
  const kept = others.reduce((all, { fields }) => union(all, fields), {})
  const merged = removeFields(together, dropped, kept, schema)
  const isSame = mine !== undefined && isEmpty(changed) && isDeepStrictEqual(mine.fields, set)
  const entry: Manager = isSame ? mine : { ...id, apiVersion: applied.apiVersion, time, fields: set }
  const at = mine ? managers.indexOf(mine) : others.length
  return {
    object: isJsonObject(merged) ? merged : wanted,
    managedFields: entriesOf(others.toSpliced(at, 0, entry)),
  }
}

export function trackApply(applied: KubeObject, { id, schema, time }: Tracking): ManagedFieldsEntry[] {
  const fields = fieldsOf(asJson(applied), schema, false)
  return entriesOf([{ ...id, apiVersion: applied.apiVersion, time, fields }])
}

/** What was never tracked belongs to whoever was there before, so that the first apply cannot silently take it. */
function ownersOf(live: KubeObject, { schema, time }: Tracking): Manager[] {
  const managers = managersOf(live.metadata.managedFields)
  if (managers.length > 0) return managers
  const fields = fieldsOf(asJson(live), schema, true)
  return [{ manager: 'before-first-apply', operation: 'Update', apiVersion: live.apiVersion, time, fields }]
}

/** The other managers without the fields that change under them; a 409 when they were not asked to yield. */
function yieldTo(changed: FieldSet, others: readonly Manager[], force: boolean): Manager[] {
  const clashes = others
    .map((manager) => ({ manager, fields: intersect(changed, manager.fields) }))
    .filter(({ fields }) => !isEmpty(fields))
  if (clashes.length > 0 && !force) throw applyConflict(clashes)
  return others.map((manager) => {
    const clash = clashes.find((one) => one.manager === manager)
    return clash ? { ...manager, fields: minus(manager.fields, clash.fields) } : manager
  })
}

function applyConflict(clashes: readonly { manager: Manager; fields: FieldSet }[]): StatusError {
  const fieldsBy = new Map<string, string[]>()
  for (const { manager, fields } of clashes) {
    const name = managerText(manager)
    fieldsBy.set(name, [...(fieldsBy.get(name) ?? []), ...describeFields(fields)])
  }
  const pairs = [...fieldsBy].flatMap(([name, fields]) => fields.map((field) => ({ name, field })))
  const causes: Cause[] = pairs.map(({ name, field }) => ({
    reason: 'FieldManagerConflict',
    message: `conflict with ${name}`,
    field,
  }))
  const [first] = pairs
  const text =
    pairs.length === 1 && first
      ? `Apply failed with 1 conflict: conflict with ${first.name}: ${first.field}`
      : `Apply failed with ${pairs.length} conflicts: ${[...fieldsBy]
          .toSorted(([a], [b]) => (a < b ? -1 : 1))
          .map(([name, fields]) => [`conflicts with ${name}:`, ...fields.map((field) => `- ${field}`)].join('\n'))
          .join('\n')}`
  return new StatusError(409, 'Conflict', text, { causes })
}

const managerText = ({ manager, operation, subresource, apiVersion }: Manager): string =>
  [
    JSON.stringify(manager),
    ...(subresource ? [`with subresource ${JSON.stringify(subresource)}`] : []),
    ...(operation === 'Update' ? [`using ${apiVersion}`] : []),
  ].join(' ')

function merge(live: Json, applied: Json, schema: Schema | undefined): Json {
  if (isJsonObject(applied) && isJsonObject(live) && !isAtomicMap(schema)) {
    const merged = { ...live }
    for (const [key, value] of Object.entries(applied)) {
      const current = Object.hasOwn(live, key) ? live[key] : undefined
      merged[key] = current === undefined ? value : merge(current, value, property(schema, key))
    }
    return merged
  }
  if (!Array.isArray(applied) || !Array.isArray(live)) return applied
  if (listType(schema) === 'set') {
    const there = new Set(live.map(memberKey))
    return [...live, ...applied.filter((item) => !there.has(memberKey(item)))]
  }
  return listType(schema) === 'map' ? mergeItems(live, applied, schema) : applied
}

/** The applied order holds for shared items; items of others keep their places between them. */
function mergeItems(live: Json[], applied: Json[], schema: Schema | undefined): Json[] {
  const current = new Map(live.map((item) => [itemKey(item, schema), item]))
  const merged = new Map(
    applied.map((item) => {
      const key = itemKey(item, schema)
      const other = current.get(key)
      return [key, other === undefined ? item : merge(other, item, items(schema))]
    }),
  )
  const waiting = [...merged.values()]
  const placed = live.flatMap((item) => (merged.has(itemKey(item, schema)) ? waiting.splice(0, 1) : [item]))
  return [...placed, ...waiting]
}

/** Without the fields in `dropped`, unless somebody else owns them too. */
function removeFields(value: Json, dropped: FieldSet, kept: FieldSet | undefined, schema: Schema | undefined): Json {
  if (isJsonObject(value)) return removeFromObject(value, dropped, kept, schema)
  if (!Array.isArray(value)) return value
  return value.flatMap((item) => {
    const key = listType(schema) === 'map' ? itemKey(item, schema) : memberKey(item)
    const below = dropped[key]
    if (below === undefined) return [item]
    if ((isEmpty(below) || '.' in below) && kept?.[key] === undefined) return []
    return [removeFields(item, below, kept?.[key], items(schema))]
  })
}

function removeFromObject(
  object: JsonObject,
  dropped: FieldSet,
  kept: FieldSet | undefined,
  schema: Schema | undefined,
) {
  const result = { ...object }
  for (const [key, below] of Object.entries(dropped)) {
    const name = key.slice(2)
    const current = key.startsWith('f:') && Object.hasOwn(result, name) ? result[name] : undefined
    if (current === undefined) continue
    const others = kept?.[key]
    const next = isEmpty(below) ? undefined : removeFields(current, below, others, property(schema, name))
    if (others === undefined && (next === undefined || isHollow(next))) delete result[name]
    else if (next !== undefined) result[name] = next
  }
  return result
}

const isHollow = (value: Json): boolean =>
  typeof value === 'object' && value !== null && Object.keys(value).length === 0
