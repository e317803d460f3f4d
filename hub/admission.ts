// admission.ts - what the hub adds to new objects of some kinds on top of their defaults, whoever makes them
import { SINGLETON } from '../shared/disconnect-policy.ts'
import type { Kind } from '../shared/kinds/kind.ts'
import { resourceName } from '../shared/kinds/kind.ts'
import type { KubeObject, NewObject, Pod } from '../shared/kinds/object.ts'
import { POD } from '../shared/kinds/pod.ts'
import { STATEFUL_SET } from '../shared/kinds/stateful-set.ts'
import { withDefaultTolerations } from './controllers/default-tolerations.ts'
import type { Objects } from './store/objects.ts'

export interface AdmissionSettings {
  unreachableTolerationMs: number
}

export function withAdmission(objects: Objects, { unreachableTolerationMs }: AdmissionSettings): Objects {
  const seconds = Math.round(unreachableTolerationMs / 1000)
  const admit = <T extends KubeObject>(kind: Kind<T>, object: NewObject<T>): NewObject<T> => {
    if (resourceName(kind) !== resourceName(POD)) return object
    // The row says that it is a pod, whatever the caller's type parameter is called.
    return withSingleton(withDefaultTolerations(object as unknown as Pod, seconds)) as unknown as NewObject<T>
  }
  return { ...objects, create: (kind, object, options) => objects.create(kind, admit(kind, object), options) }
}

/** The pods of a StatefulSet have names and data of their own: two of the same are worse than none. */
function withSingleton(pod: Pod): Pod {
  const isOfStatefulSet = pod.metadata.ownerReferences?.some(
    ({ controller, kind }) => controller && kind === STATEFUL_SET.kind,
  )
  if (!isOfStatefulSet) return pod
  return { ...pod, metadata: { ...pod.metadata, annotations: { ...pod.metadata.annotations, [SINGLETON]: 'true' } } }
}
