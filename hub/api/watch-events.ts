// watch-events.ts - what a watcher is told about a change: its selector's transitions, in the shape that it asked for
import { apiVersionOf, type Kind } from '../../shared/kinds/kind.ts'
import type { KubeObject } from '../../shared/kinds/object.ts'
import type { StatusError } from '../../shared/kinds/status-error.ts'
import type { Change } from '../store/store.ts'
import { jsonTextOf } from './json-text.ts'
import { columnDefinition, shapeOne, type Printing } from './table.ts'

export interface WatchEvent {
  type: 'ADDED' | 'MODIFIED' | 'DELETED'
  object: KubeObject
}

/** For this watcher an object that begins to match is added, one that ceases to is deleted. */
export function eventFor(
  change: Change,
  matches: (object: KubeObject) => boolean,
  shown: (object: KubeObject) => KubeObject,
): WatchEvent | undefined {
  const object = shown(change.object)
  const previous = change.previous && shown(change.previous)
  const matched = previous !== undefined && matches(previous)
  if (change.type === 'DELETED') return matched || matches(object) ? { type: 'DELETED', object } : undefined
  if (matches(object)) return { type: matched ? 'MODIFIED' : 'ADDED', object }
  if (!matched) return undefined
  const { resourceVersion } = object.metadata
  return { type: 'DELETED', object: { ...previous, metadata: { ...previous.metadata, resourceVersion } } }
}

export interface EventPrinter {
  line(event: WatchEvent): string
  bookmark(revision: number, marksEndOfState: boolean): string
  error(error: StatusError): string
}

/** Columns are described in the first event of a watch alone. */
export function createEventPrinter(kind: Kind, printing: () => Printing): EventPrinter {
  let withColumns = true
  const takeColumns = () => {
    const first = withColumns
    withColumns = false
    return first
  }
  return {
    line({ type, object }) {
      const current = printing()
      if (current.shape.as === 'object') return `{"type":"${type}","object":${jsonTextOf(object)}}\n`
      return `${JSON.stringify({ type, object: shapeOne(kind, object, current, takeColumns()) })}\n`
    },
    bookmark(revision, marksEndOfState) {
      const current = printing()
      const metadata = {
        resourceVersion: String(revision),
        creationTimestamp: null,
        ...(marksEndOfState && { annotations: endOfState(kind) }),
      }
      const isTable = current.shape.as === 'Table'
      const object = isTable
        ? bookmarkTable(kind, current, metadata, takeColumns())
        : bookmarkObject(kind, current, metadata)
      return `${JSON.stringify({ type: 'BOOKMARK', object })}\n`
    },
    error: (error) => `${JSON.stringify({ type: 'ERROR', object: error.toStatus() })}\n`,
  }
}

/** The blueprint lets WatchList clients build the typed list that they would have got from a list. */
const endOfState = (kind: Kind) => ({
  'k8s.io/initial-events-end': 'true',
  'kubernetes.io/initial-events-list-blueprint': Buffer.from(
    `${JSON.stringify({ kind: `${kind.kind}List`, apiVersion: apiVersionOf(kind), metadata: { resourceVersion: '' }, items: [] })}\n`,
  ).toString('base64'),
})

const bookmarkObject = (kind: Kind, { shape }: Printing, metadata: object) =>
  shape.as === 'object'
    ? { kind: kind.kind, apiVersion: apiVersionOf(kind), metadata }
    : { kind: 'PartialObjectMetadata', apiVersion: `meta.k8s.io/${shape.version}`, metadata }

const bookmarkTable = (
  kind: Kind,
  { shape }: Printing,
  metadata: { resourceVersion: string },
  withColumns: boolean,
) => ({
  kind: 'Table',
  apiVersion: `meta.k8s.io/${shape.version}`,
  metadata: { resourceVersion: metadata.resourceVersion },
  columnDefinitions: withColumns ? kind.columns.map(columnDefinition) : null,
  rows: [
    {
      cells: kind.columns.map(() => ''),
      object: { kind: 'PartialObjectMetadata', apiVersion: 'meta.k8s.io/v1', metadata },
    },
  ],
})
