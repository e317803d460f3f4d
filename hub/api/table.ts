// table.ts - gives one object or a list the shape that the client asked for: itself, a Table, or its metadata alone
import { apiVersionOf, type Kind } from '../../shared/kinds/kind.ts'
import type { Json, JsonObject, KubeObject } from '../../shared/kinds/object.ts'
import { badRequest } from '../../shared/kinds/status-error.ts'
import { jsonTextOf, listText, type JsonText } from './json-text.ts'
import type { Shape } from './negotiate.ts'

export interface Printing {
  shape: Shape
  /** What a row of a Table carries besides its cells. */
  include: 'None' | 'Metadata' | 'Object'
  nowMs: number
}

export function includeOf(query: URLSearchParams): Printing['include'] {
  const include = query.get('includeObject') || 'Metadata'
  if (include === 'None' || include === 'Metadata' || include === 'Object') return include
  throw badRequest(`unrecognized includeObject value: ${JSON.stringify(include)}`)
}

export function shapeOne(kind: Kind, object: KubeObject, printing: Printing, withColumns = true): object | JsonText {
  const { shape } = printing
  if (shape.as === 'object') return { jsonText: jsonTextOf(object) }
  if (shape.as === 'PartialObjectMetadata') return partialMetadata(object, shape.version)
  return table(kind, [object], { resourceVersion: object.metadata.resourceVersion }, printing, withColumns)
}

export function shapeList(
  kind: Kind,
  objects: readonly KubeObject[],
  metadata: JsonObject,
  printing: Printing,
): object | JsonText {
  const { shape } = printing
  if (shape.as === 'object')
    return listText({ kind: `${kind.kind}List`, apiVersion: apiVersionOf(kind), metadata }, objects)
  if (shape.as === 'Table') return table(kind, objects, metadata, printing, true)
  const items = objects.map((object) => partialMetadata(object, shape.version))
  return { kind: 'PartialObjectMetadataList', apiVersion: `meta.k8s.io/${shape.version}`, metadata, items }
}

export const partialMetadata = (object: Pick<KubeObject, 'metadata'>, version = 'v1') => ({
  kind: 'PartialObjectMetadata',
  apiVersion: `meta.k8s.io/${version}`,
  metadata: object.metadata,
})

/** `withColumns` is false for all but the first event of a watch. */
export function table(
  kind: Kind,
  objects: readonly KubeObject[],
  metadata: JsonObject,
  { shape, include, nowMs }: Printing,
  withColumns: boolean,
) {
  return {
    kind: 'Table',
    apiVersion: `meta.k8s.io/${shape.version}`,
    metadata,
    columnDefinitions: withColumns ? kind.columns.map(columnDefinition) : null,
    rows: objects.map((object) => ({
      cells: kind.columns.map((column): Json => column.value(object, nowMs) ?? ''),
      ...(include !== 'None' && { object: include === 'Object' ? object : partialMetadata(object) }),
    })),
  }
}

export const columnDefinition = (column: Kind['columns'][number]) => ({
  name: column.name,
  type: column.type,
  format: column.format ?? '',
  description: column.description ?? '',
  priority: column.wide ? 1 : 0,
})
