// write.ts - create, replace and patch, for every kind: decode, note who owns which field, hand over to the store's verbs
import { rfc3339, type Clock } from '../../shared/clock.ts'
import { CUSTOM_RESOURCE_DEFINITION } from '../../shared/kinds/custom-resource-definition.ts'
import { resourceName, type Kind } from '../../shared/kinds/kind.ts'
import type { KubeObject, ManagedFieldsEntry, Meta } from '../../shared/kinds/object.ts'
import {
  badRequest,
  invalid,
  methodNotAllowed,
  noSuchPath,
  notFound,
  requiredValue,
} from '../../shared/kinds/status-error.ts'
import type { Objects } from '../store/objects.ts'
import { bodyBytesMax, tooLarge } from './body.ts'
import { checkNoDuplicates } from './duplicate-items.ts'
import { incoming } from './incoming.ts'
import { trackCreate, trackUpdate, type ManagerId, type Tracking } from './managed-fields.ts'
import { APPLY_PATCH, applyPatchTo, schemaOf } from './patch.ts'
import { applyTo, trackApply } from './server-side-apply.ts'
import type { WriteOptions } from './write-options.ts'

export interface Target {
  kind: Kind
  namespace?: string | undefined
  name: string
}

export interface Writes {
  create(kind: Kind, namespace: string | undefined, value: unknown, options: WriteOptions): KubeObject
  replace(target: Target, value: unknown, options: WriteOptions): KubeObject
  patch(target: Target, type: string, patch: unknown, options: WriteOptions): { object: KubeObject; created: boolean }
}

export interface WritesDeps {
  objects: Objects
  clock: Clock
}

export function createWrites({ objects, clock }: WritesDeps): Writes {
  const tracking = (kind: Kind, operation: ManagerId['operation'], options: WriteOptions): Tracking => ({
    id: { manager: options.manager, operation, ...(options.subresource && { subresource: options.subresource }) },
    schema: schemaOf(kind),
    time: rfc3339(clock.wallMs()),
  })

  function store(kind: Kind, asked: KubeObject, fields: ManagedFieldsEntry[], options: WriteOptions): KubeObject {
    checkKindStays(kind)
    const created = objects.create(kind, withManagedFields(asked, fields), { dryRun: options.dryRun })
    for (const warning of kind.warnings?.(created) ?? []) options.validation.warn(warning)
    return created
  }

  /** In the very turn of the write: what is made after its definition has emptied the kind would stay for ever. */
  function checkKindStays(kind: Kind): void {
    if (!kind.schema) return
    const definition = objects.get(CUSTOM_RESOURCE_DEFINITION, undefined, resourceName(kind))
    if (!definition) throw noSuchPath()
    if (definition.metadata.deletionTimestamp)
      throw methodNotAllowed('create not allowed while custom resource definition is terminating')
  }

  function update(
    target: Target,
    old: KubeObject,
    asked: KubeObject,
    fields: ManagedFieldsEntry[],
    options: WriteOptions,
  ) {
    const { dryRun, subresource } = options
    checkSize(target.kind, asked)
    const updated = objects.update(target.kind, withManagedFields(asked, fields), {
      dryRun,
      ...(subresource && { subresource }),
    })
    for (const warning of target.kind.warnings?.(updated, old) ?? []) options.validation.warn(warning)
    return updated
  }

  function create(kind: Kind, namespace: string | undefined, value: unknown, options: WriteOptions): KubeObject {
    const asked = inNamespace(kind, withoutStatus(kind, incoming(kind, value, options.validation)), namespace)
    return store(kind, asked, trackCreate(asked, tracking(kind, 'Update', options)), options)
  }

  function replaceWith(target: Target, old: KubeObject, value: unknown, options: WriteOptions): KubeObject {
    const { kind } = target
    const asked = partFor(kind, old, named(target, incoming(kind, value, options.validation)), options.subresource)
    return update(target, old, asked, trackUpdate(old, asked, tracking(kind, 'Update', options)), options)
  }

  function apply(target: Target, patch: unknown, options: WriteOptions) {
    const { kind, namespace, name } = target
    checkMayApply(options)
    const applied = named(target, incoming(kind, patch, options.validation))
    if (applied.metadata.managedFields?.length) throw badRequest('metadata.managedFields must be nil')
    checkNoDuplicates(kind, applied, schemaOf(kind))
    const live = objects.get(kind, namespace, name)
    if (!live) {
      if (options.subresource) throw notFound(kind, name)
      const asked = inNamespace(kind, withoutStatus(kind, applied), namespace)
      return { object: store(kind, asked, trackApply(asked, tracking(kind, 'Apply', options)), options), created: true }
    }
    const part = appliedPart(kind, applied, options.subresource)
    const merged = applyTo(live, part, tracking(kind, 'Apply', options), options.force)
    const asked = incoming(kind, merged.object, { ...options.validation, level: 'Ignore' })
    return { object: update(target, live, asked, merged.managedFields, options), created: false }
  }

  function current({ kind, namespace, name }: Target): KubeObject {
    const object = objects.get(kind, namespace, name)
    if (!object) throw notFound(kind, name)
    return object
  }

  return {
    create,
    replace: (target, value, options) => replaceWith(target, current(target), value, options),
    patch(target, type, patch, options) {
      if (type === APPLY_PATCH) return apply(target, patch, options)
      const old = current(target)
      return { object: replaceWith(target, old, applyPatchTo(target.kind, old, type, patch), options), created: false }
    },
  }
}

