// resource-validation.ts - what requests and limits may not say
import { compareQuantities, parseQuantity } from '../quantity.ts'
import { qualifiedNameError } from '../names.ts'
import { checked } from './metadata.ts'
import type { Container } from './object.ts'
import { invalidValue, type Cause } from './status-error.ts'

const STANDARD = ['cpu', 'memory', 'ephemeral-storage']
const WHOLE = (name: string) => name.includes('/') || name.startsWith('hugepages-')

export function resourceCauses(resources: Container['resources'], at: string): Cause[] {
  const { limits = {}, requests = {} } = resources ?? {}
  return [
    ...listCauses(limits, `${at}.limits`),
    ...listCauses(requests, `${at}.requests`),
    ...Object.entries(requests).flatMap(([name, request]) => {
      const limit = Object.hasOwn(limits, name) ? limits[name] : undefined
      if (limit === undefined || compareQuantities(request, limit) <= 0) return []
      return [invalidValue(`${at}.requests`, request, `must be less than or equal to ${name} limit of ${limit}`)]
    }),
  ]
}

/** A resource is a standard one, or belongs to a vendor: "example.com/gpu". */
export const listCauses = (list: Readonly<Record<string, string>>, at: string): Cause[] =>
  Object.entries(list).flatMap(([name, text]) => {
    const field = `${at}[${name}]`
    const isKnown = STANDARD.includes(name) || name.startsWith('hugepages-') || name.includes('/')
    const quantity = parseQuantity(text)
    const isFraction = WHOLE(name) && quantity !== undefined && quantity.nanos % 1_000_000_000n !== 0n
    return [
      ...(isKnown
        ? checked(field, name, qualifiedNameError)
        : [invalidValue(field, name, 'must be a standard resource type or fully qualified')]),
      ...(quantity ? [] : [invalidValue(field, text, 'must be a quantity')]),
      ...(quantity && quantity.nanos < 0n ? [invalidValue(field, text, 'must be greater than or equal to 0')] : []),
      ...(isFraction ? [invalidValue(field, text, 'must be an integer')] : []),
    ]
  })
