// trace.ts - what happened lately, kept for the one who has to find out why; said at once when somebody listens
import type { Log, LogFields } from '../../shared/log.ts'

export interface Trace {
  nowMs: number
  note(who: string, what: string, detail?: unknown): void
  /** Production's own log lines go among the events. */
  log(who: string): Log
  /** The last ones, oldest first, one line each. */
  lines(): string[]
}

export const TRACE_LINES = 200

interface Noted {
  atMs: number
  who: string
  what: string
  detail: unknown
}

export function createTrace(listener?: (line: string) => void): Trace {
  const kept: Noted[] = []
  let next = 0

  const trace: Trace = {
    nowMs: 0,
    note(who, what, detail) {
      const noted = { atMs: trace.nowMs, who, what, detail }
      kept[next] = noted
      next = (next + 1) % TRACE_LINES
      listener?.(lineOf(noted))
    },
    log: (who) => logInto(trace, who, listener !== undefined),
    lines: () => [...kept.slice(next), ...kept.slice(0, next)].map(lineOf),
  }
  return trace
}

const DETAIL_LENGTH_MAX = 400

function lineOf({ atMs, who, what, detail }: Noted): string {
  const text = detail === undefined ? '' : ` ${JSON.stringify(detail, errorsAsText)}`.slice(0, DETAIL_LENGTH_MAX)
  return `${(atMs / 1000).toFixed(3).padStart(9)} ${who.padEnd(8)} ${what}${text}`
}

const errorsAsText = (_key: string, value: unknown) =>
  value instanceof Error ? `${value.name}: ${value.message}` : value

function logInto(trace: Trace, who: string, withDebug: boolean, bound: LogFields = {}): Log {
  const at = (level: string) => (fields: LogFields, message: string) =>
    trace.note(who, `${level}: ${message}`, { ...bound, ...fields })
  return {
    debug: withDebug ? at('debug') : () => {},
    info: at('info'),
    warn: at('warn'),
    error: at('error'),
    child: (fields) => logInto(trace, who, withDebug, { ...bound, ...fields }),
  }
}
