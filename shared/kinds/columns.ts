// columns.ts - the columns and cell texts that many kinds share
import { ageOf } from '../human-duration.ts'
import { selectorText } from '../selectors.ts'
import type { Column } from './kind.ts'
import type { Json, KubeObject, LabelSelector, PodSpec } from './object.ts'

type Cell<T> = (object: T, nowMs: number) => Json | undefined

/** A row's columns only ever see objects of that row's kind: that is what the cast says. */
export const column = <T extends KubeObject>(name: string, cell: Cell<T>, extra: Partial<Column> = {}): Column => ({
  name,
  type: 'string',
  ...extra,
  value: (object, nowMs) => cell(object as T, nowMs) ?? null,
})

export const number = <T extends KubeObject>(name: string, cell: Cell<T>, extra: Partial<Column> = {}): Column =>
  column<T>(name, (object, nowMs) => cell(object, nowMs) ?? 0, { type: 'integer', ...extra })

export const wide = <T extends KubeObject>(name: string, cell: Cell<T>): Column => column(name, cell, { wide: true })

export const NAME: Column = {
  name: 'Name',
  type: 'string',
  format: 'name',
  description: 'Name must be unique within a namespace. Is required when creating resources.',
  value: (object) => object.metadata.name,
}

export const AGE: Column = {
  name: 'Age',
  type: 'string',
  description: 'CreationTimestamp is a timestamp representing the server time when this object was created.',
  value: (object, nowMs) => ageOf(object.metadata.creationTimestamp, nowMs),
}

export const CREATED_AT: Column = { ...AGE, name: 'Created At', value: (object) => object.metadata.creationTimestamp }

export const NONE = '<none>'
export const orNone = (value: Json | undefined): Json =>
  value === undefined || value === null || value === '' ? NONE : value

export const labelText = (labels: Readonly<Record<string, string>> | undefined): string =>
  Object.entries(labels ?? {})
    .map(([key, value]) => `${key}=${value}`)
    .toSorted()
    .join(',') || NONE

/** `a,b,c + 2 more...` as upstream shortens lists. */
export function shortList(all: readonly string[], shown = 3): string {
  if (all.length === 0) return NONE
  const more = all.length - shown
  return all.slice(0, shown).join(',') + (more > 0 ? ` + ${more} more...` : '')
}

interface WithTemplate extends KubeObject {
  spec: { template?: { spec?: PodSpec }; selector?: LabelSelector }
}

const containersOf = (object: WithTemplate) => object.spec?.template?.spec?.containers ?? []

export const CONTAINERS = wide<WithTemplate>('Containers', (object) =>
  containersOf(object)
    .map(({ name }) => name)
    .join(','),
)
export const IMAGES = wide<WithTemplate>('Images', (object) =>
  containersOf(object)
    .map(({ image }) => image)
    .join(','),
)
export const SELECTOR = wide<WithTemplate>('Selector', (object) => selectorText(object.spec?.selector) || NONE)

/** The three wide columns of everything that makes pods from a template. */
export const TEMPLATE_COLUMNS = [CONTAINERS, IMAGES, SELECTOR] as const
