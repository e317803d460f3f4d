// core-stored.ts - the rows of core/v1 that are only stored: limits, quotas, templates and what came before ReplicaSets
import type {
  LimitRangeItem,
  LimitRangeSpec,
  ReplicationControllerSpec,
  ReplicationControllerStatus,
  ResourceQuotaSpec,
  ResourceQuotaStatus,
} from 'kubernetes-types/core/v1.js'
import { ageOf } from '../human-duration.ts'
import { AGE, column, CONTAINERS, CREATED_AT, IMAGES, labelText, NAME, number, wide } from './columns.ts'
import { defineKind, REPLICAS, SCALE_PART, statusPart } from './define.ts'
import { nonNegative, oneOf } from './field-rules.ts'
import type { KubeObject, Of, PodTemplateSpec } from './object.ts'
import { setPodSpecDefaults } from './pod-defaults.ts'
import { listCauses } from './resource-validation.ts'
import { invalidValue, requiredValue } from './status-error.ts'
import { setTemplateDefaults, templateCauses } from './workload.ts'

export type LimitRange = Of<LimitRangeSpec, never>
export type ResourceQuota = Of<ResourceQuotaSpec, ResourceQuotaStatus>
export type ReplicationController = Of<ReplicationControllerSpec, ReplicationControllerStatus>
export type PodTemplate = KubeObject & { template?: PodTemplateSpec }

export const LIMIT_RANGE = defineKind<LimitRange>({
  kind: 'LimitRange',
  plural: 'limitranges',
  shortNames: ['limits'],
  isStoredOnly: true,
  columns: [NAME, CREATED_AT],
  setDefaults({ spec }) {
    for (const item of spec?.limits ?? []) if (item.type === 'Container') setLimitDefaults(item)
  },
  validate: ({ spec }) =>
    (spec?.limits ?? []).flatMap(({ type, max = {}, min = {} }, index) => [
      ...oneOf(type, `spec.limits[${index}].type`, ['Container', 'PersistentVolumeClaim', 'Pod']),
      ...(type === 'Container'
        ? [...listCauses(max, `spec.limits[${index}].max`), ...listCauses(min, `spec.limits[${index}].min`)]
        : []),
    ]),
})

/** A maximum is also the limit of who names none; a minimum the request of who asks for nothing. */
function setLimitDefaults(item: LimitRangeItem): void {
  const limits = { ...item.max, ...item.default }
  const requests = { ...limits, ...item.min, ...item.defaultRequest }
  if (Object.keys(limits).length > 0) item.default = limits
  if (Object.keys(requests).length > 0) item.defaultRequest = requests
}

export const RESOURCE_QUOTA = defineKind<ResourceQuota>({
  kind: 'ResourceQuota',
  plural: 'resourcequotas',
  shortNames: ['quota'],
  isStoredOnly: true,
  subresources: statusPart('ResourceQuota'),
  columns: [
    NAME,
    AGE,
    column<ResourceQuota>('Request', (quota) => usageText(quota, (name) => !name.startsWith('limits.'))),
    column<ResourceQuota>('Limit', (quota) => usageText(quota, (name) => name.startsWith('limits.'))),
  ],
  setDefaults(quota) {
    quota.spec ??= {}
    quota.status ??= {}
  },
})

const usageText = ({ status }: ResourceQuota, isWanted: (name: string) => boolean): string =>
  Object.keys(status?.hard ?? {})
    .filter(isWanted)
    .toSorted()
    .map((name) => `${name}: ${status?.used?.[name] ?? 0}/${status?.hard?.[name]}`)
    .join(', ')

export const REPLICATION_CONTROLLER = defineKind<ReplicationController>({
  kind: 'ReplicationController',
  plural: 'replicationcontrollers',
  shortNames: ['rc'],
  categories: ['all'],
  isStoredOnly: true,
  subresources: { ...statusPart('ReplicationController'), ...SCALE_PART },
  scale: REPLICAS,
  columns: [
    NAME,
    number<ReplicationController>('Desired', ({ spec }) => spec?.replicas),
    number<ReplicationController>('Current', ({ status }) => status?.replicas),
    number<ReplicationController>('Ready', ({ status }) => status?.readyReplicas),
    AGE,
    CONTAINERS,
    IMAGES,
    wide<ReplicationController>('Selector', ({ spec }) => labelText(spec?.selector)),
  ],
  setDefaults(controller) {
    controller.spec ??= {}
    const { selector, ...spec } = controller.spec
    setTemplateDefaults(spec)
    spec.replicas ??= 1
    controller.spec = { ...spec, selector: selector ?? { ...spec.template?.metadata?.labels } }
    controller.metadata.labels ??= { ...spec.template?.metadata?.labels }
    controller.status ??= { replicas: 0 }
  },
  validate: ({ spec }) => {
    const labels = spec.template?.metadata?.labels ?? {}
    const isMismatch = Object.entries(spec.selector ?? {}).some(([key, value]) => labels[key] !== value)
    return [
      ...(Object.keys(spec.selector ?? {}).length === 0 ? [requiredValue('spec.selector')] : []),
      ...(isMismatch
        ? [invalidValue('spec.template.metadata.labels', labels, '`selector` does not match template `labels`')]
        : []),
      ...nonNegative(spec.replicas, 'spec.replicas'),
      ...templateCauses(spec.template, 'spec.template', { restartPolicies: ['Always'] }),
    ]
  },
})

const templateContainers = ({ template }: PodTemplate) => template?.spec?.containers ?? []

export const POD_TEMPLATE = defineKind<PodTemplate>({
  kind: 'PodTemplate',
  plural: 'podtemplates',
  isStoredOnly: true,
  columns: [
    NAME,
    column<PodTemplate>('Containers', (object) =>
      templateContainers(object)
        .map(({ name }) => name)
        .join(','),
    ),
    column<PodTemplate>('Images', (object) =>
      templateContainers(object)
        .map(({ image }) => image)
        .join(','),
    ),
    column<PodTemplate>('Pod Labels', ({ template }) => labelText(template?.metadata?.labels)),
    column<PodTemplate>('Age', ({ metadata }, nowMs) => ageOf(metadata.creationTimestamp, nowMs)),
  ],
  setDefaults(object) {
    object.template ??= {}
    object.template.spec ??= { containers: [] }
    setPodSpecDefaults(object.template.spec)
  },
  validate: ({ template }) => templateCauses(template, 'template'),
})
