// excuses.ts - until when silence of devices is the hub's own fault: it kept them waiting, or was stopped itself
import type { StateLimits } from './node-state.ts'

export interface Excuses {
  /** The hub keeps devices waiting now. */
  note(nowMs: number): void
  /** The hub was to look at something at `dueMs` and does so only now. */
  woke(dueMs: number | undefined, nowMs: number): void
  /** The machine has been asleep for so long in all; no timer was late by that. */
  slept(totalMs: number, nowMs: number): void
  /** No device is judged lost before; 0 when there is nothing to excuse. */
  untilMs(): number
}

/** Timers are some ms late on any machine; later than this, the hub was stopped or had no time to hear anybody. */
const STALLED_AFTER_MS = 1_000
/** A crowd that never ends, such as an attack, must not keep the hub from seeing deaths for ever. */
const LEASES_MAX = 5

export function createExcuses({ leaseMs }: Pick<StateLimits, 'leaseMs'>): Excuses {
  let sinceMs = -Infinity
  let lastMs = -Infinity
  let sleptMs: number | undefined

  function note(nowMs: number): void {
    // A lease after the last one everybody has had the chance to be heard: what comes then is a new crowd.
    if (nowMs - lastMs > leaseMs) sinceMs = nowMs
    lastMs = nowMs
  }

  return {
    note,
    woke(dueMs, nowMs) {
      if (dueMs !== undefined && nowMs - dueMs > STALLED_AFTER_MS) note(nowMs)
    },
    slept(totalMs, nowMs) {
      if (sleptMs !== undefined && totalMs - sleptMs > STALLED_AFTER_MS) note(nowMs)
      sleptMs = totalMs
    },
    untilMs: () => Math.max(0, Math.min(lastMs + leaseMs, sinceMs + LEASES_MAX * leaseMs)),
  }
}
