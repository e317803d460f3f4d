// backoff.ts - how long to wait before trying again; pure, so that a simulator can replay it
import type { Random } from './random.ts'

export interface BackoffLimits {
  readonly baseMs: number
  readonly maxMs: number
}

/** base, 2 x base, 4 x base ... up to the maximum; `attempt` counts from 0. */
export const exponentialMs = (attempt: number, { baseMs, maxMs }: BackoffLimits): number =>
  Math.min(maxMs, baseMs * 2 ** Math.min(attempt, EXPONENT_MAX))

/** 2^52 of any base is past every maximum; more would become Infinity. */
const EXPONENT_MAX = 52

/** Full jitter: anywhere between nothing and the exponential delay, so that a thousand agents never come back together. */
export const fullJitterMs = (attempt: number, limits: BackoffLimits, random: Pick<Random, 'float'>): number =>
  random.float() * exponentialMs(attempt, limits)
