// placement.ts - on which nodes a DaemonSet wants a pod, and how its pods are tied to them
import type { DaemonSet, Node, Pod, PodSpec } from '../../../shared/kinds/object.ts'
import { matchesNodeSelection, offersRuntime, pinnedNode } from '../../../shared/node-selection.ts'
import { untolerated } from '../../../shared/tolerations.ts'
import { withDaemonTolerations } from '../default-tolerations.ts'

export interface Wanted {
  run: boolean
  /** False: also a pod that is there already has to go. */
  stay: boolean
}

/** Automatic tolerations included: what the pods of this DaemonSet will be. */
export const daemonPodSpec = (daemonSet: DaemonSet): PodSpec =>
  withDaemonTolerations(daemonSet.spec.template.spec ?? { containers: [] })

export function wantedOn(spec: PodSpec, node: Node): Wanted {
  if (spec.nodeName && spec.nodeName !== node.metadata.name) return { run: false, stay: false }
  if (!matchesNodeSelection(spec, node) || !offersRuntime(spec, node)) return { run: false, stay: false }
  const { taints } = node.spec
  const run = untolerated(taints, spec.tolerations, ['NoSchedule', 'NoExecute']) === undefined
  return { run, stay: run || untolerated(taints, spec.tolerations, ['NoExecute']) === undefined }
}

/** By name instead of by spec.nodeName, as upstream: the scheduler then also checks that the pod fits. */
export function pinnedTo(spec: PodSpec, nodeName: string): PodSpec {
  const byName = { key: 'metadata.name', operator: 'In', values: [nodeName] }
  return {
    ...spec,
    affinity: {
      ...spec.affinity,
      nodeAffinity: {
        ...spec.affinity?.nodeAffinity,
        // The template's own terms were checked by `wantedOn`, again with every change of the node.
        requiredDuringSchedulingIgnoredDuringExecution: { nodeSelectorTerms: [{ matchFields: [byName] }] },
      },
    },
  }
}

export const nodeOfDaemonPod = ({ spec }: Pod): string | undefined => spec.nodeName ?? pinnedNode(spec)