const withManagedFields = (object: KubeObject, managedFields: ManagedFieldsEntry[]): KubeObject => {
  const { managedFields: _, ...metadata } = object.metadata
  return { ...object, metadata: { ...metadata, ...(managedFields.length > 0 && { managedFields }) } }
}

/** Many small patches must not make what one large body may not. */
function checkSize(kind: Kind, object: KubeObject): void {
  const bytesMax = bodyBytesMax(kind)
  if (JSON.stringify(object).length > bytesMax) throw tooLarge(bytesMax)
}

/** Status has its own endpoint; only a node arrives with what it knows of itself. */
function withoutStatus(kind: Kind, object: KubeObject): KubeObject {
  if (!kind.hasStatus || kind.kind === 'Node') return object
  const { status: _, ...rest } = object
  return rest
}

function inNamespace(kind: Kind, object: KubeObject, namespace: string | undefined): KubeObject {
  const { namespace: own, ...metadata } = object.metadata
  if (!kind.namespaced) return { ...object, metadata }
  if (own && own !== namespace)
    throw badRequest('the namespace of the provided object does not match the namespace sent on the request')
  return { ...object, metadata: { ...metadata, ...(namespace && { namespace }) } }
}

/** With the name and namespace of the URL, which must not be contradicted. */
function named({ kind, namespace, name }: Target, object: KubeObject): KubeObject {
  const own = object.metadata.name
  if (own && own !== name)
    throw badRequest(`the name of the object (${own}) does not match the name on the URL (${name})`)
  const placed = inNamespace(kind, object, namespace)
  return { ...placed, metadata: { ...placed.metadata, name } }
}

/** What this endpoint may change of what the client sent; the rest is as it was, so that nobody comes to own it. */
function partFor(kind: Kind, old: KubeObject, asked: KubeObject, subresource: string | undefined): KubeObject {
  const { managedFields, resourceVersion, uid } = asked.metadata
  const kept: Meta = { ...old.metadata, resourceVersion, uid, ...(managedFields && { managedFields }) }
  if (subresource === 'status') return { ...old, metadata: kept, status: asked.status }
  if (subresource === 'ephemeralcontainers')
    return { ...old, metadata: kept, spec: { ...asRecord(old.spec), ...pick(asked.spec, 'ephemeralContainers') } }
  return kind.hasStatus ? { ...asked, status: old.status } : asked
}

function appliedPart(kind: Kind, applied: KubeObject, subresource: string | undefined): KubeObject {
  const { apiVersion, metadata, status, kind: kindName } = applied
  if (subresource === 'status') return { apiVersion, kind: kindName, metadata, status }
  return withoutStatus(kind, applied)
}

const asRecord = (value: unknown): object => (typeof value === 'object' && value !== null ? value : {})
const pick = (value: unknown, field: string): object =>
  Object.fromEntries(Object.entries(asRecord(value)).filter(([key]) => key === field))

function checkMayApply({ isManagerNamed }: WriteOptions): void {
  const kind = { group: 'meta.k8s.io', plural: '', kind: 'PatchOptions' }
  if (!isManagerNamed) throw invalid(kind, '', [requiredValue('fieldManager', 'is required for apply patch')])
}
