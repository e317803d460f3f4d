// node-status.ts - what a judged node looks like as an object: conditions, taints and annotations as Kubernetes has them; pure
import { rfc3339 } from '../../shared/clock.ts'
import type { Node, NodeCondition, Taint } from '../../shared/kinds/object.ts'
import { LAST_WITNESS_ANNOTATION } from '../../shared/last-witness.ts'
import type { NodeState } from './node-state.ts'
import { witnessAnnotation, type Witness } from './witness.ts'

export const STATE_ANNOTATION = 'holdfast.dev/state'
export const SINCE_ANNOTATION = 'holdfast.dev/state-since'
export const LAST_BEAT_ANNOTATION = 'holdfast.dev/last-beat'

const UNREACHABLE = 'node.kubernetes.io/unreachable'
const NOT_READY = 'node.kubernetes.io/not-ready'
const UNSCHEDULABLE = 'node.kubernetes.io/unschedulable'
/** What a device runs out of keeps new pods away, as in Kubernetes, and drives none out that are there. */
const PRESSURES: ReadonlyMap<string, string> = new Map([
  ['MemoryPressure', 'node.kubernetes.io/memory-pressure'],
  ['DiskPressure', 'node.kubernetes.io/disk-pressure'],
  ['PIDPressure', 'node.kubernetes.io/pid-pressure'],
])
const OURS = [UNREACHABLE, NOT_READY, UNSCHEDULABLE, ...PRESSURES.values()]

/** How a node stands with each of them: a change is a reason to judge it. */
export const pressuresOf = ({ status }: Node): (string | undefined)[] =>
  [...PRESSURES.keys()].map((type) => status?.conditions?.find((condition) => condition.type === type)?.status)

export interface Verdict {
  state: NodeState
  sinceWallMs?: number
  lastHeardWallMs?: number
  lastWitness?: Witness
  /** What the agent itself says about being ready, such as a runtime that does not answer. */
  reportedReady?: NodeCondition
}

export const isUnknown = (state: NodeState): boolean =>
  state === 'Unreachable' || state === 'Dead' || state === 'Never seen'

/** When the node was last heard of, as far as that is written on it. */
export function writtenLastHeardMs({ metadata, status }: Node): number | undefined {
  const ready = status?.conditions?.find(({ type }) => type === 'Ready')
  const beatMs = Date.parse(metadata.annotations?.[LAST_BEAT_ANNOTATION] ?? ready?.lastHeartbeatTime ?? '')
  return Number.isNaN(beatMs) ? undefined : beatMs
}

/** Metadata and spec; equal to its argument when there is nothing to change. */
export function markNode(node: Node, verdict: Verdict, wallMs: number): Node {
  const { taints: _, ...spec } = node.spec
  const taints = taintsFor(node, verdict, wallMs)
  const marked = { ...node, spec: taints.length > 0 ? { ...spec, taints } : spec }
  const annotations = annotationsFor(node.metadata.annotations ?? {}, verdict, wallMs)
  return { ...marked, metadata: { ...node.metadata, annotations } }
}

function annotationsFor(before: Readonly<Record<string, string>>, verdict: Verdict, wallMs: number) {
  const { state, sinceWallMs, lastHeardWallMs, lastWitness } = verdict
  const { [LAST_BEAT_ANNOTATION]: _, [LAST_WITNESS_ANNOTATION]: __, ...others } = before
  const isSame = before[STATE_ANNOTATION] === state
  const beat = isSame ? before[LAST_BEAT_ANNOTATION] : lastHeardWallMs && rfc3339(lastHeardWallMs)
  return {
    ...others,
    [STATE_ANNOTATION]: state,
    [SINCE_ANNOTATION]: (isSame && before[SINCE_ANNOTATION]) || rfc3339(sinceWallMs ?? wallMs),
    // While it beats, the condition's own time says so.
    ...(state !== 'Online' && beat && { [LAST_BEAT_ANNOTATION]: beat }),
    ...(state !== 'Online' && witnessAnnotation(before, lastWitness)),
  }
}

