// scale.ts - any kind with replicas seen as an autoscaling/v1 Scale
import type { Kind, ScalePaths } from '../../shared/kinds/kind.ts'
import type { Json, JsonObject, KubeObject } from '../../shared/kinds/object.ts'
import { isJsonObject } from '../../shared/kinds/schema-walk.ts'
import { badRequest, conflict, invalid, invalidValue } from '../../shared/kinds/status-error.ts'
import { selectorText } from '../../shared/selectors.ts'
import { JSON_PATCH, MERGE_PATCH, STRATEGIC_PATCH, applyPatchTo } from './patch.ts'
import { unsupportedMediaType } from './body.ts'
import { asJson } from './managed-fields.ts'

/** `.spec.replicas` in a custom kind's definition, `spec.replicas` in our rows. */
const segmentsOf = (path: string): string[] => path.split('.').filter(Boolean)

function valueAt(object: KubeObject, path: string | undefined): Json | undefined {
  let value: Json | undefined = asJson(object)
  for (const segment of path ? segmentsOf(path) : []) value = isJsonObject(value) ? value[segment] : undefined
  return value
}

export function scaleOf(paths: ScalePaths, object: KubeObject): KubeObject {
  const { name, namespace, uid, resourceVersion, creationTimestamp } = object.metadata
  const selector = paths.selector ? selectorAt(object, paths.selector) : undefined
  return {
    kind: 'Scale',
    apiVersion: 'autoscaling/v1',
    metadata: { name, ...(namespace && { namespace }), uid, resourceVersion, creationTimestamp },
    spec: { replicas: valueAt(object, paths.spec) ?? 0 },
    status: { replicas: valueAt(object, paths.status) ?? 0, ...(selector && { selector }) },
  }
}

/** Custom kinds keep the selector as text, ours as a LabelSelector. */
function selectorAt(object: KubeObject, path: string): string | undefined {
  const value = valueAt(object, path)
  if (typeof value === 'string') return value
  return isJsonObject(value) ? selectorText(value) : undefined
}

export function patchScale(kind: Kind, scale: KubeObject, type: string, patch: unknown): Json {
  if (type !== JSON_PATCH && type !== MERGE_PATCH && type !== STRATEGIC_PATCH)
    throw unsupportedMediaType([JSON_PATCH, MERGE_PATCH, STRATEGIC_PATCH])
  // A Scale has no lists, so the strategic patch of one is a merge patch.
  return applyPatchTo(kind, scale, type === STRATEGIC_PATCH ? MERGE_PATCH : type, patch)
}

/** The whole object with the replicas of a Scale. */
export function withScale(kind: Kind, paths: ScalePaths, object: KubeObject, scale: unknown): JsonObject {
  if (!isJsonObject(scale)) throw badRequest('error decoding: Scale must be an object')
  const { name } = object.metadata
  const spec = isJsonObject(scale.spec) ? scale.spec : {}
  const metadata = isJsonObject(scale.metadata) ? scale.metadata : {}
  const replicas = spec.replicas ?? 0
  if (metadata.resourceVersion && metadata.resourceVersion !== object.metadata.resourceVersion)
    throw conflict(kind, name)
  if (typeof replicas !== 'number' || !Number.isInteger(replicas) || replicas < 0)
    throw invalid({ group: 'autoscaling', plural: 'scales', kind: 'Scale' }, name, [
      invalidValue('spec.replicas', replicas, 'must be greater than or equal to 0'),
    ])
  return setAt(asJson(object), segmentsOf(paths.spec), replicas)
}

function setAt(object: JsonObject, [first, ...rest]: readonly string[], value: Json): JsonObject {
  if (first === undefined) return object
  if (rest.length === 0) return { ...object, [first]: value }
  const below = object[first]
  return { ...object, [first]: setAt(isJsonObject(below) ? below : {}, rest, value) }
}
