// custom.ts - a CustomResourceDefinition becomes rows of the table of kinds, one for each version that it serves
import type {
  CustomResourceColumnDefinition,
  CustomResourceDefinitionVersion,
} from 'kubernetes-types/apiextensions/v1.js'
import { humanDuration } from '../human-duration.ts'
import { dnsSubdomainError } from '../names.ts'
import { AGE, NAME } from './columns.ts'
import type { CustomResourceDefinition } from './custom-resource-definition.ts'
import { ALL_VERBS, SCALE_PART, statusPart } from './define.ts'
import { parseJsonPath, valuesAt } from './json-path.ts'
import { apiVersionOf, type Column, type Kind } from './kind.ts'
import { metadataCauses } from './metadata.ts'
import type { Json, KubeObject } from './object.ts'
import { schemaCauses } from './schema-causes.ts'
import { applyDefaults, isJsonObject } from './schema-walk.ts'
import type { Schema } from './schema.ts'

/**
 * A row with a `schema` of its own is a custom kind: it has no strategic merge (415), and its types are checked with
 * the rest of its schema, after defaults. Versions differ in nothing but their name, so all share one stored row.
 */
export function customKinds(definition: CustomResourceDefinition): Kind[] {
  const { versions } = definition.spec
  const stored = versions.find(({ storage }) => storage) ?? versions[0]
  if (!stored) return []
  const storage = rowOf(definition, stored)
  return versions
    .filter(({ served }) => served)
    .map((version) => (version === stored ? storage : viewOf(rowOf(definition, version), storage)))
}

const viewOf = (row: Kind, kind: Kind): Kind => ({
  ...row,
  storage: { kind, toStorage: inVersionOf(kind), fromStorage: inVersionOf(row) },
})

function inVersionOf(row: Pick<Kind, 'group' | 'version'>): (object: KubeObject) => KubeObject {
  const apiVersion = apiVersionOf(row)
  return (object) => (object.apiVersion === apiVersion ? object : { ...object, apiVersion })
}

function rowOf({ spec }: CustomResourceDefinition, version: CustomResourceDefinitionVersion): Kind {
  const { names, group } = spec
  const { scale, status } = version.subresources ?? {}
  const schema = objectSchema(version)
  const namespaced = spec.scope === 'Namespaced'
  return {
    group,
    version: version.name,
    kind: names.kind,
    plural: names.plural,
    singular: names.singular ?? names.kind.toLowerCase(),
    shortNames: names.shortNames ?? [],
    categories: names.categories ?? [],
    namespaced,
    verbs: ALL_VERBS,
    subresources: { ...(status && statusPart(names.kind)), ...(scale && SCALE_PART) },
    hasStatus: status !== undefined,
    columns: columnsOf(version.additionalPrinterColumns ?? []),
    selectableFields: fieldsOf(version.selectableFields ?? []),
    schema,
    ...(scale && {
      scale: {
        spec: scale.specReplicasPath,
        status: scale.statusReplicasPath,
        ...(scale.labelSelectorPath && { selector: scale.labelSelectorPath }),
      },
    }),
    fromEarlier: inVersionOf({ group, version: version.name }),
    setDefaults: (object) => applyDefaults(object, schema),
    validateStatus: (object) =>
      schemaCauses({ ...object, metadata: {} }, schema).filter(({ field }) => field?.startsWith('status')),
    validate: (object) => [
      ...metadataCauses(object, { namespaced, nameError: dnsSubdomainError }),
      // Metadata was looked at; to the schema it only has to be there.
      ...schemaCauses({ ...object, metadata: {} }, schema),
    ],
  }
}

const META_SCHEMA = '#/components/schemas/io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta'

/** What the definition brings, and what every object has. */
function objectSchema({ schema }: CustomResourceDefinitionVersion): Schema {
  const own = ownSchema(schema?.openAPIV3Schema)
  return {
    ...own,
    type: 'object',
    properties: {
      ...own.properties,
      apiVersion: {
        type: 'string',
        description: 'APIVersion defines the versioned schema of this representation of an object.',
      },
      kind: {
        type: 'string',
        description: 'Kind is a string value representing the REST resource this object represents.',
      },
      metadata: { allOf: [{ $ref: META_SCHEMA }], description: "Standard object's metadata." },
    },
  }
}

/** The validation of definitions has looked at every part of it: what is stored is a schema. */
const ownSchema = (schema: unknown): Schema =>
  isJsonObject(schema) ? closed(schema as Schema) : { 'x-kubernetes-preserve-unknown-fields': true }

/** An object of which a definition says nothing holds nothing; in the schemas of built-in kinds it holds anything. */
function closed(schema: Schema): Schema {
  const { properties, items, additionalProperties } = schema
  const isOpen = schema['x-kubernetes-preserve-unknown-fields'] ?? schema['x-kubernetes-embedded-resource'] ?? false
  const isBare = schema.type === 'object' && properties === undefined && additionalProperties === undefined
  return {
    ...schema,
    ...(isBare && !isOpen && { additionalProperties: false }),
    ...(properties && {
      properties: Object.fromEntries(Object.entries(properties).map(([name, child]) => [name, closed(child)])),
    }),
    ...(items && { items: closed(items) }),
    ...(typeof additionalProperties === 'object' && { additionalProperties: closed(additionalProperties) }),
  }
}

function columnsOf(definitions: readonly CustomResourceColumnDefinition[]): Column[] {
  if (definitions.length === 0) return [NAME, AGE]
  return [NAME, ...definitions.map(columnOf)]
}

const COLUMN_TYPES = ['string', 'integer', 'number', 'boolean', 'date'] as const

function columnOf(definition: CustomResourceColumnDefinition): Column {
  const { name, format, description, jsonPath, priority = 0 } = definition
  const type = COLUMN_TYPES.find((known) => known === definition.type) ?? 'string'
  const steps = parseJsonPath(jsonPath)
  return {
    name,
    type,
    ...(format && { format }),
    ...(description && { description }),
    ...(priority > 0 && { wide: true }),
    value(object, nowMs) {
      const values = steps ? valuesAt(object, steps) : []
      return type === 'date' ? dateText(values[0], nowMs) : cell(values, type)
    },
  }
}

function cell(values: readonly Json[], type: Column['type']): Json {
  const [first] = values
  if (first === undefined) return type === 'string' ? '' : null
  if (values.length > 1) return values.map(text).join(',')
  return type === 'string' ? text(first) : typeof first === 'object' ? text(first) : first
}

const text = (value: Json): string => (typeof value === 'string' ? value : JSON.stringify(value))

function dateText(value: Json | undefined, nowMs: number): string {
  const thenMs = typeof value === 'string' ? Date.parse(value) : NaN
  return Number.isNaN(thenMs) ? '<unknown>' : humanDuration(nowMs - thenMs)
}

const fieldsOf = (fields: readonly { jsonPath: string }[]): Kind['selectableFields'] =>
  Object.fromEntries(
    fields.map(({ jsonPath }) => {
      const steps = parseJsonPath(jsonPath) ?? []
      return [jsonPath.replace(/^\./, ''), (object: KubeObject) => valuesAt(object, steps)[0]]
    }),
  )
