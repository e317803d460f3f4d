// disconnect-policy.ts - what becomes of a pod when its device is cut off and when it returns: the annotations, and the times that hub and device both count with
import type { Pod } from './kinds/object.ts'
import { parseDuration } from './setting-kinds.ts'

export const ON_DISCONNECT = 'holdfast.dev/on-disconnect'
export const ON_RECONNECT = 'holdfast.dev/on-reconnect'
export const LOST_AFTER = 'holdfast.dev/lost-after'
export const SINGLETON = 'holdfast.dev/singleton'

/** On a spare: the uid of the pod in whose place it was started. */
export const REPLACES = 'holdfast.dev/replaces'
/** A pod's condition: its device is cut off, it is thought to go on there, and it counts for nobody's replicas. */
export const DISCONNECTED = 'holdfast.dev/Disconnected'
/** Upstream's word for a pod of which nobody hears; the device's next report takes it away. */
export const NODE_LOST = 'NodeLost'

export const ON_DISCONNECT_CHOICES = ['replace', 'wait', 'stop'] as const
export const ON_RECONNECT_CHOICES = [
  'keep-original',
  'keep-replacement',
  'keep-longest-running',
  'keep-healthiest',
] as const
export const SINGLETON_CHOICES = ['true', 'false'] as const

export type OnDisconnect = (typeof ON_DISCONNECT_CHOICES)[number]
export type OnReconnect = (typeof ON_RECONNECT_CHOICES)[number]

export interface DisconnectPolicy {
  onDisconnect: OnDisconnect
  onReconnect: OnReconnect
  lostAfterMs: number
  isSingleton: boolean
}

export const LOST_AFTER_MS_DEFAULT = 60_000
/** Below this a link that is merely slow would stop work: four renewals of a lease must fit in. */
export const LOST_AFTER_MS_MIN = 10_000
/** Thirty days; whoever wants longer means `wait`. */
export const LOST_AFTER_MS_MAX = 30 * 86_400_000

/** A kill that was begun has taken effect after this, on a busy device and with an engine that does not answer. */
export const KILL_WITHIN_MS = 10_000
/** No clock of a device or of a hub runs faster or slower than true time by more than this share. */
export const CLOCK_DRIFT_MAX = 0.03
/** For what is no drift: rounding of uptimes, the turn of an event loop. */
const HUB_MARGIN_MS = 2_000
/** Upstream's default. */
const GRACE_SECONDS = 30

type Annotated = Pick<Pod, 'metadata' | 'spec'>

/** Put aside: its device is not heard of, and its owner has somebody else in its place. */
export const isDisconnected = ({ status }: Pick<Pod, 'status'>): boolean =>
  status?.conditions?.some((one) => one.type === DISCONNECTED && one.status === 'True') ?? false

/** Total: what the API would have refused counts as not said. */
export function disconnectPolicyOf({ metadata }: Pick<Pod, 'metadata'>): DisconnectPolicy {
  const said = metadata.annotations ?? {}
  return {
    onDisconnect: onDisconnectOf(said[ON_DISCONNECT]),
    // Kubernetes' way: by then the spare has the traffic. One that never became ready does not win, see settle.ts.
    onReconnect: ON_RECONNECT_CHOICES.find((choice) => choice === said[ON_RECONNECT]) ?? 'keep-replacement',
    lostAfterMs: lostAfterMsOf(said[LOST_AFTER]) ?? LOST_AFTER_MS_DEFAULT,
    isSingleton: said[SINGLETON] === 'true',
  }
}

const onDisconnectOf = (text: string | undefined): OnDisconnect =>
  ON_DISCONNECT_CHOICES.find((choice) => choice === text) ?? 'replace'

/** Undefined: no duration, or not one within bounds. */
export function lostAfterMsOf(text: string | undefined): number | undefined {
  if (text === undefined) return undefined
  try {
    const ms = parseDuration(text)
    return ms >= LOST_AFTER_MS_MIN && ms <= LOST_AFTER_MS_MAX ? ms : undefined
  } catch {
    return undefined // whoever asks says what is wrong with it, in the words that fit there
  }
}

export const isSingleton = (pod: Pick<Pod, 'metadata'>): boolean => pod.metadata.annotations?.[SINGLETON] === 'true'

/**
 * Its device runs it under a lease only, and stops it by itself when the lease is not renewed. A singleton that waits
 * needs none: it is never started elsewhere.
 */
export function isFenced(pod: Pick<Pod, 'metadata'>): boolean {
  const onDisconnect = onDisconnectOf(pod.metadata.annotations?.[ON_DISCONNECT])
  return onDisconnect === 'stop' || (onDisconnect === 'replace' && isSingleton(pod))
}

const graceMsOf = ({ spec }: Annotated) => 1000 * Math.max(0, spec.terminationGracePeriodSeconds ?? GRACE_SECONDS)

/** The device's deadlines, counted by its own clock from the moment at which it sent what the hub has acknowledged. */
export function deadlinesOf(pod: Annotated, sentMs: number): { stopAtMs: number; killAtMs: number } {
  const stopAtMs = sentMs + disconnectPolicyOf(pod).lostAfterMs
  return { stopAtMs, killAtMs: stopAtMs + graceMsOf(pod) }
}

/** What the hub waits, counted by its own clock from the receipt of the same message: the device's deadline, kill and drift of both. */
export function fenceMsOf(pod: Annotated): number {
  const leaseMs = deadlinesOf(pod, 0).killAtMs + KILL_WITHIN_MS
  return Math.ceil((leaseMs * (1 + CLOCK_DRIFT_MAX)) / (1 - CLOCK_DRIFT_MAX)) + HUB_MARGIN_MS
}
