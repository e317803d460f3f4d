// machine-sleep.ts - how long the machine of the hub has been asleep since it was switched on: then it could hear nobody
import { readFileSync } from 'node:fs'
import type { Clock } from '../shared/clock.ts'

/** Node's monotonic clock stands still while a machine sleeps, the kernel's uptime goes on: what one has and the other has not. */
export function createSleptMs(clock: Pick<Clock, 'monoMs'>, uptimeMs = systemUptimeMs): () => number {
  const aheadMs = (uptimeMs() ?? 0) - clock.monoMs()
  return () => {
    const nowMs = uptimeMs()
    return nowMs === undefined ? 0 : nowMs - clock.monoMs() - aheadMs
  }
}

/** Undefined on a system that does not say. */
function systemUptimeMs(): number | undefined {
  try {
    const seconds = Number(readFileSync('/proc/uptime', 'utf8').split(' ')[0])
    return Number.isFinite(seconds) ? 1000 * seconds : undefined
  } catch {
    return undefined // no Linux: the hub is then blamed for its sleep as for a slow network
  }
}
