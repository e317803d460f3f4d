// step.ts - the small verbs that a plan is made of, and how plans are put together
import type { PodFacts } from './life.ts'
import type { StopReason } from './pod-memory.ts'
import type { PodContainer } from './pod-shape.ts'
import type { ProbeResult } from './probe-result.ts'

export type Network = { kind: 'own' } | { kind: 'host' } | { kind: 'shared'; withId: string }

export type Step =
  | { do: 'prepareVolumes' }
  | { do: 'cleanVolumes' }
  /** Finds the image, or pulls it. */
  | { do: 'fetchImage'; container: PodContainer; isRepeat: boolean }
  /** Finds out whether it could be made. */
  | { do: 'rehearse'; container: PodContainer; specHash: string }
  | { do: 'makeSandbox'; attempt: number }
  | { do: 'make'; container: PodContainer; attempt: number; specHash: string; network: Network; processesOf?: string }
  | { do: 'start'; id: string; container?: PodContainer }
  | { do: 'beginStop'; id: string; name: string; why: StopReason; graceMs: number; container?: PodContainer }
  | { do: 'terminate'; id: string }
  | { do: 'kill'; id: string; why: StopReason }
  | { do: 'remove'; id: string }

export interface Plan {
  /** All of them may run at the same time; what must come later is planned after the next look. */
  readonly steps: readonly Step[]
  /** Look again at this moment at the latest, though nothing happens until then. */
  readonly wakeAtMonoMs?: number
}

export interface PlanInput extends PodFacts {
  probe: (containerId: string) => ProbeResult
  nowMonoMs: number
  /** When the pod will have been active for too long. */
  deadlineAtMonoMs?: number
}

export const NOTHING: Plan = { steps: [] }
export const doing = (...steps: Step[]): Plan => ({ steps })
export const waitUntil = (wakeAtMonoMs: number): Plan => ({ steps: [], wakeAtMonoMs })

export function together(plans: readonly Plan[]): Plan {
  const wakes = plans.flatMap((plan) => plan.wakeAtMonoMs ?? [])
  return { steps: plans.flatMap((plan) => plan.steps), ...(wakes.length > 0 && { wakeAtMonoMs: Math.min(...wakes) }) }
}
