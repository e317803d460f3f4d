// pod.ts - the row for pods: what runs
import { atPath, defineKind, pathFields, statusPart } from './define.ts'
import { disconnectCauses, disconnectUpdateCauses } from './disconnect-causes.ts'
import type { Pod } from './object.ts'
import { POD_COLUMNS } from './pod-columns.ts'
import { setPodSpecDefaults } from './pod-defaults.ts'
import { qosClass } from './pod-resources.ts'
import { podUpdateCauses } from './pod-update.ts'
import { podSpecCauses } from './pod-validation.ts'
import { ephemeralContainerWarnings, podSpecWarnings } from './pod-warnings.ts'

const STREAM_VERBS = ['create', 'get'] as const

export const POD = defineKind<Pod>({
  kind: 'Pod',
  plural: 'pods',
  shortNames: ['po'],
  categories: ['all'],
  stopsGracefully: true,
  subresources: {
    ...statusPart('Pod'),
    log: { kind: 'Pod', verbs: ['get'] },
    exec: { kind: 'PodExecOptions', verbs: STREAM_VERBS },
    attach: { kind: 'PodAttachOptions', verbs: STREAM_VERBS },
    portforward: { kind: 'PodPortForwardOptions', verbs: STREAM_VERBS },
    binding: { kind: 'Binding', verbs: ['create'] },
    eviction: { kind: 'Eviction', group: 'policy', version: 'v1', verbs: ['create'] },
    ephemeralcontainers: { kind: 'Pod', verbs: ['get', 'patch', 'update'] },
  },
  selectableFields: {
    ...pathFields(
      'spec.nodeName',
      'spec.restartPolicy',
      'spec.schedulerName',
      'spec.serviceAccountName',
      'status.phase',
      'status.podIP',
      'status.nominatedNodeName',
    ),
    // Absent is false, and is found as such.
    'spec.hostNetwork': (pod) => atPath(pod, 'spec.hostNetwork') ?? false,
  },
  columns: POD_COLUMNS,
  setDefaults(pod) {
    pod.spec ??= { containers: [] }
    setPodSpecDefaults(pod.spec)
    pod.spec.enableServiceLinks ??= true
    pod.spec.serviceAccountName ??= 'default'
    pod.spec.serviceAccount = pod.spec.serviceAccountName
    pod.status ??= {}
    pod.status.phase ??= 'Pending'
    pod.status.qosClass ??= qosClass(pod.spec)
  },
  validate: (pod, old, subresource) => [
    ...podSpecCauses(pod.spec, 'spec', { annotations: pod.metadata.annotations }),
    ...disconnectCauses(pod.metadata.annotations, 'metadata.annotations'),
    ...(old ? podUpdateCauses(pod, old, subresource) : []),
    ...(old ? disconnectUpdateCauses(pod.metadata.annotations, old.metadata.annotations, 'metadata.annotations') : []),
  ],
  warnings: (pod, old) =>
    old ? ephemeralContainerWarnings(pod.spec, old.spec, 'spec') : podSpecWarnings(pod.spec, 'spec'),
})
