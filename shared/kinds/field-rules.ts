// field-rules.ts - small rules for single fields that many kinds share
import { portNumberError } from '../names.ts'
import { invalidValue, unsupportedValue, type Cause } from './status-error.ts'

export const oneOf = (value: string | undefined, field: string, allowed: readonly string[]): Cause[] =>
  value === undefined || allowed.includes(value) ? [] : [unsupportedValue(field, value, allowed)]

export const nonNegative = (value: number | undefined, field: string): Cause[] =>
  value !== undefined && value < 0 ? [invalidValue(field, value, 'must be greater than or equal to 0')] : []

/** User and group ids. */
export const idCauses = (id: number | undefined, field: string): Cause[] =>
  id === undefined || (id >= 0 && id <= 2 ** 31 - 1)
    ? []
    : [invalidValue(field, id, 'must be between 0 and 2147483647, inclusive')]

export function portCauses(port: number, field: string): Cause[] {
  const wrong = portNumberError(port)
  return wrong ? [invalidValue(field, port ?? 0, wrong)] : []
}

const PERCENT = /^\d{1,9}%$/
const PERCENT_MESSAGE =
  "a valid percent string must be a numeric string followed by an ending '%' (e.g. '1%',  or '93%', regex used for validation is '[0-9]+%')"

/** "25%" or 3. */
export function countOrPercentCauses(value: number | string | undefined, field: string): Cause[] {
  if (typeof value === 'number') return nonNegative(value, field)
  return value === undefined || PERCENT.test(value) ? [] : [invalidValue(field, value, PERCENT_MESSAGE)]
}

export const isZeroCount = (value: number | string | undefined): boolean =>
  value === undefined || Number.parseInt(String(value), 10) === 0
