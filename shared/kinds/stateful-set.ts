// stateful-set.ts - the row for StatefulSets
import type { StatefulSetSpec, StatefulSetStatus } from 'kubernetes-types/apps/v1.js'
import { canonicalJson } from '../hash.ts'
import { AGE, column, CONTAINERS, IMAGES, NAME } from './columns.ts'
import { defineKind, REPLICAS, SCALE_PART, statusPart } from './define.ts'
import type { Of } from './object.ts'
import { forbiddenField, type Cause } from './status-error.ts'
import { nonNegative, oneOf } from './field-rules.ts'
import { setTemplateDefaults, templateWarnings, workloadCauses } from './workload.ts'

export type StatefulSet = Of<StatefulSetSpec, StatefulSetStatus>

export const STATEFUL_SET = defineKind<StatefulSet>({
  group: 'apps',
  kind: 'StatefulSet',
  plural: 'statefulsets',
  shortNames: ['sts'],
  categories: ['all'],
  isStoredOnly: true,
  subresources: { ...statusPart('StatefulSet'), ...SCALE_PART },
  scale: REPLICAS,
  columns: [
    NAME,
    column<StatefulSet>('Ready', ({ spec, status }) => `${status?.readyReplicas ?? 0}/${spec?.replicas ?? 0}`),
    AGE,
    CONTAINERS,
    IMAGES,
  ],
  setDefaults(set) {
    set.spec ??= { selector: {}, serviceName: '', template: {} }
    setTemplateDefaults(set.spec)
    setSpecDefaults(set.spec)
    set.status = {
      ...set.status,
      replicas: set.status?.replicas ?? 0,
      availableReplicas: set.status?.availableReplicas ?? 0,
    }
  },
  validate: ({ spec }, old) => [
    ...workloadCauses(spec, undefined, { kindName: 'statefulset' }),
    ...nonNegative(spec.replicas, 'spec.replicas'),
    ...nonNegative(spec.minReadySeconds, 'spec.minReadySeconds'),
    ...nonNegative(spec.updateStrategy?.rollingUpdate?.partition, 'spec.updateStrategy.rollingUpdate.partition'),
    ...oneOf(spec.podManagementPolicy, 'spec.podManagementPolicy', ['OrderedReady', 'Parallel']),
    ...oneOf(spec.updateStrategy?.type, 'spec.updateStrategy.type', ['RollingUpdate', 'OnDelete']),
    ...(old ? updateCauses(spec, old.spec) : []),
  ],
  warnings: templateWarnings,
})

function setSpecDefaults(spec: StatefulSetSpec): void {
  spec.replicas ??= 1
  spec.serviceName ??= ''
  spec.podManagementPolicy ||= 'OrderedReady'
  spec.revisionHistoryLimit ??= 10
  spec.updateStrategy ??= {}
  spec.updateStrategy.type ||= 'RollingUpdate'
  if (spec.updateStrategy.type === 'RollingUpdate') {
    spec.updateStrategy.rollingUpdate = { partition: 0, ...spec.updateStrategy.rollingUpdate }
  }
  spec.persistentVolumeClaimRetentionPolicy = {
    whenDeleted: 'Retain',
    whenScaled: 'Retain',
    ...spec.persistentVolumeClaimRetentionPolicy,
  }
  for (const claim of spec.volumeClaimTemplates ?? []) {
    claim.apiVersion ??= 'v1'
    claim.kind ??= 'PersistentVolumeClaim'
    claim.spec ??= {}
    claim.spec.volumeMode ??= 'Filesystem'
  }
}

const MUTABLE = [
  'replicas',
  'ordinals',
  'template',
  'updateStrategy',
  'persistentVolumeClaimRetentionPolicy',
  'minReadySeconds',
  'revisionHistoryLimit',
] as const

function updateCauses(next: StatefulSetSpec, old: StatefulSetSpec): Cause[] {
  const fixed = (spec: StatefulSetSpec) => {
    const rest: Partial<StatefulSetSpec> = { ...spec }
    for (const field of MUTABLE) delete rest[field]
    return canonicalJson(rest)
  }
  const why =
    "updates to statefulset spec for fields other than 'replicas', 'ordinals', 'template', 'updateStrategy', 'revisionHistoryLimit', 'persistentVolumeClaimRetentionPolicy' and 'minReadySeconds' are forbidden"
  return fixed(next) === fixed(old) ? [] : [forbiddenField('spec', why)]
}
