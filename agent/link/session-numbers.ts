// session-numbers.ts - numbers that only grow, over restarts too, at the price of one write in many
import type { Cache } from '../cache/cache.ts'

const KEY = 'link.session-ceiling'
/** A device that is offline for months tries every minute: a write each time would wear its flash. */
const BLOCK = 64

export function createSessionNumbers(cache: Pick<Cache, 'getValue' | 'setValue'>): () => number {
  let last: number | undefined
  let ceiling = 0
  return () => {
    if (last === undefined) last = ceiling = Number(cache.getValue(KEY) ?? 0)
    last++
    if (last > ceiling) {
      ceiling = last + BLOCK
      // Before the number is used: after a crash the next one must be larger.
      cache.setValue(KEY, String(ceiling))
    }
    return last
  }
}
