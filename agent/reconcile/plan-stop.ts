// plan-stop.ts - how containers and pods end: preStop, TERM, grace, KILL; sidecars after the rest; then all is taken away
import type { ObservedContainer } from '../runtime/runtime.ts'
import type { PodView } from './life.ts'
import { doing, NOTHING, together, waitUntil, type Plan, type PlanInput } from './step.ts'
import type { StopReason } from './pod-memory.ts'
import { graceMsOf, type PodContainer } from './pod-shape.ts'

/** Upstream leaves a program this much after TERM even when its preStop hook has used up the grace. */
const GRACE_AFTER_HOOK_MS = 2_000
/** A KILL that did not work is repeated: a process in uninterruptible sleep dies when its disk answers. */
const KILL_AGAIN_MS = 5_000

export interface StopRequest {
  at: ObservedContainer
  container?: PodContainer
  why: StopReason
  graceMs: number
}

export function stopContainer({ at, container, why, graceMs }: StopRequest, { memory, nowMonoMs }: PlanInput): Plan {
  const progress = memory.stops.get(at.id)
  if (!progress) {
    if (graceMs <= 0) return doing({ do: 'kill', id: at.id, why })
    const name = at.identity.container
    return doing({ do: 'beginStop', id: at.id, name, why, graceMs, ...(container && { container }) })
  }
  // A later request may shorten the grace, never lengthen it.
  const deadlineMs = progress.begunAtMonoMs + Math.min(progress.graceMs, graceMs)
  if (progress.hook === 'running' && nowMonoMs < deadlineMs) return waitUntil(deadlineMs)
  if (progress.killedAtMonoMs !== undefined) {
    const againMs = progress.killedAtMonoMs + KILL_AGAIN_MS
    return nowMonoMs < againMs ? waitUntil(againMs) : doing({ do: 'kill', id: at.id, why })
  }
  if (progress.terminatedAtMonoMs === undefined) return doing({ do: 'terminate', id: at.id })
  const afterHookMs = progress.hook === 'none' ? 0 : progress.terminatedAtMonoMs + GRACE_AFTER_HOOK_MS
  const killAtMs = graceMs <= 0 ? 0 : Math.max(deadlineMs, afterHookMs)
  return nowMonoMs < killAtMs ? waitUntil(killAtMs) : doing({ do: 'kill', id: at.id, why })
}

export function planStop(view: PodView, input: PlanInput): Plan {
  const stops = stopRunning(view, 'pod', input)
  if (stops) return stops
  const inPod = ofPod(view, input)
  if (inPod.length > 0) return together(inPod.map((one) => doing({ do: 'remove', id: one.id })))
  return input.memory.volumes.kind === 'cleaned' ? NOTHING : doing({ do: 'cleanVolumes' })
}

/** It stops as on a deletion, and all of it stays: it goes on when it may. */
export const planHold = (view: PodView, input: PlanInput): Plan => stopRunning(view, 'lease', input) ?? NOTHING

/** It stops as on a deletion; what ended stays for its logs. */
export function planFail(view: PodView, input: PlanInput): Plan {
  const { current } = view.sandbox
  return stopRunning(view, 'pod', input) ?? (current ? doing({ do: 'remove', id: current.id }) : NOTHING)
}

const ofPod = (view: PodView, { observed }: PlanInput) =>
  observed.filter((one) => one.identity.podUid === view.pod.metadata.uid)

/** Undefined when nothing of it runs. */
function stopRunning(view: PodView, why: StopReason, input: PlanInput): Plan | undefined {
  const graceMs = graceMsOf(view.pod)
  const running = ofPod(view, input).filter((one) => one.state === 'running' && one.identity.role !== 'sandbox')
  const sidecars = sidecarNames(view)
  const specOf = (at: ObservedContainer) =>
    view.containers.find((one) => one.container.name === at.identity.container)?.container

  const first = running.filter((one) => !sidecars.includes(one.identity.container))
  if (first.length > 0)
    return together(first.map((at) => stopContainer({ at, ...withSpec(specOf(at)), why, graceMs }, input)))

  const last = running.toSorted(
    (a, b) => sidecars.indexOf(b.identity.container) - sidecars.indexOf(a.identity.container),
  )[0]
  if (!last) return undefined
  const leftMs = graceLeftMs(last.id, { why, graceMs }, input)
  return stopContainer({ at: last, ...withSpec(specOf(last)), why, graceMs: leftMs }, input)
}

const withSpec = (container: PodContainer | undefined) => (container ? { container } : {})

/** In the order in which they started; they stop in the reverse. */
const sidecarNames = (view: PodView) =>
  view.containers.filter(({ container }) => container.isSidecar).map(({ container }) => container.name)

/** The whole pod has one grace period: sidecars get what the others left, and never nothing unless nothing was given. */
function graceLeftMs(
  id: string,
  { why, graceMs }: Pick<StopRequest, 'why' | 'graceMs'>,
  { memory, nowMonoMs }: PlanInput,
): number {
  const begun = [...memory.stops.values()].filter((stop) => stop.why === why).map((stop) => stop.begunAtMonoMs)
  if (graceMs <= 0 || begun.length === 0 || memory.stops.has(id)) return graceMs
  return Math.min(graceMs, Math.max(GRACE_AFTER_HOOK_MS, graceMs - (nowMonoMs - Math.min(...begun))))
}
