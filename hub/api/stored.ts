// stored.ts - stored objects in the version that a client speaks, converted once for each
import type { Kind } from '../../shared/kinds/kind.ts'
import type { KubeObject } from '../../shared/kinds/object.ts'
import { fromStored, isConverted } from '../store/stored-version.ts'

const converted = new WeakMap<Kind, WeakMap<KubeObject, KubeObject>>()

/** The same object for the same stored one, so that its JSON text too is made once. */
export function shownAs(kind: Kind, object: KubeObject): KubeObject {
  if (!isConverted(kind)) return object
  let objects = converted.get(kind)
  if (!objects) converted.set(kind, (objects = new WeakMap()))
  let result = objects.get(object)
  if (!result) objects.set(object, (result = fromStored(kind, object)))
  return result
}
