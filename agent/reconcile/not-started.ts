// not-started.ts - tells that one container cannot run as it is, and when it is tried again
import { StartError } from '../runtime/runtime.ts'
import { failed } from './failure.ts'
import type { PodContainer } from './pod-shape.ts'
import type { ExecutorDeps, StepContext } from './step-context.ts'
import { VolumeError } from './volume-content.ts'

/** The other containers of the pod go on. */
export function notStarted(
  { events, clock, log }: ExecutorDeps,
  error: unknown,
  container: PodContainer,
  { pod, memory }: StepContext,
): string[] {
  const isConfig = error instanceof VolumeError
  const reason =
    error instanceof StartError ? error.reason : isConfig ? 'CreateContainerConfigError' : 'CreateContainerError'
  const before = memory.failures.get(container.name)
  const message = error instanceof Error ? error.message : String(error)
  memory.failures.set(container.name, failed(reason, message, before, clock))
  if (before?.message === message) return []
  log.warn({ pod: pod.metadata.uid, container: container.name, error }, 'a container cannot be started')
  events.record(pod, { severity: 'Warning', reason: 'Failed', message: `Error: ${message}`, container })
  return []
}
