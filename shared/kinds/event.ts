// event.ts - the rows for Events: core/v1 is stored, events.k8s.io/v1 is another view of the same
import type { Event as NewStyleEvent } from 'kubernetes-types/events/v1.js'
import { ageOf } from '../human-duration.ts'
import { column, NAME, number, wide } from './columns.ts'
import { atPath, defineKind, pathFields } from './define.ts'
import type { Event, KubeObject } from './object.ts'
import { invalidValue, type Cause } from './status-error.ts'
import { oneOf } from './field-rules.ts'

const INVOLVED = ['kind', 'namespace', 'name', 'uid', 'apiVersion', 'resourceVersion', 'fieldPath'] as const

const lastSeen = (event: Event) =>
  event.series?.lastObservedTime ?? event.lastTimestamp ?? event.eventTime ?? event.metadata.creationTimestamp
const firstSeen = (event: Event) => event.firstTimestamp ?? event.eventTime ?? event.metadata.creationTimestamp

const COLUMNS = [
  column<Event>('Last Seen', (event, nowMs) => ageOf(lastSeen(event), nowMs)),
  column<Event>('Type', ({ type }) => type ?? ''),
  column<Event>('Reason', ({ reason }) => reason ?? ''),
  column<Event>('Object', ({ involvedObject }) => objectText(involvedObject)),
  wide<Event>('Subobject', ({ involvedObject }) => involvedObject?.fieldPath ?? ''),
  wide<Event>('Source', sourceText),
  column<Event>('Message', ({ message }) => (message ?? '').trim()),
  wide<Event>('First Seen', (event, nowMs) => ageOf(firstSeen(event), nowMs)),
  number<Event>('Count', ({ series, count }) => series?.count ?? count ?? 1, { wide: true }),
  { ...NAME, wide: true },
] as const

const objectText = (involved: Event['involvedObject'] | undefined): string =>
  involved?.kind ? `${involved.kind.toLowerCase()}/${involved.name ?? ''}` : (involved?.name ?? '')

function sourceText({ source, reportingComponent, reportingInstance }: Event): string {
  const component = source?.component || reportingComponent
  const host = source?.host || reportingInstance
  return [component, host].filter(Boolean).join(', ')
}

export const EVENT = defineKind<Event>({
  kind: 'Event',
  plural: 'events',
  shortNames: ['ev'],
  selectableFields: {
    ...pathFields(...INVOLVED.map((field) => `involvedObject.${field}`), 'reason', 'type', 'reportingComponent'),
    source: (event) => atPath(event, 'source.component') ?? atPath(event, 'reportingComponent'),
  },
  columns: COLUMNS,
  validate: (event) => [...placeCauses(event), ...oneOf(event.type || undefined, 'type', ['Normal', 'Warning'])],
})

/** An event lives beside what it is about; what has no namespace is talked about in "default". */
function placeCauses({ involvedObject, metadata }: Event): Cause[] {
  const wanted = involvedObject?.namespace
  const isBeside = wanted
    ? wanted === metadata.namespace
    : !metadata.namespace || ['default', 'kube-system'].includes(metadata.namespace)
  return isBeside ? [] : [invalidValue('involvedObject.namespace', wanted ?? '', 'does not match event.namespace')]
}

export const EVENT_V1 = defineKind({
  group: 'events.k8s.io',
  kind: 'Event',
  plural: 'events',
  shortNames: ['ev'],
  selectableFields: {
    ...pathFields(...INVOLVED.map((field) => `regarding.${field}`), 'reason', 'type'),
    reportingController: (event) => atPath(event, 'reportingController'),
  },
  columns: COLUMNS.map((shown) => ({
    ...shown,
    value: (event: KubeObject, nowMs: number) => shown.value(toCore(event), nowMs),
  })),
  storage: { kind: EVENT, toStorage: toCore, fromStorage: fromCore },
})

/** The names that changed between the two versions: old, new. Everything else is called the same. */
const RENAMED = [
  ['message', 'note'],
  ['involvedObject', 'regarding'],
  ['reportingComponent', 'reportingController'],
  ['source', 'deprecatedSource'],
  ['count', 'deprecatedCount'],
  ['firstTimestamp', 'deprecatedFirstTimestamp'],
  ['lastTimestamp', 'deprecatedLastTimestamp'],
] as const satisfies readonly (readonly [keyof Event, keyof NewStyleEvent])[]

function toCore(event: KubeObject): KubeObject {
  const names = new Map<string, string>(RENAMED.map(([core, newer]) => [newer, core]))
  return renamed(event, names, 'v1')
}

function fromCore(event: KubeObject): KubeObject {
  const names = new Map<string, string>(RENAMED.map(([core, newer]) => [core, newer]))
  return renamed(event, names, 'events.k8s.io/v1')
}

function renamed(
  { kind, metadata, ...rest }: KubeObject,
  names: ReadonlyMap<string, string>,
  apiVersion: string,
): KubeObject {
  const fields = Object.entries(rest).map(([key, value]) => [names.get(key) ?? key, value])
  return { ...Object.fromEntries(fields), apiVersion, kind, metadata }
}
