// replica-set.ts - the row for ReplicaSets
import { AGE, NAME, number, TEMPLATE_COLUMNS } from './columns.ts'
import { defineKind, pathFields, REPLICAS, SCALE_PART, statusPart } from './define.ts'
import type { ReplicaSet } from './object.ts'
import { nonNegative } from './field-rules.ts'
import { setTemplateDefaults, templateWarnings, workloadCauses } from './workload.ts'

export const REPLICA_SET = defineKind<ReplicaSet>({
  group: 'apps',
  kind: 'ReplicaSet',
  plural: 'replicasets',
  shortNames: ['rs'],
  categories: ['all'],
  subresources: { ...statusPart('ReplicaSet'), ...SCALE_PART },
  scale: REPLICAS,
  selectableFields: pathFields('status.replicas'),
  columns: [
    NAME,
    number<ReplicaSet>('Desired', ({ spec }) => spec?.replicas),
    number<ReplicaSet>('Current', ({ status }) => status?.replicas),
    number<ReplicaSet>('Ready', ({ status }) => status?.readyReplicas),
    AGE,
    ...TEMPLATE_COLUMNS,
  ],
  setDefaults(set) {
    set.spec ??= { selector: {} }
    setTemplateDefaults(set.spec)
    set.spec.replicas ??= 1
    set.status ??= { replicas: 0 }
    set.status.replicas ??= 0
  },
  validate: ({ spec }, old) => [
    ...workloadCauses(spec, old?.spec),
    ...nonNegative(spec.replicas, 'spec.replicas'),
    ...nonNegative(spec.minReadySeconds, 'spec.minReadySeconds'),
  ],
  // A Deployment's sets were already spoken about at the Deployment.
  warnings: (set, old) => (set.metadata.ownerReferences?.length ? [] : templateWarnings(set, old)),
})
