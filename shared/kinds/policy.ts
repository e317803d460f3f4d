// policy.ts - the rows of the policy group
import type { PodDisruptionBudgetSpec, PodDisruptionBudgetStatus } from 'kubernetes-types/policy/v1.js'
import { AGE, column, NAME, number } from './columns.ts'
import { defineKind, statusPart } from './define.ts'
import { countOrPercentCauses, oneOf } from './field-rules.ts'
import type { Of } from './object.ts'
import { invalidValue, type Cause } from './status-error.ts'
import { labelSelectorCauses } from './workload.ts'

export type PodDisruptionBudget = Of<PodDisruptionBudgetSpec, PodDisruptionBudgetStatus>

export const POD_DISRUPTION_BUDGET = defineKind<PodDisruptionBudget>({
  group: 'policy',
  kind: 'PodDisruptionBudget',
  plural: 'poddisruptionbudgets',
  shortNames: ['pdb'],
  subresources: statusPart('PodDisruptionBudget'),
  columns: [
    NAME,
    column<PodDisruptionBudget>('Min Available', ({ spec }) => String(spec?.minAvailable ?? 'N/A')),
    column<PodDisruptionBudget>('Max Unavailable', ({ spec }) => String(spec?.maxUnavailable ?? 'N/A')),
    number<PodDisruptionBudget>('Allowed Disruptions', ({ status }) => status?.disruptionsAllowed),
    AGE,
  ],
  setDefaults(budget) {
    const none = { currentHealthy: 0, desiredHealthy: 0, disruptionsAllowed: 0, expectedPods: 0 }
    budget.status = { ...none, ...budget.status }
  },
  validate: ({ spec }) => [
    ...bothCauses(spec),
    ...countOrPercentCauses(spec?.minAvailable, 'spec.minAvailable'),
    ...countOrPercentCauses(spec?.maxUnavailable, 'spec.maxUnavailable'),
    ...labelSelectorCauses(spec?.selector, 'spec.selector'),
    ...oneOf(spec?.unhealthyPodEvictionPolicy, 'spec.unhealthyPodEvictionPolicy', ['AlwaysAllow', 'IfHealthyBudget']),
  ],
  warnings: (_budget, old) =>
    old ? [] : ['Evictions obey a PodDisruptionBudget, but Holdfast does not keep its status yet'],
})

const bothCauses = (spec: PodDisruptionBudgetSpec | undefined): Cause[] =>
  spec?.minAvailable !== undefined && spec.maxUnavailable !== undefined
    ? [
        invalidValue(
          'spec',
          { minAvailable: spec.minAvailable, maxUnavailable: spec.maxUnavailable },
          'minAvailable and maxUnavailable cannot be both set',
        ),
      ]
    : []
