// log.ts - structured log lines: a constant message with fields, one JSON object a line
import { rfc3339Micro, type Clock } from './clock.ts'

export type LogLevel = 'debug' | 'info' | 'warn' | 'error'
export type LogFields = Readonly<Record<string, unknown>>

export interface Log {
  debug(fields: LogFields, message: string): void
  info(fields: LogFields, message: string): void
  warn(fields: LogFields, message: string): void
  error(fields: LogFields, message: string): void
  child(fields: LogFields): Log
}

const RANK: Record<LogLevel, number> = { debug: 0, info: 1, warn: 2, error: 3 }

export interface LogDeps {
  clock: Clock
  level: LogLevel
  write(line: string): void
}

export function createLog(deps: LogDeps, bound: LogFields = {}): Log {
  const at = (level: LogLevel) => (fields: LogFields, message: string) => {
    if (RANK[level] < RANK[deps.level]) return
    const own = { time: rfc3339Micro(deps.clock.wallMs()), level, message }
    // Once for their place and once for their values: no field may take the place of what the line says.
    deps.write(JSON.stringify({ ...own, ...bound, ...fields, ...own }, errorsAsText) + '\n')
  }
  return {
    debug: at('debug'),
    info: at('info'),
    warn: at('warn'),
    error: at('error'),
    child: (fields) => createLog(deps, { ...bound, ...fields }),
  }
}

const errorsAsText = (_key: string, value: unknown) =>
  value instanceof Error ? (value.stack ?? value.message) : typeof value === 'bigint' ? String(value) : value

/** For parts that are used without a log, such as the command line. */
export const silentLog: Log = {
  debug() {},
  info() {},
  warn() {},
  error() {},
  child: () => silentLog,
}
