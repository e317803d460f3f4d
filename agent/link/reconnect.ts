// reconnect.ts - how long to wait before the next try, and what to tell people about it; pure
import { fullJitterMs, type BackoffLimits } from '../../shared/backoff.ts'
import type { Random } from '../../shared/random.ts'
import type { CloseReason } from './wire.ts'

const BASE_MS = 1_000
const WAIT_MS_MAX = 60_000
/** A hub that comes back judges nobody for a lease of four beats: whoever lives is there again before. */
const WAIT_BEATS_MAX = 3
/** A session that lasted so long shows that the link is good: the next loss begins with short waits again. */
export const STABLE_AFTER_MS = 60_000
/** Sent away by the hub: somebody has to act, and hammering does not call them. */
const REFUSED_WAIT_MS = 60_000
/** The other device may be ourselves before a power cut: of that one the hub has heard nothing for so long by then. */
const GHOST_BEATS = 2

/** `attempt` counts from 0 since the last stable session, and of who is sent away since the first time in a row. */
export function waitMsAfter(
  reason: CloseReason,
  attempt: number,
  { beatEveryMs, random }: { beatEveryMs: number; random: Pick<Random, 'float'> },
): number {
  if (reason.kind === 'duplicate' && attempt === 0) return Math.min(REFUSED_WAIT_MS, GHOST_BEATS * beatEveryMs)
  if (isRefused(reason)) return REFUSED_WAIT_MS * (1 + random.float())
  const limits: BackoffLimits = { baseMs: BASE_MS, maxMs: Math.min(WAIT_MS_MAX, WAIT_BEATS_MAX * beatEveryMs) }
  return fullJitterMs(attempt, limits, random)
}

/** Nothing changes before a person acts. */
export const isRefused = ({ kind }: CloseReason): boolean => kind === 'duplicate' || kind === 'identity'

export const EXPLAINED: Readonly<Record<CloseReason['kind'], string>> = {
  duplicate: 'another device uses our identity and was there first: one of the two must join anew',
  identity: 'the hub does not accept our identity: the node was deleted there, or this device belongs to another hub',
  busy: 'the hub is busy',
  network: 'no connection to the hub; the workloads go on',
}
