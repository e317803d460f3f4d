// node-state.ts - the one place that says how a node is: from beats, wills and the clock; pure

export type NodeState = 'Online' | 'Late' | 'Unreachable' | 'Dead' | 'Never seen'

export const NODE_STATES: readonly NodeState[] = ['Online', 'Late', 'Unreachable', 'Dead', 'Never seen']

/** Monotonic milliseconds of the hub throughout. */
export interface NodeLife {
  hubStartedMs: number
  /** Any word from the device since this hub started. */
  lastHeardMs?: number
  /** Its last will arrived and nothing since: the link broke, which says little about the device. */
  linkLostMs?: number
  /** Until then the hub itself kept devices waiting, or was too busy to hear them. */
  excusedUntilMs?: number
  /** What the former life of the hub wrote down. */
  before?: NodeState
}

export interface StateLimits {
  lateAfterMs: number
  /** Without a word for so long, nobody can say whether it is alive. Also how long a restarted hub judges nobody. */
  leaseMs: number
  /** A broken link may come back at once; after this it counts as lost. */
  linkLostGraceMs: number
  deadAfterMs: number
}

/** In beats: one may be lost, two are late, four are a lease; half an hour of silence at ten seconds is death. */
export const limitsFor = (beatEveryMs: number): StateLimits => ({
  lateAfterMs: 2.5 * beatEveryMs,
  leaseMs: 4 * beatEveryMs,
  linkLostGraceMs: 1.5 * beatEveryMs,
  deadAfterMs: 180 * beatEveryMs,
})

export interface Judgement {
  state: NodeState
  /** When this state began; undefined when a former life of the hub knows it, or nobody. */
  sinceMs?: number
  /** When time alone may change it. */
  lookAgainMs?: number
}

export function judgeNode(life: NodeLife, nowMs: number, limits: StateLimits): Judgement {
  const { hubStartedMs, before } = life
  if (life.lastHeardMs === undefined && (before === undefined || before === 'Never seen'))
    return { state: 'Never seen' }
  if (life.lastHeardMs === undefined && before === 'Dead') return { state: 'Dead' }
  // Nobody is judged for the time in which the hub itself was away.
  const heardMs = life.lastHeardMs ?? hubStartedMs
  const lostMs = life.linkLostMs !== undefined && life.linkLostMs >= heardMs ? life.linkLostMs : Infinity
  const judgeFromMs = Math.max(hubStartedMs + limits.leaseMs, life.excusedUntilMs ?? 0)
  const lateMs = Math.min(heardMs + limits.lateAfterMs, lostMs)
  const unreachableMs = Math.max(judgeFromMs, Math.min(heardMs + limits.leaseMs, lostMs + limits.linkLostGraceMs))
  const deadMs = Math.max(judgeFromMs, heardMs + limits.deadAfterMs)
  if (nowMs >= deadMs) return { state: 'Dead', sinceMs: deadMs }
  if (life.lastHeardMs === undefined && before === 'Unreachable') return { state: 'Unreachable', lookAgainMs: deadMs }
  if (nowMs >= unreachableMs) return { state: 'Unreachable', sinceMs: unreachableMs, lookAgainMs: deadMs }
  if (life.lastHeardMs === undefined) return { state: before ?? 'Online', lookAgainMs: unreachableMs }
  if (nowMs >= lateMs) return { state: 'Late', sinceMs: lateMs, lookAgainMs: unreachableMs }
  return { state: 'Online', lookAgainMs: lateMs }
}
