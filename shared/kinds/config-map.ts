// config-map.ts - the row for ConfigMaps
import { canonicalJson } from '../hash.ts'
import { configKeyError } from '../names.ts'
import { AGE, column, NAME } from './columns.ts'
import { defineKind } from './define.ts'
import { checked } from './metadata.ts'
import type { ConfigMap } from './object.ts'
import { forbiddenField, invalidValue, type Cause } from './status-error.ts'

/** Upstream's limit for the values of a ConfigMap or a Secret together. */
export const DATA_BYTES_MAX = 1_048_576

export const CONFIG_MAP = defineKind<ConfigMap>({
  kind: 'ConfigMap',
  plural: 'configmaps',
  shortNames: ['cm'],
  columns: [
    NAME,
    column<ConfigMap>('Data', ({ data, binaryData }) => String(countOf(data) + countOf(binaryData))),
    AGE,
  ],
  validate: (next, old) => [
    ...keyCauses(next.data, 'data'),
    ...keyCauses(next.binaryData, 'binaryData'),
    ...base64Causes(next.binaryData, 'binaryData'),
    ...Object.keys(next.data ?? {})
      .filter((key) => Object.hasOwn(next.binaryData ?? {}, key))
      .map((key) => invalidValue(`data[${key}]`, key, 'duplicate of key present in binaryData')),
    ...sizeCauses(bytesOf(next.data) + bytesOf(next.binaryData), ''),
    ...immutableCauses(next, old, ['data', 'binaryData']),
  ],
})

type Data = Readonly<Record<string, string>> | undefined

export const countOf = (data: Data): number => Object.keys(data ?? {}).length
export const bytesOf = (data: Data): number =>
  Object.values(data ?? {}).reduce((sum, value) => sum + Buffer.byteLength(value), 0)

export const keyCauses = (data: Data, field: string): Cause[] =>
  Object.keys(data ?? {}).flatMap((key) => checked(`${field}[${key}]`, key, configKeyError))

const BASE64 = /^[A-Za-z0-9+/]*={0,2}$/

/** Whole groups of four, with nothing but the alphabet: what Go's decoder takes, line breaks included. */
export const base64Causes = (data: Data, field: string): Cause[] =>
  Object.entries(data ?? {}).flatMap(([key, value]) => {
    const text = value.replaceAll(/[\r\n]/g, '')
    return BASE64.test(text) && text.length % 4 === 0
      ? []
      : [invalidValue(`${field}[${key}]`, '<value omitted>', 'illegal base64 data')]
  })

export const sizeCauses = (bytes: number, field: string): Cause[] =>
  bytes > DATA_BYTES_MAX
    ? [{ reason: 'FieldValueTooLong', message: `Too long: may not be more than ${DATA_BYTES_MAX} bytes`, field }]
    : []

type Freezable = { immutable?: boolean } & Readonly<Record<string, unknown>>

/** What was once set immutable stays, and stays immutable. */
export function immutableCauses(next: object, old: object | undefined, fields: readonly string[]): Cause[] {
  const [after, before]: [Freezable, Freezable | undefined] = [{ ...next }, old && { ...old }]
  if (!before?.immutable) return []
  const why = 'field is immutable when `immutable` is set'
  return [
    ...(after.immutable ? [] : [forbiddenField('immutable', why)]),
    ...fields
      .filter((field) => canonicalJson(before[field] ?? {}) !== canonicalJson(after[field] ?? {}))
      .map((field) => forbiddenField(field, why)),
  ]
}
