// boot-clock.ts - time since the device was switched on, sleep included: what leases count in
import { readFileSync } from 'node:fs'

/**
 * Node's monotonic clock stands still while a device sleeps, and two processes do not share it. This one is the
 * kernel's: the agent of today, the agent after its restart and the fence all read the same number.
 */
export interface BootClock {
  nowMs(): number
  /** Changes with every start of the device: what was counted before it means nothing. */
  bootId(): string
}

export const systemBootClock: BootClock = {
  nowMs: () => Math.floor(1000 * Number(readFileSync('/proc/uptime', 'utf8').split(' ')[0])),
  bootId: () => readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim(),
}
