// post-start.ts - runs the postStart hook of a container that has just started, and tells the pod's memory how it went
import { runPostStart } from './hooks.ts'
import type { PodContainer } from './pod-shape.ts'
import type { ExecutorDeps, StepContext } from './step-context.ts'

/** Until it has ended the container does not count as running; when it fails the plan stops it. */
export function beginPostStart(
  { clock, events }: Pick<ExecutorDeps, 'clock' | 'events'>,
  id: string,
  container: PodContainer,
  { runtime, memory, networkId, pod, poke }: StepContext,
): void {
  memory.postStarts.set(id, 'running')
  // It never throws.
  void runPostStart({ runtime, container, id, networkId: networkId ?? id }, clock).then((problem) => {
    // It is gone, or on its way out for another reason.
    if (!memory.postStarts.has(id) || memory.stops.has(id)) return
    memory.postStarts.set(id, problem === undefined ? 'done' : 'failed')
    if (problem !== undefined)
      events.record(pod, {
        severity: 'Warning',
        reason: 'FailedPostStartHook',
        message: `PostStartHook failed: ${problem}`,
        container,
      })
    poke()
  })
}
