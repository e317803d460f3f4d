// custom-resource-definition.ts - the row for CustomResourceDefinitions
import type {
  CustomResourceDefinitionSpec,
  CustomResourceDefinitionStatus,
  CustomResourceDefinitionVersion,
} from 'kubernetes-types/apiextensions/v1.js'
import { dns1035LabelError, dnsLabelError, dnsSubdomainError } from '../names.ts'
import { CREATED_AT, NAME } from './columns.ts'
import { crdSchemaCauses, usesRules } from './crd-schema.ts'
import { defineKind, statusPart } from './define.ts'
import { oneOf } from './field-rules.ts'
import { parseJsonPath } from './json-path.ts'
import { checked } from './metadata.ts'
import type { Of } from './object.ts'
import { duplicateValue, immutableField, invalidValue, requiredValue, type Cause } from './status-error.ts'

export type CustomResourceDefinition = Of<CustomResourceDefinitionSpec, CustomResourceDefinitionStatus>

/** Groups whose kinds are built in: a definition must never take their place. */
const OWN_GROUPS = [
  'apiextensions',
  'authentication',
  'authorization',
  'coordination',
  'discovery',
  'events',
  'metrics',
  'networking',
  'rbac.authorization',
  'scheduling',
  'storage',
].map((group) => `${group}.k8s.io`)
const COLUMN_TYPES = ['boolean', 'date', 'integer', 'number', 'string']

export const CUSTOM_RESOURCE_DEFINITION = defineKind<CustomResourceDefinition>({
  group: 'apiextensions.k8s.io',
  kind: 'CustomResourceDefinition',
  plural: 'customresourcedefinitions',
  shortNames: ['crd', 'crds'],
  categories: ['api-extensions'],
  namespaced: false,
  subresources: statusPart('CustomResourceDefinition'),
  columns: [NAME, CREATED_AT],
  setDefaults({ spec }) {
    if (spec?.names) {
      spec.names.singular ||= spec.names.kind?.toLowerCase()
      spec.names.listKind ||= `${spec.names.kind}List`
    }
    if (spec) spec.conversion ??= { strategy: 'None' }
  },
  validate: ({ metadata, spec }, old) => {
    if (!spec?.names || !Array.isArray(spec.versions)) return []
    const wanted = `${spec.names.plural}.${spec.group}`
    return [
      ...(metadata.name === wanted
        ? []
        : [invalidValue('metadata.name', metadata.name, 'must be spec.names.plural+"."+spec.group')]),
      ...groupCauses(spec.group),
      ...namesCauses(spec.names),
      ...oneOf(spec.scope, 'spec.scope', ['Cluster', 'Namespaced']),
      // Versions that convert into each other need a webhook, and there is none to ask on a device's hub.
      ...oneOf(spec.conversion?.strategy, 'spec.conversion.strategy', ['None']),
      ...versionsCauses(spec.versions),
      ...(old ? updateCauses(spec, old.spec) : []),
    ]
  },
  warnings: ({ spec }) =>
    (spec?.versions ?? []).flatMap(({ schema }, index) =>
      usesRules(schema?.openAPIV3Schema)
        ? [`spec.versions[${index}].schema: x-kubernetes-validations is accepted, but Holdfast does not act on it yet`]
        : [],
    ),
})

function groupCauses(group: string): Cause[] {
  if (!group?.includes('.')) return [invalidValue('spec.group', group, 'should be a domain with at least one dot')]
  if (OWN_GROUPS.includes(group)) return [invalidValue('spec.group', group, 'belongs to built-in kinds')]
  return checked('spec.group', group, dnsSubdomainError)
}

function namesCauses({
  plural,
  singular,
  kind,
  listKind,
  shortNames = [],
}: CustomResourceDefinitionSpec['names']): Cause[] {
  const label = (field: string, value: string) => checked(`spec.names.${field}`, value.toLowerCase(), dns1035LabelError)
  return [
    ...(plural ? checked('spec.names.plural', plural, dns1035LabelError) : [requiredValue('spec.names.plural')]),
    ...(singular ? checked('spec.names.singular', singular, dns1035LabelError) : []),
    ...(kind ? label('kind', kind) : [requiredValue('spec.names.kind')]),
    ...(listKind ? label('listKind', listKind) : []),
    ...(kind && kind === listKind
      ? [invalidValue('spec.names.listKind', listKind, 'kind and listKind may not be the same')]
      : []),
    ...shortNames.flatMap((name, index) => checked(`spec.names.shortNames[${index}]`, name, dns1035LabelError)),
  ]
}

function versionsCauses(versions: readonly CustomResourceDefinitionVersion[]): Cause[] {
  const names = new Set<string>()
  const stored = versions.filter(({ storage }) => storage).length
  return [
    ...(stored === 1
      ? []
      : [
          invalidValue(
            'spec.versions',
            versions.map(({ name }) => name),
            'must have exactly one version marked as storage version',
          ),
        ]),
    ...versions.flatMap((version, index) => {
      const at = `spec.versions[${index}]`
      const isRepeated = names.has(version.name)
      names.add(version.name)
      return [
        ...checked(`${at}.name`, version.name ?? '', dnsLabelError),
        ...(isRepeated ? [duplicateValue(`${at}.name`, version.name)] : []),
        ...crdSchemaCauses(version.schema?.openAPIV3Schema, `${at}.schema.openAPIV3Schema`),
        ...columnCauses(version, at),
        ...scaleCauses(version, `${at}.subresources.scale`),
      ]
    }),
  ]
}

const columnCauses = ({ additionalPrinterColumns = [] }: CustomResourceDefinitionVersion, at: string): Cause[] =>
  additionalPrinterColumns.flatMap(({ name, type, jsonPath }, index) => {
    const field = `${at}.additionalPrinterColumns[${index}]`
    const isPath = jsonPath && parseJsonPath(jsonPath)
    return [
      ...(name ? [] : [requiredValue(`${field}.name`)]),
      ...oneOf(type, `${field}.type`, COLUMN_TYPES),
      ...(isPath ? [] : [invalidValue(`${field}.jsonPath`, jsonPath, 'must be a simple JSON path')]),
    ]
  })

function scaleCauses({ subresources }: CustomResourceDefinitionVersion, at: string): Cause[] {
  const scale = subresources?.scale
  if (!scale) return []
  const isUnder = (path: string | undefined, parent: string) =>
    path?.startsWith(`.${parent}.`) === true && /^(\.[\w-]+)+$/.test(path)
  return [
    ...(isUnder(scale.specReplicasPath, 'spec')
      ? []
      : [invalidValue(`${at}.specReplicasPath`, scale.specReplicasPath, 'should be a json path under .spec')]),
    ...(isUnder(scale.statusReplicasPath, 'status')
      ? []
      : [invalidValue(`${at}.statusReplicasPath`, scale.statusReplicasPath, 'should be a json path under .status')]),
  ]
}

function updateCauses(next: CustomResourceDefinitionSpec, old: CustomResourceDefinitionSpec): Cause[] {
  const names = ['plural', 'kind'] as const
  return [
    ...(next.group === old.group ? [] : [immutableField('spec.group', next.group)]),
    ...(next.scope === old.scope ? [] : [immutableField('spec.scope', next.scope)]),
    ...names
      .filter((name) => next.names[name] !== old.names[name])
      .map((name) => immutableField(`spec.names.${name}`, next.names[name])),
  ]
}
