// define.ts - makes a row of the table of kinds from what is special about it
import type { NameCheck } from '../names.ts'
import { dnsSubdomainError } from '../names.ts'
import { AGE, NAME } from './columns.ts'
import { components } from './generated/schemas.ts'
import type { Kind, ScalePaths, Subresource, Verb } from './kind.ts'
import { metadataCauses } from './metadata.ts'
import type { KubeObject } from './object.ts'
import { requiredCauses } from './schema-causes.ts'
import type { Cause } from './status-error.ts'

export const ALL_VERBS: readonly Verb[] = [
  'create',
  'delete',
  'deletecollection',
  'get',
  'list',
  'patch',
  'update',
  'watch',
]
const PART_VERBS: readonly Verb[] = ['get', 'patch', 'update']

export interface Definition<T extends KubeObject> extends Partial<
  Omit<Kind, 'setDefaults' | 'carryOver' | 'validate' | 'warnings' | 'hasStatus' | '_object'>
> {
  kind: string
  plural: string
  /** The rule for names; most kinds take any DNS subdomain. */
  nameError?: NameCheck
  /** Its behaviour is still to come: creating one says so. */
  isStoredOnly?: boolean
  /** Never stored, so it needs no name. */
  isVirtual?: boolean
  setDefaults?(this: void, object: T): void
  carryOver?(this: void, next: T, old: T): void
  validate?(this: void, object: T, old?: T, subresource?: string): Cause[]
  warnings?(this: void, object: T, old?: T): string[]
}

/** Where the schemas of a group live, when it is not the first word of the group's name. */
const PACKAGES: Readonly<Record<string, string>> = {
  '': 'io.k8s.api.core',
  'apiextensions.k8s.io': 'io.k8s.apiextensions-apiserver.pkg.apis.apiextensions',
  'metrics.k8s.io': 'io.k8s.metrics.pkg.apis.metrics',
}

const schemaNameOf = (group: string, version: string, kind: string): string =>
  `${PACKAGES[group] ?? `io.k8s.api.${group.split('.')[0]}`}.${version}.${kind}`

export function defineKind<T extends KubeObject>(definition: Definition<T>): Kind<T> {
  const { nameError, isStoredOnly, isVirtual, setDefaults, carryOver, validate, warnings, ...rest } = definition
  const { group = '', version = 'v1', kind, namespaced = true, subresources = {} } = rest
  const schemaName = rest.schemaName ?? schemaNameOf(group, version, kind)
  const checkMetadata = (object: KubeObject) =>
    metadataCauses(object, { namespaced, nameError: nameError ?? dnsSubdomainError })
  // Rows are only ever called with objects of their own kind: the casts below say what the table guarantees.
  const ownCauses = validate as Kind['validate']
  const ownWarnings = warnings as Kind['warnings']
  return {
    singular: kind.toLowerCase(),
    shortNames: [],
    categories: [],
    verbs: ALL_VERBS,
    columns: [NAME, AGE],
    selectableFields: {},
    ...rest,
    group,
    version,
    namespaced,
    subresources,
    hasStatus: 'status' in subresources,
    schemaName,
    setDefaults: setDefaults as Kind['setDefaults'],
    carryOver: carryOver as Kind['carryOver'],
    validate: (object, old, subresource) =>
      withoutRepeats([
        ...(isVirtual ? [] : checkMetadata(object)),
        // Hand-written rules first: they know more to say about a missing field than that it is missing.
        ...(ownCauses?.(object, old, subresource) ?? []),
        ...requiredCauses(object, components[schemaName]),
      ]),
    warnings: (object, old) => [
      ...(isStoredOnly && !old ? [storedOnly(kind)] : []),
      ...(ownWarnings?.(object, old) ?? []),
    ],
  }
}

export const storedOnly = (kind: string): string => `${kind} is stored, but Holdfast does not act on it yet`

/** The schema and the hand-written rules may both miss the same field: it is told once. */
function withoutRepeats(causes: readonly Cause[]): Cause[] {
  const seen = new Set<string>()
  return causes.filter((cause) => {
    const key = `${cause.reason} ${cause.field}${cause.reason === 'FieldValueRequired' ? '' : cause.message}`
    return !seen.has(key) && seen.add(key)
  })
}

export const statusPart = (kind: string): Record<'status', Subresource> => ({ status: { kind, verbs: PART_VERBS } })

export const SCALE_PART: Record<'scale', Subresource> = {
  scale: { kind: 'Scale', group: 'autoscaling', version: 'v1', verbs: PART_VERBS },
}

/** Built-in kinds keep their selector as an object, which Scale shows as text. */
export const REPLICAS: ScalePaths = { spec: 'spec.replicas', status: 'status.replicas', selector: 'spec.selector' }

/** Field selectors that read their own path: "spec.nodeName". */
export const pathFields = (...paths: string[]): Record<string, (object: KubeObject) => unknown> =>
  Object.fromEntries(paths.map((path) => [path, (object: KubeObject) => atPath(object, path)]))

/** What lies at a dotted path ("spec.replicas", ".spec.replicas"), or undefined. */
export function atPath(value: unknown, path: string): unknown {
  let current: unknown = value
  for (const key of path.split('.').filter(Boolean)) {
    if (typeof current !== 'object' || current === null || !Object.hasOwn(current, key)) return undefined
    current = (current as Record<string, unknown>)[key]
  }
  return current
}
