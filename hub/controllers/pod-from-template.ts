// pod-from-template.ts - the pod that a controller makes from its template
import { apiVersionOf } from '../../shared/kinds/kind.ts'
import type { KubeObject, NewObject, OwnerReference, Pod, PodTemplateSpec } from '../../shared/kinds/object.ts'
import { POD } from '../../shared/kinds/pod.ts'

/** Room for the five letters that the store adds. */
const GENERATE_NAME_MAX = 58

export function podFromTemplate(
  owner: KubeObject,
  template: PodTemplateSpec | undefined,
  reference: OwnerReference,
  labels: Readonly<Record<string, string>> = {},
): NewObject<Pod> {
  return {
    apiVersion: apiVersionOf(POD),
    kind: POD.kind,
    metadata: {
      generateName: `${owner.metadata.name.slice(0, GENERATE_NAME_MAX - 1)}-`,
      ...(owner.metadata.namespace && { namespace: owner.metadata.namespace }),
      labels: { ...template?.metadata?.labels, ...labels },
      ...(template?.metadata?.annotations && { annotations: template.metadata.annotations }),
      ...(template?.metadata?.finalizers && { finalizers: template.metadata.finalizers }),
      ownerReferences: [reference],
    },
    // A template without a spec does not pass validation; the store would refuse it by name.
    spec: template?.spec ?? { containers: [] },
  }
}
