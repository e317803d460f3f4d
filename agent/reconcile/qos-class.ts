// qos-class.ts - Guaranteed, Burstable or BestEffort, as upstream reads it from the resources; pure
import { compareQuantities } from '../../shared/quantity.ts'
import type { Pod } from '../../shared/kinds/object.ts'
import { containersOf } from './pod-shape.ts'

const COUNTED = ['cpu', 'memory'] as const

export function qosClassOf(pod: Pod): 'Guaranteed' | 'Burstable' | 'BestEffort' {
  const all = containersOf(pod)
    .filter(({ role }) => role !== 'ephemeral')
    .map(({ spec }) => ({ limits: spec.resources?.limits ?? {}, requests: spec.resources?.requests ?? {} }))
  const asksNothing = all.every(({ limits, requests }) =>
    COUNTED.every((name) => isNothing(limits[name]) && isNothing(requests[name])),
  )
  if (asksNothing) return 'BestEffort'
  // A limit without a request is a request of the same size.
  const isExact = all.every(({ limits, requests }) =>
    COUNTED.every(
      (name) => !isNothing(limits[name]) && compareQuantities(requests[name] ?? limits[name], limits[name]) === 0,
    ),
  )
  return isExact ? 'Guaranteed' : 'Burstable'
}

const isNothing = (quantity: string | undefined) => quantity === undefined || compareQuantities(quantity, '0') === 0
