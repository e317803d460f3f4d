// deployment.ts - the row for Deployments
import { AGE, column, NAME, number, TEMPLATE_COLUMNS } from './columns.ts'
import { defineKind, REPLICAS, SCALE_PART, statusPart } from './define.ts'
import type { Deployment } from './object.ts'
import { forbiddenField, invalidValue, type Cause } from './status-error.ts'
import { countOrPercentCauses, isZeroCount, nonNegative, oneOf } from './field-rules.ts'
import { setTemplateDefaults, templateWarnings, workloadCauses } from './workload.ts'

export const DEPLOYMENT = defineKind<Deployment>({
  group: 'apps',
  kind: 'Deployment',
  plural: 'deployments',
  shortNames: ['deploy'],
  categories: ['all'],
  subresources: { ...statusPart('Deployment'), ...SCALE_PART },
  scale: REPLICAS,
  columns: [
    NAME,
    column<Deployment>('Ready', ({ spec, status }) => `${status?.readyReplicas ?? 0}/${spec?.replicas ?? 0}`),
    number<Deployment>('Up-to-date', ({ status }) => status?.updatedReplicas),
    number<Deployment>('Available', ({ status }) => status?.availableReplicas),
    AGE,
    ...TEMPLATE_COLUMNS,
  ],
  setDefaults(deployment) {
    deployment.spec ??= { selector: {}, template: {} }
    const { spec } = deployment
    setTemplateDefaults(spec)
    spec.replicas ??= 1
    spec.revisionHistoryLimit ??= 10
    spec.progressDeadlineSeconds ??= 600
    spec.strategy ??= {}
    spec.strategy.type ||= 'RollingUpdate'
    if (spec.strategy.type === 'RollingUpdate') {
      spec.strategy.rollingUpdate = { maxSurge: '25%', maxUnavailable: '25%', ...spec.strategy.rollingUpdate }
    }
  },
  validate: ({ spec }, old) => [
    ...workloadCauses(spec, old?.spec),
    ...nonNegative(spec.replicas, 'spec.replicas'),
    ...nonNegative(spec.minReadySeconds, 'spec.minReadySeconds'),
    ...nonNegative(spec.revisionHistoryLimit, 'spec.revisionHistoryLimit'),
    ...progressCauses(spec),
    ...strategyCauses(spec.strategy),
  ],
  warnings: templateWarnings,
})

function progressCauses({ progressDeadlineSeconds, minReadySeconds = 0 }: Deployment['spec']): Cause[] {
  const field = 'spec.progressDeadlineSeconds'
  if (progressDeadlineSeconds === undefined) return []
  if (progressDeadlineSeconds < 0) return nonNegative(progressDeadlineSeconds, field)
  return progressDeadlineSeconds <= minReadySeconds
    ? [invalidValue(field, progressDeadlineSeconds, 'must be greater than minReadySeconds')]
    : []
}

function strategyCauses(strategy: Deployment['spec']['strategy']): Cause[] {
  const at = 'spec.strategy'
  const { type, rollingUpdate } = strategy ?? {}
  if (type === 'Recreate' && rollingUpdate) {
    return [forbiddenField(`${at}.rollingUpdate`, "may not be specified when strategy `type` is 'Recreate'")]
  }
  const { maxSurge, maxUnavailable } = rollingUpdate ?? {}
  const movesNothing = type === 'RollingUpdate' && isZeroCount(maxSurge) && isZeroCount(maxUnavailable)
  return [
    ...oneOf(type, `${at}.type`, ['Recreate', 'RollingUpdate']),
    ...countOrPercentCauses(maxUnavailable, `${at}.rollingUpdate.maxUnavailable`),
    ...countOrPercentCauses(maxSurge, `${at}.rollingUpdate.maxSurge`),
    ...overHundredCauses(maxUnavailable, `${at}.rollingUpdate.maxUnavailable`),
    ...(movesNothing
      ? [invalidValue(`${at}.rollingUpdate.maxUnavailable`, maxUnavailable ?? 0, 'may not be 0 when `maxSurge` is 0')]
      : []),
  ]
}

const overHundredCauses = (value: number | string | undefined, field: string): Cause[] =>
  typeof value === 'string' && Number.parseInt(value, 10) > 100
    ? [invalidValue(field, value, 'must not be greater than 100%')]
    : []
