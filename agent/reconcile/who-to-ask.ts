// who-to-ask.ts - which containers of a pod the prober asks now; pure
import type { ObservedContainer } from '../runtime/runtime.ts'
import type { PodMemoryView } from './pod-memory.ts'
import { containersOf } from './pod-shape.ts'
import type { Probed } from './probes.ts'
import type { Target } from './step-context.ts'

export interface WhoToAskInput {
  target: Target
  observed: readonly ObservedContainer[]
  memory: PodMemoryView
  /** They ran before this process did. */
  adopted: ReadonlySet<string>
}

/** What is on its way out is not asked any more, and what is on its way in not yet. */
export function whoToAsk({ target: { pod, runtime, intent }, observed, memory, adopted }: WhoToAskInput): Probed[] {
  if (!runtime || intent === 'stop') return []
  const running = observed.filter(
    ({ state, id }) => state === 'running' && !memory.stops.has(id) && memory.postStarts.get(id) !== 'running',
  )
  const sandbox = running.find(({ identity }) => identity.role === 'sandbox')
  const shapes = containersOf(pod)
  return running.flatMap(({ id, identity }) => {
    const container = shapes.find((one) => one.name === identity.container)
    if (!container || identity.role === 'sandbox') return []
    return { runtime, container, id, networkId: sandbox?.id ?? id, isAdopted: adopted.has(id) }
  })
}
