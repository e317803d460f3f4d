// autoscaling.ts - the rows for HorizontalPodAutoscalers: v2 is stored, v1 is an older view of the same
import type { HorizontalPodAutoscalerSpec as SpecV1 } from 'kubernetes-types/autoscaling/v1.js'
import type {
  HorizontalPodAutoscalerSpec,
  HorizontalPodAutoscalerStatus,
  HPAScalingRules,
  MetricSpec,
  MetricStatus,
} from 'kubernetes-types/autoscaling/v2.js'
import { AGE, column, NAME, NONE, number } from './columns.ts'
import { defineKind, statusPart } from './define.ts'
import type { KubeObject, Of } from './object.ts'
import { invalidValue, requiredValue, type Cause } from './status-error.ts'

export type HorizontalPodAutoscaler = Of<HorizontalPodAutoscalerSpec, HorizontalPodAutoscalerStatus>

const names = {
  group: 'autoscaling',
  kind: 'HorizontalPodAutoscaler',
  plural: 'horizontalpodautoscalers',
  shortNames: ['hpa'],
  categories: ['all'],
  subresources: statusPart('HorizontalPodAutoscaler'),
}

const COLUMNS = [
  NAME,
  column<HorizontalPodAutoscaler>(
    'Reference',
    ({ spec }) => `${spec?.scaleTargetRef?.kind ?? ''}/${spec?.scaleTargetRef?.name ?? ''}`,
  ),
  column<HorizontalPodAutoscaler>('Targets', targetsText),
  column<HorizontalPodAutoscaler>('MinPods', ({ spec }) => String(spec?.minReplicas ?? '<unset>')),
  number<HorizontalPodAutoscaler>('MaxPods', ({ spec }) => spec?.maxReplicas),
  number<HorizontalPodAutoscaler>('Replicas', ({ status }) => status?.currentReplicas),
  AGE,
] as const

export const HORIZONTAL_POD_AUTOSCALER = defineKind<HorizontalPodAutoscaler>({
  ...names,
  version: 'v2',
  isStoredOnly: true,
  columns: COLUMNS,
  setDefaults({ spec }) {
    if (!spec) return
    spec.minReplicas ??= 1
    if (!spec.metrics?.length) spec.metrics = [cpuMetric(80)]
    if (spec.behavior) {
      spec.behavior.scaleUp = scaleRules(spec.behavior.scaleUp, {
        stabilizationWindowSeconds: 0,
        policies: [DOUBLE, ADD_FOUR],
      })
      spec.behavior.scaleDown = scaleRules(spec.behavior.scaleDown, { policies: [DOUBLE] })
    }
  },
  validate: ({ spec }) => boundsCauses(spec),
})

const DOUBLE = { type: 'Percent', value: 100, periodSeconds: 15 }
const ADD_FOUR = { type: 'Pods', value: 4, periodSeconds: 15 }

function scaleRules(rules: HPAScalingRules | undefined, defaults: HPAScalingRules): HPAScalingRules {
  const policies = (defaults.policies ?? []).map((policy) => ({ ...policy }))
  return { selectPolicy: 'Max', ...defaults, policies, ...rules }
}

const cpuMetric = (averageUtilization: number): MetricSpec => ({
  type: 'Resource',
  resource: { name: 'cpu', target: { type: 'Utilization', averageUtilization } },
})

function boundsCauses(spec: HorizontalPodAutoscalerSpec | undefined): Cause[] {
  const { minReplicas = 1, maxReplicas = 0, scaleTargetRef } = spec ?? {}
  return [
    ...(scaleTargetRef?.kind ? [] : [requiredValue('spec.scaleTargetRef.kind')]),
    ...(scaleTargetRef?.name ? [] : [requiredValue('spec.scaleTargetRef.name')]),
    ...(minReplicas < 1 ? [invalidValue('spec.minReplicas', minReplicas, 'must be greater than or equal to 1')] : []),
    ...(maxReplicas < 1 ? [invalidValue('spec.maxReplicas', maxReplicas, 'must be greater than 0')] : []),
    ...(maxReplicas < minReplicas
      ? [invalidValue('spec.maxReplicas', maxReplicas, 'must be greater than or equal to `minReplicas`')]
      : []),
  ]
}

function targetsText({ spec, status }: HorizontalPodAutoscaler): string {
  const texts = (spec?.metrics ?? []).map((metric, index) => targetText(metric, status?.currentMetrics?.[index]))
  const shown = texts.slice(0, 2).join(', ')
  return texts.length > 2 ? `${shown} + ${texts.length - 2} more...` : shown || NONE
}