function taintsFor(node: Node, verdict: Verdict, wallMs: number): Taint[] {
  const before = node.spec.taints ?? []
  const wanted: Taint[] = []
  const want = (key: string, effects: readonly Taint['effect'][]) => {
    for (const effect of effects) {
      const same = before.find((taint) => taint.key === key && taint.effect === effect)
      wanted.push(same ?? { key, effect, ...(effect === 'NoExecute' && { timeAdded: rfc3339(wallMs) }) })
    }
  }
  if (isUnknown(verdict.state)) want(UNREACHABLE, ['NoSchedule', 'NoExecute'])
  else if (verdict.reportedReady?.status === 'False') want(NOT_READY, ['NoSchedule', 'NoExecute'])
  if (node.spec.unschedulable) want(UNSCHEDULABLE, ['NoSchedule'])
  const pressures = pressuresOf(node)
  for (const [index, key] of [...PRESSURES.values()].entries()) {
    // Of a device that was away nobody knows: until it has said how it is, it stays what it was.
    const isKept = pressures[index] === 'Unknown' && before.some((taint) => taint.key === key)
    if (pressures[index] === 'True' || isKept) want(key, ['NoSchedule'])
  }
  return [...before.filter(({ key }) => !OURS.includes(key)), ...wanted]
}

/** Status alone: the Ready condition, and what nobody can know any more. */
export function judgeConditions(node: Node, verdict: Verdict, wallMs: number): Node {
  const before = node.status?.conditions ?? []
  const others = before.filter(({ type }) => type !== 'Ready')
  const current = isUnknown(verdict.state) ? others.map((condition) => nobodyKnows(condition, verdict.state)) : others
  const wanted = [...current, readyFor(verdict)]
  const conditions = wanted.map((condition) => heartbeat(withTimes(condition, before, wallMs), before, verdict))
  return { ...node, status: { ...node.status, conditions } }
}

/** As upstream has it: when something was heard last, not when somebody noticed the silence. */
function heartbeat(condition: NodeCondition, before: readonly NodeCondition[], verdict: Verdict): NodeCondition {
  if (!isUnknown(verdict.state)) return refreshed(condition, verdict)
  const old = before.find(({ type }) => type === condition.type)
  const heard = condition.type === 'Ready' && old?.status !== condition.status ? verdict.lastHeardWallMs : undefined
  const lastHeartbeatTime = heard === undefined ? old?.lastHeartbeatTime : rfc3339(heard)
  return lastHeartbeatTime ? { ...condition, lastHeartbeatTime } : condition
}

/** As upstream does it: beats stay in memory, and the disk hears of them this often. */
const HEARTBEAT_WRITTEN_EVERY_MS = 300_000

function refreshed(condition: NodeCondition, { lastHeardWallMs }: Verdict): NodeCondition {
  const writtenMs = Date.parse(condition.lastHeartbeatTime ?? '')
  const isDue =
    condition.type === 'Ready' &&
    lastHeardWallMs !== undefined &&
    lastHeardWallMs - writtenMs > HEARTBEAT_WRITTEN_EVERY_MS
  return isDue ? { ...condition, lastHeartbeatTime: rfc3339(lastHeardWallMs) } : condition
}

type Bare = Pick<NodeCondition, 'type' | 'status' | 'reason' | 'message'>

function readyFor({ state, reportedReady }: Verdict): Bare {
  if (isUnknown(state)) return nobodyKnows({ type: 'Ready', status: 'Unknown' }, state)
  if (reportedReady) return reportedReady
  return { type: 'Ready', status: 'True', reason: 'KubeletReady', message: 'the agent is posting ready status' }
}

/** Upstream's words, which tools look for. */
const nobodyKnows = ({ type }: Bare, state: NodeState): Bare =>
  state === 'Never seen'
    ? { type, status: 'Unknown', reason: 'NodeStatusNeverUpdated', message: 'Kubelet never posted node status.' }
    : { type, status: 'Unknown', reason: 'NodeStatusUnknown', message: 'Kubelet stopped posting node status.' }

/** The times move only with what they are about, so that a judgement that changes nothing writes nothing. */
export function withTimes(condition: Bare, before: readonly NodeCondition[], wallMs: number): NodeCondition {
  const { type, status, reason = '', message = '' } = condition
  const old = before.find((candidate) => candidate.type === type)
  const isSame = old?.status === status && old.reason === reason && old.message === message
  return {
    type,
    status,
    reason,
    message,
    lastHeartbeatTime: (isSame && old.lastHeartbeatTime) || rfc3339(wallMs),
    lastTransitionTime: (old?.status === status && old.lastTransitionTime) || rfc3339(wallMs),
  }
}
