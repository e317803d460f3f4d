// pod-resources.ts - the quality of service that follows from what a pod's containers ask for
import { canonicalQuantity, parseQuantity } from '../quantity.ts'
import type { Container, PodSpec } from './object.ts'

export type QosClass = 'Guaranteed' | 'Burstable' | 'BestEffort'

const RESOURCES = ['cpu', 'memory'] as const

export function qosClass(spec: PodSpec | undefined): QosClass {
  const containers = [...(spec?.initContainers ?? []), ...(spec?.containers ?? [])]
  if (!containers.some(asksForSomething)) return 'BestEffort'
  return containers.every(getsWhatItAsksFor) ? 'Guaranteed' : 'Burstable'
}

const asksForSomething = ({ resources }: Container) =>
  RESOURCES.some((name) => isPositive(resources?.requests?.[name]) || isPositive(resources?.limits?.[name]))

const getsWhatItAsksFor = ({ resources }: Container) =>
  RESOURCES.every((name) => {
    const limit = resources?.limits?.[name]
    const request = resources?.requests?.[name] ?? limit
    return isPositive(limit) && canonicalQuantity(limit) === canonicalQuantity(request)
  })

const isPositive = (quantity: string | undefined) => (parseQuantity(quantity)?.nanos ?? 0n) > 0n
