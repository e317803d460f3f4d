// selectors.ts - label selectors as text and as objects, field selectors: parse, match, print
import type { KubeObject, LabelSelector } from './kinds/object.ts'
import { badRequest } from './kinds/status-error.ts'
import { isLabelKey, isLabelValue } from './names.ts'

export type Labels = Readonly<Record<string, string>>

/** One condition on one label. Gt and Lt compare whole numbers, as node affinity has them. */
export interface Requirement {
  readonly key: string
  readonly operator: string
  readonly values?: readonly string[]
}

export function matchesRequirement({ key, operator, values = [] }: Requirement, labels: Labels): boolean {
  const value = Object.hasOwn(labels, key) ? labels[key] : undefined
  switch (operator) {
    case 'In':
      return value !== undefined && values.includes(value)
    case 'NotIn':
      return value === undefined || !values.includes(value)
    case 'Exists':
      return value !== undefined
    case 'DoesNotExist':
      return value === undefined
    case 'Gt':
      return compareIntegers(value, values[0]) > 0
    case 'Lt':
      return compareIntegers(value, values[0]) < 0
    default:
      return false
  }
}

/** NaN, which is neither greater nor less, when one of them is no whole number. */
function compareIntegers(a: string | undefined, b: string | undefined): number {
  const isInteger = (text: string | undefined) => text !== undefined && /^[+-]?\d{1,18}$/.test(text)
  return isInteger(a) && isInteger(b) ? Number(BigInt(a ?? 0) - BigInt(b ?? 0)) : NaN
}

/** An empty selector matches everything, an absent one nothing. */
export function matchesSelector(selector: LabelSelector | undefined, labels: Labels = {}): boolean {
  return (
    selector !== undefined && requirementsOf(selector).every((requirement) => matchesRequirement(requirement, labels))
  )
}

const requirementsOf = (selector: LabelSelector): Requirement[] => [
  ...Object.entries(selector.matchLabels ?? {}).map(([key, value]) => ({ key, operator: 'In', values: [value] })),
  ...(selector.matchExpressions ?? []),
]

/** As `kubectl get -o wide` prints it; empty for a selector without conditions. */
export function selectorText(selector: LabelSelector | undefined): string {
  const labels = Object.entries(selector?.matchLabels ?? {}).map(([key, value]) => `${key}=${value}`)
  return [...labels.toSorted(), ...(selector?.matchExpressions ?? []).map(requirementText)].join(',')
}

function requirementText({ key, operator, values = [] }: Requirement): string {
  if (operator === 'Exists') return key
  if (operator === 'DoesNotExist') return `!${key}`
  return `${key} ${operator.toLowerCase()} (${values.toSorted().join(',')})`
}

/** Longer than any selector that a person or a client writes, short enough to parse at once. */
const SELECTOR_LENGTH_MAX = 16_384
const TERM =
  /\s*(?:!\s*([^\s!=<>,()]+)|([^\s!=<>,()]+)\s*(?:(==|=|!=|>|<)\s*([^\s!=<>,()]*)|(in|notin)\s*\(([^()]*)\))?)\s*(?:,|$)/y

/** "a=b,c!=d,e in (x,y),f notin (z),g,!h"; throws 400. */
export function parseLabelSelector(text: string | null | undefined): Requirement[] {
  if (!text?.trim()) return []
  if (text.length > SELECTOR_LENGTH_MAX) throw badRequest('unable to parse requirement: the selector is too long')
  const requirements: Requirement[] = []
  for (let at = 0; at < text.length;) {
    TERM.lastIndex = at
    const match = TERM.exec(text)
    if (!match) throw badRequest(`unable to parse requirement: found '${text.slice(at).trim()}', expected: identifier`)
    requirements.push(requirementOf(match))
    at = TERM.lastIndex
    if (at === text.length && text.endsWith(','))
      throw badRequest("unable to parse requirement: found '', expected: identifier after ','")
  }
  return requirements
}

