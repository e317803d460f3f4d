// query.ts - reads query parameters as Go's server does
import { badRequest } from '../../shared/kinds/status-error.ts'

/** strconv.ParseBool: the Python client sends watch=True. */
const TRUE = new Set(['1', 't', 'T', 'true', 'TRUE', 'True'])

export const flag = (query: URLSearchParams, name: string): boolean => TRUE.has(query.get(name) ?? '')

/** A whole number that is not negative, or undefined when it is not given. */
export function count(query: URLSearchParams, name: string): number | undefined {
  const text = query.get(name)
  if (text === null || text === '') return undefined
  if (!/^\d{1,15}$/.test(text)) throw badRequest(`invalid value for ${name}: ${JSON.stringify(text)}`)
  return Number(text)
}

/** A revision; undefined for "" and absent. */
export function revision(query: URLSearchParams, name = 'resourceVersion'): number | undefined {
  const text = query.get(name)
  if (!text) return undefined
  if (!/^\d{1,15}$/.test(text)) throw badRequest(`invalid resource version: ${JSON.stringify(text)}`)
  return Number(text)
}
