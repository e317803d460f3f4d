// container-status.ts - one container's state in upstream's words; pure
import type { ContainerState, ContainerStatus } from '../../shared/kinds/object.ts'
import { rfc3339 } from '../../shared/clock.ts'
import { AWAITS_PREDECESSOR } from '../../shared/succession.ts'
import type { ContainerHistory } from '../cache/cache.ts'
import type { ObservedContainer } from '../runtime/runtime.ts'
import { outcomeOf, type ContainerView, type Life, type PodFacts, type PodView } from './life.ts'
import type { Failure, ImageState, PodMemoryView } from './pod-memory.ts'
import { podKeyOf, runtimeOf } from './pod-shape.ts'
import type { ProbeResult } from './probe-result.ts'
import { crashDelayMs, exitCodeOf, exitReason, timesOf, withMessage } from './restart.ts'

export interface StatusInput {
  memory: PodMemoryView
  probe: (containerId: string) => ProbeResult
  nowMonoMs: number
  /** All init containers have done their work. */
  isInitialized: boolean
  intent: PodFacts['intent']
  /** Name of the pod that it starts after, while that has not ended. */
  awaited?: string
}

export function containerStatus(one: ContainerView, view: PodView, input: StatusInput): ContainerStatus {
  const { container, life, previous } = one
  const at = 'at' in life ? life.at : undefined
  const runtime = runtimeOf(view.pod)
  const state = stateOf(one, view, input)
  const last = lastStateOf(one, state, runtime)
  const probe = life.kind === 'running' ? input.probe(life.at.id) : undefined
  const isOver = life.kind === 'ended' && life.exitCode === 0 && !life.willRestart
  const isDone = container.role === 'init' && !container.isSidecar && isOver
  const id = at?.id ?? previous?.id ?? one.history?.last?.containerId
  return {
    name: container.name,
    image: at?.image ?? container.spec.image ?? '',
    imageID: at?.imageId ?? '',
    ...(id !== undefined && { containerID: `${runtime}://${id}` }),
    ready: container.role === 'ephemeral' ? false : isDone || (probe !== undefined && probe.started && probe.ready),
    ...(container.role !== 'ephemeral' && { started: probe?.started ?? false }),
    restartCount: Math.max(0, at?.identity.attempt ?? one.history?.attempt ?? 0),
    state,
    lastState: last ?? {},
  }
}

function stateOf(one: ContainerView, view: PodView, input: StatusInput): ContainerState {
  const { life } = one
  const isStarting = life.kind === 'running' && input.memory.postStarts.get(life.at.id) === 'running'
  if (life.kind === 'running' && !isStarting) return { running: { startedAt: timeOf(life.at.startedAtMs) } }
  // Of a pod that has done what it was for nothing starts again, whatever its own policy: its sidecars stay ended.
  const staysEnded = life.kind === 'ended' && (!life.willRestart || outcomeOf(view) !== 'unfinished')
  if (staysEnded) return terminated(life, one.history, runtimeOf(view.pod))
  return { waiting: waitingOf(one, view, input) }
}

/** Its own word: upstream has nothing like it. */
const HELD = { reason: 'AwaitingLease', message: 'it may run only once, and the hub has not said that it may run now' }

function waitingOf({ container, life, history }: ContainerView, view: PodView, input: StatusInput) {
  const { memory, nowMonoMs } = input
  if (input.intent === 'hold') return HELD
  const failure = memory.failures.get(container.name)
  const image = memory.images.get(container.name)
  // While it is tried again, what went wrong the last time still stands.
  const imageFailure = image && image.kind !== 'ready' ? image.failure : undefined
  if (imageFailure) return wordsOf(imageFailure)
  if (input.intent === 'prepare') return failure ? wordsOf(failure) : preparing(image, input)
  const backoff = life.kind === 'ended' ? crashBackoff(life, history, input) : undefined
  if (backoff !== undefined && (!failure || backoff.untilMs > nowMonoMs)) {
    const pod = `${view.pod.metadata.name}_${podKeyOf(view.pod).split('/')[0]}(${view.pod.metadata.uid})`
    const message = `back-off ${durationText(backoff.delayMs)} restarting failed container=${container.name} pod=${pod}`
    return { reason: 'CrashLoopBackOff', message }
  }
  if (failure) return wordsOf(failure)
  const sandboxFailure = memory.failures.get('')
  if (sandboxFailure) return { reason: 'ContainerCreating', message: sandboxFailure.message }
  // Upstream says so of every container that waits for the init containers, the later init containers included.
  const reason = input.isInitialized || hasNoInit(view) ? 'ContainerCreating' : 'PodInitializing'
  return { reason, ...pulling(image) }
}

