// failures.ts - counts failed authentications per address, so that a guesser is told to wait and cannot fill the log
import type { Clock } from '../../../shared/clock.ts'

/** A script with an old token may fail this often at once. */
const BURST = 20
/** Then one a second. */
const REFILL_EVERY_MS = 1_000
/** Some 100 bytes each; an attacker with more addresses than this pushes out the oldest ones. */
const ADDRESSES_MAX = 10_000

export interface Failures {
  /** Counts one; true when this address has failed too often lately. */
  add(address: string): boolean
  readonly size: number
}

interface Bucket {
  left: number
  atMs: number
}

export function createFailures(clock: Clock): Failures {
  /** In order of the last failure: the first key is the one that has been quiet for longest. */
  const buckets = new Map<string, Bucket>()
  return {
    add(address) {
      const nowMs = clock.monoMs()
      const old = buckets.get(address)
      const refilled = old ? old.left + (nowMs - old.atMs) / REFILL_EVERY_MS : BURST
      const left = Math.min(BURST, refilled) - 1
      buckets.delete(address)
      buckets.set(address, { left: Math.max(0, left), atMs: nowMs })
      const [quietest] = buckets.keys()
      if (buckets.size > ADDRESSES_MAX && quietest !== undefined) buckets.delete(quietest)
      return left < 0
    },
    get size() {
      return buckets.size
    },
  }
}
