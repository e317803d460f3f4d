// managed-fields.ts - who set which field: the entries of metadata.managedFields, and what an update does to them
import { isDeepStrictEqual } from 'node:util'
import type { JsonObject, KubeObject, ManagedFieldsEntry } from '../../shared/kinds/object.ts'
import type { Schema } from '../../shared/kinds/schema.ts'
import { differing, fieldsOf, isEmpty, minus, parseFieldSet, union, type FieldSet } from './field-set.ts'

/** Upstream's number: older updates are gathered under one name, so that many clients cannot blow an object up. */
const UPDATERS_MAX = 10
const ANCIENT = 'ancient-changes'

export interface ManagerId {
  manager: string
  operation: 'Apply' | 'Update'
  subresource?: string
}

export interface Manager extends ManagerId {
  apiVersion: string
  time: string
  fields: FieldSet
}

/** Entries that are not in the notation are as good as absent. */
export function managersOf(entries: readonly ManagedFieldsEntry[] | undefined): Manager[] {
  return (entries ?? []).flatMap((entry): Manager[] => {
    const { manager, operation, apiVersion = '', time = '', subresource } = entry
    const fields = parseFieldSet(entry.fieldsV1)
    if (!manager || !fields || (operation !== 'Apply' && operation !== 'Update')) return []
    return [{ manager, operation, apiVersion, time, fields, ...(subresource && { subresource }) }]
  })
}

export function entriesOf(managers: readonly Manager[]): ManagedFieldsEntry[] {
  return gatherAncient(managers.filter(({ fields }) => !isEmpty(fields))).map((manager) => ({
    manager: manager.manager,
    operation: manager.operation,
    apiVersion: manager.apiVersion,
    ...(manager.time && { time: manager.time }),
    fieldsType: 'FieldsV1',
    fieldsV1: manager.fields,
    ...(manager.subresource && { subresource: manager.subresource }),
  }))
}

export const isSameManager = (a: ManagerId, b: ManagerId): boolean =>
  a.manager === b.manager && a.operation === b.operation && (a.subresource ?? '') === (b.subresource ?? '')

function gatherAncient(managers: readonly Manager[]): readonly Manager[] {
  const updaters = managers.filter(({ operation, subresource }) => operation === 'Update' && !subresource)
  if (updaters.length <= UPDATERS_MAX) return managers
  const byAge = updaters.toSorted((a, b) => a.time.localeCompare(b.time))
  const old = byAge.slice(0, updaters.length - UPDATERS_MAX + 1)
  const newest = old.at(-1)!
  const fields = old.reduce((all, manager) => union(all, manager.fields), {})
  return [...managers.filter((manager) => !old.includes(manager)), { ...newest, manager: ANCIENT, fields }]
}

export interface Tracking {
  id: ManagerId
  schema: Schema | undefined
  /** Upstream's time of an entry: whole seconds. */
  time: string
}

/** The entries after a create: the client owns what it sent. */
export function trackCreate(asked: KubeObject, { id, schema, time }: Tracking): ManagedFieldsEntry[] {
  const fields = fieldsOf(asJson(asked), schema, true)
  return entriesOf([{ ...id, apiVersion: asked.apiVersion, time, fields }])
}

/**
 * The entries after a replace or patch. `asked` is what the client wants, before defaults: it owns what it changed,
 * and nobody owns any longer what somebody else changed or removed.
 */
export function trackUpdate(live: KubeObject, asked: KubeObject, { id, schema, time }: Tracking): ManagedFieldsEntry[] {
  const supplied = asked.metadata.managedFields
  if (isReset(supplied)) return []
  const given = managersOf(supplied)
  const managers = given.length > 0 ? given : managersOf(live.metadata.managedFields)
  const [before, after] = [asJson(live), asJson(asked)]
  const changed = differing(fieldsOf(after, schema, true), before, after, schema)
  const removed = differing(fieldsOf(before, schema, true), before, after, schema)
  const gone = minus(removed, changed)
  const others = managers.filter((manager) => !isSameManager(manager, id))
  const mine = managers.find((manager) => isSameManager(manager, id))
  const touched = union(changed, removed)
  const left = others.map((manager) => ({ ...manager, fields: minus(manager.fields, touched) }))
  const fields = union(minus(mine?.fields ?? {}, gone), changed)
  const isUntouched = mine !== undefined && isEmpty(touched) && isDeepStrictEqual(fields, mine.fields)
  const entry: Manager = isUntouched ? mine : { ...id, apiVersion: asked.apiVersion, time, fields }
  const at = mine ? managers.indexOf(mine) : left.length
  return entriesOf(left.toSpliced(at, 0, entry))
}

/** `managedFields: [{}]` is the way to forget all owners. */
const isReset = (entries: readonly ManagedFieldsEntry[] | undefined): boolean =>
  entries?.length === 1 && isDeepStrictEqual(entries[0], {})

/** Stored and decoded objects are JSON; their types say more than the arithmetic of fields needs. */
export const asJson = (object: KubeObject): JsonObject => object as unknown as JsonObject