function targetText({ type, resource }: MetricSpec, current: MetricStatus | undefined): string {
  if (!resource) return `<unknown>/${type}`
  const { averageUtilization, averageValue } = resource.target
  const now = current?.resource?.current
  const percent = (value: number | undefined) => (value === undefined ? '<unknown>' : `${value}%`)
  return averageUtilization === undefined
    ? `${resource.name}: ${now?.averageValue ?? '<unknown>'}/${averageValue ?? '<auto>'}`
    : `${resource.name}: ${percent(now?.averageUtilization)}/${averageUtilization}%`
}

export const HORIZONTAL_POD_AUTOSCALER_V1 = defineKind({
  ...names,
  version: 'v1',
  columns: COLUMNS.map((shown) => ({
    ...shown,
    value: (object: KubeObject, nowMs: number) => shown.value(toV2(object), nowMs),
  })),
  storage: { kind: HORIZONTAL_POD_AUTOSCALER, toStorage: toV2, fromStorage: toV1 },
})

/** Where v1 keeps what it has no fields for, as upstream does: nothing is lost on the way there and back. */
const METRICS_NOTE = 'autoscaling.alpha.kubernetes.io/metrics'
const BEHAVIOR_NOTE = 'autoscaling.alpha.kubernetes.io/behavior'
const STATUS_NOTE = 'autoscaling.alpha.kubernetes.io/status'

function toV2(object: KubeObject): KubeObject {
  // Callers hand in a v1 object: it was decoded along the v1 schema.
  const spec = object.spec as SpecV1
  const {
    [METRICS_NOTE]: metrics,
    [BEHAVIOR_NOTE]: behavior,
    [STATUS_NOTE]: status,
    ...annotations
  } = object.metadata.annotations ?? {}
  const { targetCPUUtilizationPercentage: cpu, ...rest } = spec ?? {}
  const others: unknown[] = listNote(metrics)
  const all = [...(cpu === undefined ? [] : [cpuMetric(cpu)]), ...others]
  const rules = objectNote(behavior)
  return {
    ...object,
    apiVersion: 'autoscaling/v2',
    metadata: { ...object.metadata, ...(object.metadata.annotations && { annotations }) },
    spec: { ...rest, ...(all.length > 0 && { metrics: all }), ...(rules && { behavior: rules }) },
    ...(object.status !== undefined && { status: { ...Object(object.status), ...objectNote(status) } }),
  }
}

function toV1(object: KubeObject): KubeObject {
  // What is stored under the v2 row was decoded along the v2 schema.
  const { spec, status } = object as HorizontalPodAutoscaler
  const { metrics = [], behavior, ...rest } = spec ?? {}
  const cpuIndex = metrics.findIndex(isCpuUtilization)
  const others = metrics.filter((_, index) => index !== cpuIndex)
  const cpu = metrics[cpuIndex]?.resource?.target.averageUtilization
  const { currentReplicas = 0, desiredReplicas = 0, lastScaleTime, observedGeneration, ...more } = status ?? {}
  const notes = {
    ...(others.length > 0 && { [METRICS_NOTE]: JSON.stringify(others) }),
    ...(behavior && { [BEHAVIOR_NOTE]: JSON.stringify(behavior) }),
    ...(Object.keys(more).length > 0 && { [STATUS_NOTE]: JSON.stringify(more) }),
  }
  const annotations = { ...object.metadata.annotations, ...notes }
  return {
    ...object,
    apiVersion: 'autoscaling/v1',
    metadata: { ...object.metadata, ...(Object.keys(annotations).length > 0 && { annotations }) },
    spec: { ...rest, ...(cpu !== undefined && { targetCPUUtilizationPercentage: cpu }) },
    status: {
      currentReplicas,
      desiredReplicas,
      ...(lastScaleTime && { lastScaleTime }),
      ...(observedGeneration !== undefined && { observedGeneration }),
    },
  }
}

const isCpuUtilization = ({ resource }: MetricSpec) =>
  resource?.name === 'cpu' && resource.target.averageUtilization !== undefined

/** Notes can be written by anybody: what does not parse is as good as absent. */
function parsed(note: string | undefined): unknown {
  if (note === undefined) return undefined
  try {
    return JSON.parse(note)
  } catch (error) {
    if (error instanceof SyntaxError) return undefined
    throw error
  }
}

const listNote = (note: string | undefined): unknown[] => {
  const value = parsed(note)
  return Array.isArray(value) ? value : []
}

const objectNote = (note: string | undefined): object | undefined => {
  const value = parsed(note)
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? value : undefined
}
