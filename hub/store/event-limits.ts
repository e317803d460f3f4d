// event-limits.ts - how many events are kept, for how long, and how fast one object may make them; pure
import type { Event } from '../../shared/kinds/object.ts'

/** A page of `kubectl get events` is read by people; the rest only wears the disk. */
export const EVENTS_PER_NAMESPACE_MAX = 1_000
export const EVENT_TTL_MS = 3_600_000
/** Whoever opens the shop in the morning wants to know what went wrong in the night. */
export const WARNING_TTL_MS = 24 * 3_600_000

export interface EventLimits {
  ttlMs: number
  warningTtlMs: number
  perNamespace: number
}

export interface Pace {
  burst: number
  refillMs: number
}

/** As upstream's spam filter: one object may say 25 things at once, then one every five minutes. */
export const OF_AN_OBJECT: Pace = { burst: 25, refillMs: 300_000 }
/** A device that was away for a month tells all of it in a minute: what its journal holds at most, and then its daily life. */
export const OF_A_JOURNAL: Pace = { burst: 10_000, refillMs: 1_000 }

export interface Allowance {
  tokens: number
  atMs: number
}

/** What is left after one more event; undefined when there was nothing left. */
export function spend(allowance: Allowance | undefined, nowMs: number, pace = OF_AN_OBJECT): Allowance | undefined {
  const { tokens, atMs } = allowance ?? { tokens: pace.burst, atMs: nowMs }
  const refilled = Math.min(pace.burst, tokens + (nowMs - atMs) / pace.refillMs)
  return refilled < 1 ? undefined : { tokens: refilled - 1, atMs: nowMs }
}

/** Somebody set the hub's clock ahead: what it wrote before looks older than it is. */
export interface ClockJump {
  beforeMs: number
  aheadMs: number
}

/**
 * Those that are too old and not the last that is known of somebody, and of the rest the oldest beyond the bound: what is
 * normal before warnings, down to half of all.
 */
export function eventsToDrop(
  events: readonly Event[],
  wallMs: number,
  limits: EventLimits,
  jumps: readonly ClockJump[] = [],
  isLastKnown: (event: Event) => boolean = () => false,
): readonly Event[] {
  const seenMs = (event: Event) =>
    jumps.reduce((ms, { beforeMs, aheadMs }) => (ms <= beforeMs ? ms + aheadMs : ms), lastSeenMs(event, wallMs))
  const aged = events.map((event) => ({ event, atMs: seenMs(event) })).toSorted((a, b) => a.atMs - b.atMs)
  const isOld = ({ event, atMs }: (typeof aged)[number]) =>
    wallMs - atMs > (isWarning(event) ? Math.max(limits.warningTtlMs, limits.ttlMs) : limits.ttlMs) &&
    !isLastKnown(event)
  const old = new Set(aged.filter(isOld))
  const kept = aged.filter((one) => !old.has(one))
  const warnings = kept.filter(({ event }) => isWarning(event))
  const normal = kept.filter(({ event }) => !isWarning(event))
  const surplus = Math.max(0, kept.length - limits.perNamespace)
  const surplusNormal = Math.min(surplus, Math.max(0, normal.length - Math.floor(limits.perNamespace / 2)))
  return [...old, ...normal.slice(0, surplusNormal), ...warnings.slice(0, surplus - surplusNormal)].map(
    ({ event }) => event,
  )
}

const isWarning = ({ type }: Event) => type === 'Warning'

/** A device's own time may be decades off: nothing was seen before the hub heard of it, nor after now. */
function lastSeenMs({ lastTimestamp, eventTime, metadata }: Event, wallMs: number): number {
  const heardMs = Date.parse(metadata.creationTimestamp)
  const saidMs = Date.parse(lastTimestamp ?? eventTime ?? metadata.creationTimestamp)
  return saidMs > heardMs && saidMs <= wallMs ? saidMs : heardMs
}
