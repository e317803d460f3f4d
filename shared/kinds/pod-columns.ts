// pod-columns.ts - what `kubectl get pods` shows, decided as upstream's printer does
import { ageOf } from '../human-duration.ts'
import { AGE, column, NAME, orNone, wide } from './columns.ts'
import type { Container, ContainerStatus, Pod } from './object.ts'

interface Summary {
  ready: number
  total: number
  restarts: number
  lastRestartAt: string | undefined
  reason: string
}

/** The one word (or few) that says how a pod is: Running, Init:0/1, CrashLoopBackOff, Terminating ... */
export const podStatusText = (pod: Pod): string => summary(pod).reason

export function summary(pod: Pod): Summary {
  const base = { ready: 0, total: containerCount(pod), reason: pod.status?.reason || pod.status?.phase || 'Pending' }
  if (hasCondition(pod, 'PodScheduled', 'SchedulingGated')) base.reason = 'SchedulingGated'
  const init = initialising(pod)
  const statuses = pod.status?.containerStatuses ?? []
  const counted = init.isDone ? [...init.sidecars, ...statuses] : init.seen
  const reason = init.reason ?? runningReason(pod, base.reason)
  return {
    ...base,
    ready: init.sidecars.filter(isServing).length + (init.isDone ? statuses.filter(isReady).length : 0),
    restarts: counted.reduce((sum, status) => sum + (status.restartCount ?? 0), 0),
    lastRestartAt: latest(counted.map((status) => status.lastState?.terminated?.finishedAt)),
    reason: deletionReason(pod) ?? reason,
  }
}

const latest = (times: readonly (string | undefined)[]) =>
  times.reduce((newest, time) => (newest && time && time < newest ? newest : (time ?? newest)), undefined)
const isSidecar = (container: Container | undefined) => container?.restartPolicy === 'Always'
const containerCount = ({ spec }: Pod) =>
  (spec?.containers?.length ?? 0) + (spec?.initContainers ?? []).filter(isSidecar).length
const isReady = (status: ContainerStatus) => status.ready && status.state?.running !== undefined
const isServing = (sidecar: ContainerStatus) => sidecar.ready && sidecar.started === true

const hasCondition = (pod: Pod, type: string, reason: string) =>
  pod.status?.conditions?.some((condition) => condition.type === type && condition.reason === reason)

interface Initialising {
  isDone: boolean
  reason: string | undefined
  sidecars: ContainerStatus[]
  /** The init containers up to and with the one that holds the others up. */
  seen: ContainerStatus[]
}

function initialising(pod: Pod): Initialising {
  const containers = pod.spec?.initContainers ?? []
  const byName = new Map(containers.map((container) => [container.name, container]))
  const result: Initialising = { isDone: true, reason: undefined, sidecars: [], seen: [] }
  for (const [index, status] of (pod.status?.initContainerStatuses ?? []).entries()) {
    result.seen.push(status)
    const { waiting, terminated } = status.state ?? {}
    const sidecar = isSidecar(byName.get(status.name))
    if (sidecar) result.sidecars.push(status)
    if (terminated?.exitCode === 0 && !terminated.signal) continue
    if (sidecar && status.started) continue
    if (terminated) result.reason = `Init:${endText(terminated)}`
    else if (waiting?.reason && waiting.reason !== 'PodInitializing') result.reason = `Init:${waiting.reason}`
    else result.reason = `Init:${index}/${containers.length}`
    result.isDone = false
    break
  }
  const isInitialised = pod.status?.conditions?.some(({ type, status }) => type === 'Initialized' && status === 'True')
  if (isInitialised) return { ...result, isDone: true, reason: undefined }
  return result
}

/** The last container of the list is looked at first and the first has the last word, as upstream does. */
function runningReason(pod: Pod, initial: string): string {
  let reason = initial
  let hasRunning = false
  for (const status of (pod.status?.containerStatuses ?? []).toReversed()) {
    const { waiting, terminated, running } = status.state ?? {}
    if (waiting?.reason) reason = waiting.reason
    else if (terminated) reason = endText(terminated)
    else if (status.ready && running) hasRunning = true
  }
  if (reason !== 'Completed' || !hasRunning) return reason
  const isPodReady = pod.status?.conditions?.some(({ type, status }) => type === 'Ready' && status === 'True')
  return isPodReady ? 'Running' : 'NotReady'
}

const endText = ({ reason, signal, exitCode }: { reason?: string; signal?: number; exitCode: number }): string =>
  reason || (signal ? `Signal:${signal}` : `ExitCode:${exitCode}`)

function deletionReason(pod: Pod): string | undefined {
  if (!pod.metadata.deletionTimestamp) return undefined
  if (pod.status?.reason === 'NodeLost') return 'Unknown'
  const isOver = pod.status?.phase === 'Failed' || pod.status?.phase === 'Succeeded'
  return isOver ? undefined : 'Terminating'
}

function restartsText(pod: Pod, nowMs: number): string {
  const { restarts, lastRestartAt } = summary(pod)
  return restarts > 0 && lastRestartAt ? `${restarts} (${ageOf(lastRestartAt, nowMs)} ago)` : String(restarts)
}

function gatesText(pod: Pod): string {
  const gates = pod.spec?.readinessGates ?? []
  if (gates.length === 0) return '<none>'
  const isTrue = (type: string) =>
    pod.status?.conditions?.some((condition) => condition.type === type && condition.status === 'True')
  return `${gates.filter((gate) => isTrue(gate.conditionType)).length}/${gates.length}`
}

export const POD_COLUMNS = [
  NAME,
  column<Pod>('Ready', (pod) => `${summary(pod).ready}/${summary(pod).total}`),
  column<Pod>('Status', podStatusText),
  column<Pod>('Restarts', restartsText),
  AGE,
  wide<Pod>('IP', (pod) => orNone(pod.status?.podIPs?.[0]?.ip ?? pod.status?.podIP)),
  wide<Pod>('Node', (pod) => orNone(pod.spec?.nodeName)),
  wide<Pod>('Nominated Node', (pod) => orNone(pod.status?.nominatedNodeName)),
  wide<Pod>('Readiness Gates', gatesText),
] as const
