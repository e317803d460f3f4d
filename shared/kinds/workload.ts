// workload.ts - what everything that makes pods from a template has in common: defaults, rules, warnings
import type { LabelSelectorRequirement } from 'kubernetes-types/meta/v1.js'
import { canonicalJson } from '../hash.ts'
import { labelValueError, qualifiedNameError } from '../names.ts'
import { matchesSelector } from '../selectors.ts'
import { disconnectCauses } from './disconnect-causes.ts'
import { annotationCauses, checked, labelCauses } from './metadata.ts'
import type { KubeObject, LabelSelector, PodTemplateSpec } from './object.ts'
import { setPodSpecDefaults } from './pod-defaults.ts'
import { podSpecCauses, type PodRules } from './pod-validation.ts'
import { podSpecWarnings } from './pod-warnings.ts'
import { forbiddenField, immutableField, invalidValue, requiredValue, type Cause } from './status-error.ts'

export interface WorkloadRules extends PodRules {
  /** As upstream names it in the message about an empty selector. */
  kindName?: string
}

export interface TemplateSpec {
  template?: PodTemplateSpec
  selector?: LabelSelector
}

/** Changes its argument. */
export function setTemplateDefaults(spec: TemplateSpec): void {
  spec.template ??= {}
  spec.template.metadata ??= {}
  spec.template.spec ??= { containers: [] }
  setPodSpecDefaults(spec.template.spec)
}

export function templateCauses(template: PodTemplateSpec | undefined, at: string, rules: PodRules = {}): Cause[] {
  const { labels, annotations } = template?.metadata ?? {}
  return [
    ...labelCauses(labels, `${at}.metadata.labels`),
    ...annotationCauses(annotations, `${at}.metadata.annotations`),
    ...disconnectCauses(annotations, `${at}.metadata.annotations`),
    ...podSpecCauses(template?.spec, `${at}.spec`, { annotations, ...rules }),
  ]
}

/** Selector, template and that they belong together; the selector of a stored object never changes. */
export function workloadCauses(spec: TemplateSpec, old: TemplateSpec | undefined, rules: WorkloadRules = {}): Cause[] {
  return [
    ...selectorCauses(spec, old, rules.kindName ?? 'deployment'),
    ...templateCauses(spec.template, 'spec.template', { restartPolicies: ['Always'], ...rules }),
  ]
}

function selectorCauses(
  { selector, template }: TemplateSpec,
  old: TemplateSpec | undefined,
  kindName: string,
): Cause[] {
  if (!selector) return [requiredValue('spec.selector')]
  const labels = template?.metadata?.labels
  const isEmpty = Object.keys(selector.matchLabels ?? {}).length + (selector.matchExpressions ?? []).length === 0
  const mismatch = invalidValue(
    'spec.template.metadata.labels',
    labels ?? null,
    '`selector` does not match template `labels`',
  )
  return [
    ...labelSelectorCauses(selector, 'spec.selector'),
    ...(isEmpty ? [invalidValue('spec.selector', selector, `empty selector is invalid for ${kindName}`)] : []),
    ...(isEmpty || matchesSelector(selector, labels) ? [] : [mismatch]),
    ...(old && canonicalJson(old.selector) !== canonicalJson(selector)
      ? [immutableField('spec.selector', selector)]
      : []),
  ]
}

const OPERATORS = ['In', 'NotIn', 'Exists', 'DoesNotExist']

export const labelSelectorCauses = (selector: LabelSelector | undefined, at: string): Cause[] => [
  ...labelCauses(selector?.matchLabels, `${at}.matchLabels`),
  ...(selector?.matchExpressions ?? []).flatMap((term, index) =>
    expressionCauses(term, `${at}.matchExpressions[${index}]`),
  ),
]

function expressionCauses({ key, operator, values = [] }: LabelSelectorRequirement, at: string): Cause[] {
  const needsValues = operator === 'In' || operator === 'NotIn'
  return [
    ...checked(`${at}.key`, key ?? '', qualifiedNameError),
    ...(OPERATORS.includes(operator)
      ? []
      : [invalidValue(`${at}.operator`, operator, 'not a valid selector operator')]),
    ...(needsValues && values.length === 0
      ? [requiredValue(`${at}.values`, "must be specified when `operator` is 'In' or 'NotIn'")]
      : []),
    ...(!needsValues && values.length > 0
      ? [forbiddenField(`${at}.values`, "may not be specified when `operator` is 'Exists' or 'DoesNotExist'")]
      : []),
    ...values.flatMap((value, index) => checked(`${at}.values[${index}]`, value, labelValueError)),
  ]
}

interface WithTemplate extends KubeObject {
  spec: TemplateSpec
}

export const templateWarnings = (object: WithTemplate, old?: WithTemplate): string[] =>
  old && canonicalJson(old.spec?.template) === canonicalJson(object.spec?.template)
    ? []
    : podSpecWarnings(object.spec?.template?.spec, 'spec.template.spec')
