// placement-validation.ts - what a pod may not say about where it wants to be: affinities and tolerations
import type { Affinity, NodeSelectorRequirement, NodeSelectorTerm, PodAffinityTerm } from 'kubernetes-types/core/v1.js'
import { labelValueError, qualifiedNameError } from '../names.ts'
import { checked } from './metadata.ts'
import type { Toleration } from './object.ts'
import { forbiddenField, invalidValue, requiredValue, unsupportedValue, type Cause } from './status-error.ts'

const EFFECTS = ['NoSchedule', 'PreferNoSchedule', 'NoExecute']

export const tolerationCauses = (tolerations: readonly Toleration[], at: string): Cause[] =>
  tolerations.flatMap((toleration, index) => tolerationCausesAt(toleration, `${at}[${index}]`))

function tolerationCausesAt(
  { key, operator = 'Equal', value, effect, tolerationSeconds }: Toleration,
  at: string,
): Cause[] {
  return [
    ...(key ? checked(`${at}.key`, key, qualifiedNameError) : []),
    ...(!key && operator !== 'Exists'
      ? [
          invalidValue(
            `${at}.operator`,
            operator,
            'operator must be Exists when `key` is empty, which means "match all values and all keys"',
          ),
        ]
      : []),
    ...(['Equal', 'Exists'].includes(operator)
      ? []
      : [unsupportedValue(`${at}.operator`, operator, ['Equal', 'Exists'])]),
    ...(operator === 'Exists' && value
      ? [invalidValue(`${at}.operator`, value, "value must be empty when `operator` is 'Exists'")]
      : []),
    ...(operator === 'Equal' && value ? checked(`${at}.value`, value, labelValueError) : []),
    ...(!effect || EFFECTS.includes(effect) ? [] : [unsupportedValue(`${at}.effect`, effect, EFFECTS)]),
    ...(tolerationSeconds !== undefined && effect !== 'NoExecute'
      ? [invalidValue(`${at}.effect`, effect ?? '', "effect must be 'NoExecute' when `tolerationSeconds` is set")]
      : []),
  ]
}

export function affinityCauses(affinity: Affinity | undefined, at: string): Cause[] {
  const required = affinity?.nodeAffinity?.requiredDuringSchedulingIgnoredDuringExecution
  const terms = required?.nodeSelectorTerms ?? []
  const node = `${at}.nodeAffinity`
  const requiredAt = `${node}.requiredDuringSchedulingIgnoredDuringExecution`
  return [
    ...(required && terms.length === 0
      ? [requiredValue(`${requiredAt}.nodeSelectorTerms`, 'must have at least one node selector term')]
      : []),
    ...terms.flatMap((term, index) => termCauses(term, `${requiredAt}.nodeSelectorTerms[${index}]`)),
    ...(affinity?.nodeAffinity?.preferredDuringSchedulingIgnoredDuringExecution ?? []).flatMap(
      ({ weight, preference }, index) => {
        const field = `${node}.preferredDuringSchedulingIgnoredDuringExecution[${index}]`
        return [...weightCauses(weight, field), ...termCauses(preference ?? {}, `${field}.preference`)]
      },
    ),
    ...podAffinityCauses(affinity?.podAffinity, `${at}.podAffinity`),
    ...podAffinityCauses(affinity?.podAntiAffinity, `${at}.podAntiAffinity`),
  ]
}

const weightCauses = (weight: number, at: string): Cause[] =>
  weight >= 1 && weight <= 100 ? [] : [invalidValue(`${at}.weight`, weight, 'must be in the range 1-100')]

const termCauses = ({ matchExpressions = [], matchFields = [] }: NodeSelectorTerm, at: string): Cause[] => [
  ...matchExpressions.flatMap((requirement, index) =>
    requirementCauses(requirement, `${at}.matchExpressions[${index}]`),
  ),
  ...matchFields.flatMap(({ key }, index) =>
    key === 'metadata.name'
      ? []
      : [invalidValue(`${at}.matchFields[${index}].key`, key, 'not a valid field selector key')],
  ),
]

function requirementCauses({ key, operator, values = [] }: NodeSelectorRequirement, at: string): Cause[] {
  return [...checked(`${at}.key`, key ?? '', qualifiedNameError), ...valuesCauses(operator, values, at)]
}

function valuesCauses(operator: string, values: readonly string[], at: string): Cause[] {
  switch (operator) {
    case 'In':
    case 'NotIn':
      return values.length > 0
        ? []
        : [requiredValue(`${at}.values`, "must be specified when `operator` is 'In' or 'NotIn'")]
    case 'Exists':
    case 'DoesNotExist':
      return values.length === 0
        ? []
        : [forbiddenField(`${at}.values`, "may not be specified when `operator` is 'Exists' or 'DoesNotExist'")]
    case 'Gt':
    case 'Lt':
      return values.length === 1
        ? []
        : [requiredValue(`${at}.values`, "must be specified single value when `operator` is 'Lt' or 'Gt'")]
    default:
      return [invalidValue(`${at}.operator`, operator, 'not a valid selector operator')]
  }
}

type PodAffinityRules = Affinity['podAffinity'] | Affinity['podAntiAffinity']

function podAffinityCauses(rules: PodAffinityRules, at: string): Cause[] {
  const topology = ({ topologyKey }: PodAffinityTerm, field: string): Cause[] =>
    topologyKey
      ? checked(`${field}.topologyKey`, topologyKey, qualifiedNameError)
      : [requiredValue(`${field}.topologyKey`, 'can not be empty')]
  return [
    ...(rules?.requiredDuringSchedulingIgnoredDuringExecution ?? []).flatMap((term, index) =>
      topology(term, `${at}.requiredDuringSchedulingIgnoredDuringExecution[${index}]`),
    ),
    ...(rules?.preferredDuringSchedulingIgnoredDuringExecution ?? []).flatMap(({ weight, podAffinityTerm }, index) => {
      const field = `${at}.preferredDuringSchedulingIgnoredDuringExecution[${index}]`
      return [...weightCauses(weight, field), ...topology(podAffinityTerm, `${field}.podAffinityTerm`)]
    }),
  ]
}
