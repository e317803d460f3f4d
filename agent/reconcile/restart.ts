// restart.ts - decides when a container that ended may start again, and what its end says about its future
import { exponentialMs } from '../../shared/backoff.ts'
import type { ContainerHistory } from '../cache/cache.ts'
import { NOT_EXECUTABLE_EXIT, NOT_FOUND_EXIT, type ObservedContainer } from '../runtime/runtime.ts'
import type { RestartPolicy } from './pod-shape.ts'

/** Upstream starts at 10 s; at the edge most crashes are a neighbour that is a second late. */
export const CRASH_BACKOFF = { baseMs: 1_000, maxMs: 300_000 }
/** Whoever ran this long has recovered: the next crash is a first one. */
export const CRASH_RESET_MS = 600_000
/** What upstream says of a container that ended and left no word. */
const UNKNOWN_EXIT = 137
const COMMAND_FAULTS = [NOT_EXECUTABLE_EXIT, NOT_FOUND_EXIT]

/** The first restart comes at once, then 1 s, 2 s, 4 s ... 5 min. */
export const crashDelayMs = (crashes: number): number => (crashes <= 1 ? 0 : exponentialMs(crashes - 2, CRASH_BACKOFF))

/**
 * Upstream calls it ended when its command cannot be run, and leaves it to the policy. A start that failed for another reason,
 * such as a port that is taken or a full disk, may work the next time: it is tried again whatever the policy.
 */
export const mayRunAgain = (policy: RestartPolicy, ended: ObservedContainer): boolean =>
  (hasNotStarted(ended) && !COMMAND_FAULTS.includes(exitCodeOf(ended))) || mayRestart(policy, exitCodeOf(ended))

const hasNotStarted = ({ startedAtMs }: ObservedContainer) => startedAtMs === undefined

export function mayRestart(policy: RestartPolicy, exitCode: number): boolean {
  if (policy === 'Always') return true
  return policy === 'OnFailure' && exitCode !== 0
}

export const newHistory = (podUid: string, container: string): ContainerHistory => ({
  podUid,
  container,
  attempt: -1,
  restarts: 0,
  crashes: 0,
})

export interface ExitNote {
  /** How long this process saw it run, by the monotonic clock: wall clocks jump between a start and an end. */
  ranMs?: number
  /** The runtime or the device went away under it, or we stopped it: not the container's fault. */
  isExcused: boolean
  /** Counts as a crash even with exit code 0, because the policy runs it again. */
  willRestart: boolean
}

export const isNoted = (history: ContainerHistory | undefined, exited: ObservedContainer): boolean =>
  history?.last?.containerId === exited.id

export function afterExit(history: ContainerHistory, exited: ObservedContainer, note: ExitNote): ContainerHistory {
  const hasRecovered = note.ranMs !== undefined && note.ranMs >= CRASH_RESET_MS
  const crashes = note.isExcused || !note.willRestart ? history.crashes : history.crashes + 1
  return {
    ...history,
    attempt: Math.max(history.attempt, exited.identity.attempt),
    crashes: hasRecovered ? Math.min(crashes, 1) : crashes,
    last: {
      attempt: exited.identity.attempt,
      exitCode: exitCodeOf(exited),
      reason: exitReason(exited),
      ...withMessage(exited),
      ...timesOf(exited),
      containerId: exited.id,
    },
  }
}

/** Upstream's order: the runtime's word, then the program's. */
export function withMessage({ error, terminationMessage }: ObservedContainer): { message?: string } {
  const words = [error, terminationMessage].filter((word) => word !== undefined)
  return words.length > 0 ? { message: words.join(': ') } : {}
}

/** One that could not start has begun and ended when it was made, as upstream shows it. */
export function timesOf(exited: ObservedContainer): { startedAtMs?: number; finishedAtMs?: number } {
  const { startedAtMs, finishedAtMs, createdAtMs } = exited
  if (hasNotStarted(exited)) return { startedAtMs: createdAtMs, finishedAtMs: createdAtMs }
  return { ...(startedAtMs !== undefined && { startedAtMs }), ...(finishedAtMs !== undefined && { finishedAtMs }) }
}

export const exitCodeOf = (exited: ObservedContainer): number => exited.exitCode ?? UNKNOWN_EXIT

export function exitReason(exited: ObservedContainer): string {
  if (exited.outOfMemory) return 'OOMKilled'
  if (exited.startedAtMs === undefined && exited.error !== undefined) return 'ContainerCannotRun'
  return exitCodeOf(exited) === 0 ? 'Completed' : 'Error'
}