function requirementOf([, absent, key = '', operator, value = '', set, list = '']: RegExpExecArray): Requirement {
  if (absent) return checked({ key: absent, operator: 'DoesNotExist' })
  const values = list.split(',').map((member) => member.trim())
  if (set) return checked({ key, operator: set === 'in' ? 'In' : 'NotIn', values })
  if (operator === '=' || operator === '==') return checked({ key, operator: 'In', values: [value] })
  if (operator === '!=') return checked({ key, operator: 'NotIn', values: [value] })
  if (operator) return checked({ key, operator: operator === '>' ? 'Gt' : 'Lt', values: [value] })
  return checked({ key, operator: 'Exists' })
}

function checked(requirement: Requirement): Requirement {
  const { key, operator, values = [] } = requirement
  if (!isLabelKey(key))
    throw badRequest(
      `unable to parse requirement: key: Invalid value: ${JSON.stringify(key)}: name part must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character`,
    )
  const wrong = values.find((value) => !isLabelValue(value))
  if (wrong !== undefined)
    throw badRequest(
      `unable to parse requirement: values[0][${key}]: Invalid value: ${JSON.stringify(wrong)}: a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character`,
    )
  const needsNumber = operator === 'Gt' || operator === 'Lt'
  if (needsNumber && !/^[+-]?\d{1,18}$/.test(values[0] ?? ''))
    throw badRequest(
      `unable to parse requirement: values[0]: Invalid value: ${JSON.stringify(values[0])}: for 'Gt', 'Lt' operators, the value must be an integer`,
    )
  return requirement
}

/** A test for labels, from the text of a `labelSelector` parameter; throws 400. */
export function labelFilter(text: string | null | undefined): (labels: Labels | undefined) => boolean {
  const requirements = parseLabelSelector(text)
  return (labels = {}) => requirements.every((requirement) => matchesRequirement(requirement, labels))
}

/** The text of a selector that `parseLabelSelector` reads back: what Scale's status.selector holds. */
export const requirementsText = (requirements: readonly Requirement[]): string =>
  requirements
    .map((requirement) => {
      const { key, operator, values = [] } = requirement
      if (operator === 'In' && values.length === 1) return `${key}=${values[0]}`
      if (operator === 'NotIn' && values.length === 1) return `${key}!=${values[0]}`
      if (operator === 'Gt' || operator === 'Lt') return `${key}${operator === 'Gt' ? '>' : '<'}${values[0]}`
      return requirementText(requirement)
    })
    .join(',')

type Getter = (object: KubeObject) => unknown

/** A test for objects, from the text of a `fieldSelector` parameter; throws 400 for fields that this kind does not offer. */
export function fieldFilter(
  text: string | null | undefined,
  fields: Readonly<Record<string, Getter>>,
): (object: KubeObject) => boolean {
  const offered = new Map(Object.entries({ ...METADATA_FIELDS, ...fields }))
  const terms = (text ?? '').split(/(?<!\\),/).filter((term) => term.trim() !== '')
  const tests = terms.map((term) => {
    const match = /^\s*([^=!\s]+)\s*(==|!=|=)(.*)$/.exec(term)
    if (!match) throw badRequest(`invalid selector: '${text}'; can't understand '${term}'`)
    const [, field = '', operator, value = ''] = match
    const get = offered.get(field)
    if (!get) throw badRequest(`field label not supported: ${field}`)
    const wanted = value.trim().replaceAll(/\\([\\,=])/g, '$1')
    return (object: KubeObject) => (fieldText(get(object)) === wanted) === (operator !== '!=')
  })
  return (object) => tests.every((test) => test(object))
}

const METADATA_FIELDS: Readonly<Record<string, Getter>> = {
  'metadata.name': (object) => object.metadata.name,
  'metadata.namespace': (object) => object.metadata.namespace,
}

const fieldText = (value: unknown): string =>
  typeof value === 'string' ? value : value == null ? '' : JSON.stringify(value)
