// pod-status.ts - the status of a pod in upstream's words: phase, conditions, containers, addresses; pure
import { rfc3339 } from '../../shared/clock.ts'
import { PREPARED } from '../../shared/succession.ts'
import type { ContainerStatus, Pod, PodCondition, PodStatus } from '../../shared/kinds/object.ts'
import { DEADLINE_EXCEEDED } from './active-deadline.ts'
import { containerStatus, type StatusInput } from './container-status.ts'
import { hasAppBegun, isInitDone, outcomeOf, viewOf, type ContainerView, type PodFacts, type PodView } from './life.ts'
import { withinPod } from './message-room.ts'
import { isPrepared } from './plan-prepare.ts'
import { containersOf, needsSandbox, usesHostNetwork } from './pod-shape.ts'
import { qosClassOf } from './qos-class.ts'

export interface PodStatusInput extends PodFacts, Omit<StatusInput, 'isInitialized'> {
  /** Address of the device; undefined while it has none. */
  hostIp: string | undefined
  wallMs: number
  /** What was said last: start time and times of transitions are kept. */
  previous: PodStatus | undefined
  /** What holds the whole pod up, such as a missing runtime or an unusable volume. */
  problem?: { reason: string; message: string }
}

export function podStatus(input: PodStatusInput): PodStatus {
  const view = viewOf(input)
  const isInitialized = isPodInitialized(view, input)
  const statusOf = (one: ContainerView) => containerStatus(one, view, { ...input, isInitialized })
  const ofRole = (role: string) => view.containers.filter(({ container }) => container.role === role).map(statusOf)
  const containers = ofRole('app')
  const init = ofRole('init')
  const ephemeral = ofRole('ephemeral')
  const phase = input.intent === 'fail' ? failingPhase(view) : phaseOf(view, containers, isInitialized)
  const podIp = podIpOf(view, input.hostIp)
  return withinPod({
    phase,
    conditions: conditionsOf(view, { phase, containers, init, isInitialized }, input),
    containerStatuses: containers,
    ...(init.length > 0 && { initContainerStatuses: init }),
    ...(ephemeral.length > 0 && { ephemeralContainerStatuses: ephemeral }),
    ...(input.hostIp !== undefined && { hostIP: input.hostIp, hostIPs: [{ ip: input.hostIp }] }),
    ...(podIp !== undefined && { podIP: podIp, podIPs: [{ ip: podIp }] }),
    qosClass: qosClassOf(input.pod),
    startTime: input.previous?.startTime ?? rfc3339(input.wallMs),
    ...(input.problem && phase === 'Pending' && input.problem),
    ...(input.intent === 'fail' && DEADLINE_EXCEEDED),
  })
}

function phaseOf(view: PodView, containers: readonly ContainerStatus[], isInitialized: boolean): string {
  const outcome = outcomeOf(view)
  // Its sidecars end after it: until then others must not take the pod's resources for free.
  const isStopping = outcome !== 'unfinished' && view.containers.some(({ life }) => life.kind === 'running')
  if (isStopping) return 'Running'
  if (outcome === 'succeeded') return 'Succeeded'
  if (outcome === 'failed') return 'Failed'
  if (!isInitialized) return 'Pending'
  // One that has run and waits for its restart is not pending any more.
  const isNew = containers.some(({ state, lastState }) => state?.waiting && !lastState?.terminated)
  return isNew ? 'Pending' : 'Running'
}

/** As for one that was too long active: failed when nothing of it runs any more. */
const failingPhase = (view: PodView): string =>
  view.containers.some(({ life }) => life.kind === 'running') ? 'Running' : 'Failed'

function isPodInitialized(view: PodView, { probe }: Pick<StatusInput, 'probe'>): boolean {
  if (hasAppBegun(view)) return true
  const init = view.containers.filter(({ container }) => container.role === 'init')
  return init.every((one) =>
    one.container.isSidecar ? one.life.kind === 'running' && probe(one.life.at.id).started : isInitDone(view, one),
  )
}

export function podIpOf(view: PodView, hostIp: string | undefined): string | undefined {
  if (usesHostNetwork(view.pod)) return hostIp
  if (needsSandbox(view.pod)) return view.sandbox.current?.ip
  const main = view.containers.find(({ container }) => container.role === 'app')?.life
  return main?.kind === 'running' ? main.at.ip : undefined
}

interface Seen {
  phase: string
  containers: readonly ContainerStatus[]
  init: readonly ContainerStatus[]
  isInitialized: boolean
}

function conditionsOf(view: PodView, seen: Seen, { previous, wallMs, intent, memory }: PodStatusInput): PodCondition[] {
  const { phase } = seen
  const isSandboxUp = podHasNetwork(view)
  const isOver = phase === 'Succeeded' || phase === 'Failed'
  const sidecars = seen.init.filter(({ name }) => isSidecarName(view.pod, name))
  const unready = [...sidecars, ...seen.containers].filter(({ ready }) => !ready).map(({ name }) => name)
  const uninitialized = seen.init.filter(({ ready, started }) => !ready && !started).map(({ name }) => name)
  const notReady = readiness(phase, unready)
  const wanted: Omit<PodCondition, 'lastTransitionTime'>[] = [
    { type: 'PodReadyToStartContainers', status: isSandboxUp && !isOver ? 'True' : 'False' },
    seen.isInitialized || phase === 'Succeeded'
      ? { type: 'Initialized', status: 'True', ...(phase === 'Succeeded' && { reason: 'PodCompleted' }) }
      : {
          type: 'Initialized',
          status: 'False',
          reason: 'ContainersNotInitialized',
          message: `containers with incomplete status: [${uninitialized.join(' ')}]`,
        },
    { type: 'Ready', ...notReady },
    { type: 'ContainersReady', ...notReady },
    { type: 'PodScheduled', status: 'True' },
    ...(intent === 'prepare' ? [{ type: PREPARED, status: isPrepared(view, memory) ? 'True' : 'False' }] : []),
  ]
  return wanted.map((condition) => withTime(condition, previous, wallMs))
}

function readiness(phase: string, unready: readonly string[]): Omit<PodCondition, 'type' | 'lastTransitionTime'> {
  if (phase === 'Succeeded') return { status: 'False', reason: 'PodCompleted' }
  if (phase === 'Failed') return { status: 'False', reason: 'PodFailed' }
  if (unready.length === 0) return { status: 'True' }
  return {
    status: 'False',
    reason: 'ContainersNotReady',
    message: `containers with unready status: [${unready.join(' ')}]`,
  }
}

/** The moment stays while the status does. */
function withTime(
  condition: Omit<PodCondition, 'lastTransitionTime'>,
  previous: PodStatus | undefined,
  wallMs: number,
) {
  const before = previous?.conditions?.find(({ type }) => type === condition.type)
  const isSame = before?.status === condition.status && before.lastTransitionTime !== undefined
  return { ...condition, lastTransitionTime: isSame ? before.lastTransitionTime : rfc3339(wallMs) }
}

const isSidecarName = (pod: Pod, name: string) => containersOf(pod).some((one) => one.name === name && one.isSidecar)

const podHasNetwork = (view: PodView) =>
  needsSandbox(view.pod)
    ? view.sandbox.current?.state === 'running'
    : view.containers.some(({ life }) => life.kind === 'running')
