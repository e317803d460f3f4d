// object-update.ts - decides what a changed object looks like in the store: who may write which part, generation, nothing new, gone at last
import { jsonCopy } from '../../shared/json-copy.ts'
import type { Kind } from '../../shared/kinds/kind.ts'
import type { KubeObject, Meta } from '../../shared/kinds/object.ts'
import { conflict, forbiddenField, type Cause } from '../../shared/kinds/status-error.ts'
import { finalizersOf, isNamespaceKind, keepNamespaceFinalizers } from './namespace-rules.ts'
import { checkValid, withoutEmpty } from './object-create.ts'
import { sameJson, shareSame } from './same-json.ts'

/** The whole new object, in the version of `kind`; `old` comes back itself when there is nothing to write. */
export function updatedObject(kind: Kind, old: KubeObject, given: KubeObject, subresource?: string): KubeObject {
  checkPreconditions(kind, old.metadata, given.metadata)
  // Most writes of controllers and devices say what is there already: that is seen before anything is copied or checked.
  if (given === old || sameJson(given, old)) return old
  const metadata = keptMeta(given.metadata, old.metadata, subresource)
  // What is stored is frozen; defaults and carry-over may write to their copy.
  const asked = jsonCopy({ ...partsOf(kind, old, given, subresource), metadata })
  if (asked.status === undefined) delete asked.status
  if (subresource !== 'status') kind.carryOver?.(asked, old)
  kind.setDefaults?.(asked)
  checkValid(kind, asked, causesOf(kind, asked, old, subresource))
  const next = shareSame(asked, old)
  if (sameButTimes(next, old)) return old
  const { generation } = old.metadata
  if (generation === undefined || sameJson(contentOf(next), contentOf(old))) return next
  return { ...next, metadata: { ...next.metadata, generation: generation + 1 } }
}

function checkPreconditions(kind: Kind, old: Meta, given: Meta) {
  if (given.uid && given.uid !== old.uid) {
    const why = `Precondition failed: UID in precondition: ${given.uid}, UID in object meta: ${old.uid}`
    throw conflict(kind, old.name, why)
  }
  if (given.resourceVersion && given.resourceVersion !== old.resourceVersion) throw conflict(kind, old.name)
}

/** Each part has one writer: status through its own endpoint, and nothing but status there. */
function partsOf(kind: Kind, old: KubeObject, given: KubeObject, subresource?: string): KubeObject {
  if (subresource === 'status') return { ...old, status: given.status }
  if (subresource === 'finalize') return { ...old, spec: given.spec }
  const next = { ...given, apiVersion: old.apiVersion, kind: old.kind }
  if (kind.hasStatus) next.status = old.status
  return isNamespaceKind(kind) ? keepNamespaceFinalizers(next, old) : next
}

const SERVER_OWNED = [
  'name',
  'namespace',
  'uid',
  'resourceVersion',
  'creationTimestamp',
  'generateName',
  'generation',
  'deletionTimestamp',
  'deletionGracePeriodSeconds',
] as const

function keptMeta(asked: Meta, old: Meta, subresource?: string): Meta {
  if (subresource === 'status') return withManagedFields(old, asked)
  const kept = { ...asked }
  for (const field of SERVER_OWNED) takeOver(kept, old, field)
  return withoutEmpty(kept)
}

function takeOver<K extends keyof Meta>(meta: Meta, old: Meta, field: K): void {
  if (old[field] !== undefined) meta[field] = old[field]
  else if (meta[field] !== undefined) delete meta[field]
}

const withManagedFields = (meta: Meta, { managedFields }: Meta): Meta =>
  managedFields ? { ...meta, managedFields } : meta

/** A status must get through also when the rules for specs have become stricter since. */
function causesOf(kind: Kind, next: KubeObject, old: KubeObject, subresource?: string): Cause[] {
  if (subresource === 'status') return kind.validateStatus?.(next) ?? []
  return [...(kind.validate?.(next, old, subresource) ?? []), ...finalizerCauses(next.metadata, old.metadata)]
}

/** What is going can only be let go of. */
function finalizerCauses({ deletionTimestamp, finalizers = [] }: Meta, old: Meta): Cause[] {
  const added = finalizers.filter((finalizer) => !old.finalizers?.includes(finalizer))
  if (!deletionTimestamp || added.length === 0) return []
  const why = `no new finalizers can be added if the object is being deleted, found new finalizers ${JSON.stringify(added)}`
  return [forbiddenField('metadata.finalizers', why)]
}

const contentOf = (object: KubeObject) => ({ ...object, metadata: undefined, status: undefined })

/** Ownership of fields carries the time of the last write; the time alone is no change. */
export const sameButTimes = (a: KubeObject, b: KubeObject): boolean =>
  a === b || sameJson(withoutTimes(a), withoutTimes(b))

const withoutTimes = (object: KubeObject) => ({
  ...object,
  metadata: {
    ...object.metadata,
    managedFields: object.metadata.managedFields?.map((entry) => ({ ...entry, time: undefined })),
  },
})

/** Deletion was asked for, and nothing and nobody holds it any more. */
export function isGone(kind: Kind, object: KubeObject): boolean {
  const { deletionTimestamp, deletionGracePeriodSeconds, finalizers } = object.metadata
  if (!deletionTimestamp || finalizers?.length) return false
  if (kind.stopsGracefully && deletionGracePeriodSeconds) return false
  return !(isNamespaceKind(kind) && finalizersOf(object).length > 0)
}
