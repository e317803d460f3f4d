// probe-result.ts - counts successes and failures of a probe against its thresholds; pure
import type { Probe } from '../../shared/kinds/object.ts'

/** What the probes of one container say. Without a probe of a kind its answer is yes. */
export interface ProbeResult {
  started: boolean
  ready: boolean
  live: boolean
  /** Which probe has given up on the container, for the words of the event. */
  failed?: 'liveness' | 'startup'
}

export const ALL_WELL: ProbeResult = { started: true, ready: true, live: true }

export type ProbeKind = 'startup' | 'liveness' | 'readiness'

export interface ProbeCount {
  /** The answer that counts until a threshold is crossed. */
  passing: boolean
  successes: number
  failures: number
}

/** Upstream's defaults. */
export const PROBE_DEFAULTS = { periodSeconds: 10, timeoutSeconds: 1, successThreshold: 1, failureThreshold: 3 }

export function counted(count: ProbeCount, ok: boolean, probe: Probe): ProbeCount {
  const successes = ok ? count.successes + 1 : 0
  const failures = ok ? 0 : count.failures + 1
  const hasPassed = successes >= (probe.successThreshold ?? PROBE_DEFAULTS.successThreshold)
  const hasFailed = failures >= (probe.failureThreshold ?? PROBE_DEFAULTS.failureThreshold)
  return { successes, failures, passing: hasPassed || (count.passing && !hasFailed) }
}