/** Upstream says nothing here; over a thin link a pull takes hours, and somebody wonders whether it moves. */
function pulling(image: ImageState | undefined) {
  if (image?.kind !== 'pulling' || !image.progress) return undefined
  const { doneBytes, totalBytes } = image.progress
  return { message: `pulling ${image.image}: ${megabytes(doneBytes)} of ${megabytes(totalBytes)} MB` }
}

const megabytes = (bytes: number) => Math.round(bytes / 1_000_000)

/** While something is not there yet, upstream's word; then ours, for which upstream has none. */
function preparing(image: ImageState | undefined, { memory, awaited = '' }: StatusInput) {
  const { volumes } = memory
  if (volumes.kind === 'failed') return { reason: 'ContainerCreating', message: volumes.failure.message }
  const reason = image?.kind === 'ready' ? AWAITS_PREDECESSOR : 'ContainerCreating'
  return { reason, message: `it starts when pod ${awaited} has ended` }
}

const wordsOf = ({ reason, message }: Failure) => ({ reason, message })

const hasNoInit = (view: PodView) => !view.containers.some(({ container }) => container.role === 'init')

function crashBackoff(
  life: Extract<Life, { kind: 'ended' }>,
  history: ContainerHistory | undefined,
  input: StatusInput,
) {
  const delayMs = crashDelayMs(history?.crashes ?? 0)
  const seenMs = life.at && input.memory.exits.get(life.at.id)
  const why = life.at && input.memory.stops.get(life.at.id)?.why
  if (delayMs === 0 || seenMs === undefined || why === 'changed' || why === 'sandbox' || why === 'lease')
    return undefined
  return { delayMs, untilMs: seenMs + delayMs }
}

function terminated(
  life: Extract<Life, { kind: 'ended' }>,
  history: ContainerHistory | undefined,
  runtime: string,
): ContainerState {
  if (life.at) return { terminated: terminatedState(life.at, runtime) }
  const last = history?.last
  const times = { startedAt: timeOf(last?.startedAtMs), finishedAt: timeOf(last?.finishedAtMs) }
  const id = last && { containerID: `${runtime}://${last.containerId}` }
  const { exitCode, reason } = life
  return { terminated: { exitCode, reason, ...times, ...id, ...(last?.message && { message: last.message }) } }
}

const terminatedState = (at: ObservedContainer, runtime: string) => ({
  exitCode: exitCodeOf(at),
  reason: exitReason(at),
  ...(at.signal !== undefined && { signal: at.signal }),
  ...withMessage(at),
  startedAt: timeOf(timesOf(at).startedAtMs),
  finishedAt: timeOf(timesOf(at).finishedAtMs),
  containerID: `${runtime}://${at.id}`,
})

/** Before it runs again, the end just seen is the last state; afterwards the one before is. */
function lastStateOf({ life, previous, history }: ContainerView, state: ContainerState, runtime: string) {
  if (state.waiting && life.kind === 'ended' && life.at) return { terminated: terminatedState(life.at, runtime) }
  if (previous) return { terminated: terminatedState(previous, runtime) }
  const last = history?.last
  const at = 'at' in life ? life.at : undefined
  if (!last || (state.terminated && last.containerId === at?.id) || last.containerId === at?.id) return undefined
  if (state.terminated && !at) return undefined
  return {
    terminated: {
      exitCode: last.exitCode,
      reason: last.reason,
      ...(last.message !== undefined && { message: last.message }),
      startedAt: timeOf(last.startedAtMs),
      finishedAt: timeOf(last.finishedAtMs),
      containerID: `${runtime}://${last.containerId}`,
    },
  }
}

/** Upstream writes null for a moment that it does not know; the types have no word for that, 1970 is what clients print. */
const timeOf = (wallMs: number | undefined): string => rfc3339(wallMs ?? 0)

/** Go's way of printing a duration: 10s, 1m20s, 5m0s. */
export function durationText(ms: number): string {
  const seconds = Math.round(ms / 1000)
  return seconds < 60 ? `${seconds}s` : `${Math.floor(seconds / 60)}m${seconds % 60}s`
}
