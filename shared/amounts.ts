// amounts.ts - what pods ask for and nodes have, as plain numbers
import type { Container, Node, PodSpec } from './kinds/object.ts'
import { bytes, milliCpu } from './quantity.ts'

/** cpu in thousandths of a core, memory and ephemeral storage in bytes, everything else in its own unit. */
export type Amounts = ReadonlyMap<string, number>

type Quantities = Readonly<Record<string, string>> | undefined

/** The same few texts come again and again; parsing them exactly is the costliest part of placing a pod. */
const PARSED_MAX = 4_096
const parsed = new Map<string, number>()

function amountOf(name: string, quantity: string): number {
  const key = `${name === 'cpu' ? 'm' : 'b'}${quantity}`
  const known = parsed.get(key)
  if (known !== undefined) return known
  if (parsed.size >= PARSED_MAX) parsed.clear()
  const amount = name === 'cpu' ? milliCpu(quantity) : bytes(quantity)
  parsed.set(key, amount)
  return amount
}

const amountsOf = (quantities: Quantities): Amounts =>
  new Map(Object.entries(quantities ?? {}).map(([name, quantity]) => [name, amountOf(name, quantity)]))

export function plus(a: Amounts, b: Amounts): Amounts {
  const total = new Map(a)
  for (const [name, amount] of b) total.set(name, (total.get(name) ?? 0) + amount)
  return total
}

function most(a: Amounts, b: Amounts): Amounts {
  const total = new Map(a)
  for (const [name, amount] of b) total.set(name, Math.max(total.get(name) ?? 0, amount))
  return total
}

const requestsOf = (container: Container): Amounts => amountsOf(container.resources?.requests)
const NOTHING: Amounts = new Map()

/** Upstream's rule: containers and sidecars run together; an init container runs with the sidecars that started before it. */
export function podRequests(spec: PodSpec): Amounts {
  let sidecars = NOTHING
  let starting = NOTHING
  for (const container of spec.initContainers ?? []) {
    const requests = requestsOf(container)
    if (isSidecar(container)) sidecars = plus(sidecars, requests)
    starting = most(starting, isSidecar(container) ? sidecars : plus(sidecars, requests))
  }
  const running = spec.containers.reduce((total, container) => plus(total, requestsOf(container)), sidecars)
  return plus(most(running, starting), amountsOf(spec.overhead))
}

/** A field newer than the types that we compile against. */
const isSidecar = (container: Container & { restartPolicy?: string }) => container.restartPolicy === 'Always'

export const allocatableOf = (node: Node): Amounts => amountsOf(node.status?.allocatable ?? node.status?.capacity)

/** What a pod that asks for nothing is counted with when nodes are compared; upstream's numbers. */
const SCORED_CPU_MIN = 100
const SCORED_MEMORY_MIN = 200 * 1024 * 1024

export const scoredRequest = (requests: Amounts): { cpu: number; memory: number } => ({
  cpu: requests.get('cpu') || SCORED_CPU_MIN,
  memory: requests.get('memory') || SCORED_MEMORY_MIN,
})
