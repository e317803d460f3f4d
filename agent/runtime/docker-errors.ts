// docker-errors.ts - tells apart "this cannot be done" from "the engine does not answer"
import { RuntimeUnavailable } from './runtime.ts'

/** The engine answered with a status that is not a success. */
export class EngineError extends Error {
  override readonly name = 'EngineError'
  readonly status: number
  constructor(status: number, message: string) {
    super(message)
    this.status = status
  }
}

/** What docker-modem hangs on its errors. */
interface ModemError {
  statusCode?: unknown
  json?: unknown
  message: string
}

/** Everything without an HTTP status is the connection: refused, reset, no socket, no permission, timed out. */
export function toEngineError(what: string, error: unknown): EngineError | RuntimeUnavailable {
  if (error instanceof EngineError || error instanceof RuntimeUnavailable) return error
  if (!(error instanceof Error)) return new RuntimeUnavailable(`${what}: ${String(error)}`)
  const { statusCode, json, message }: ModemError = error
  if (typeof statusCode !== 'number') return new RuntimeUnavailable(`${what}: ${message}`, { cause: error })
  return new EngineError(statusCode, (textIn(json) ?? withoutPrefix(message)).trim())
}

/** Server errors of an engine that is going down or has lost its other half, not of the container asked for. */
const ENGINE_TROUBLE =
  /containerd: |transport is closing|connection refused|connection error|deadline exceeded|shutting down|daemon is not running/i

export const isEngineTrouble = (error: EngineError) =>
  error.status === 502 || error.status === 503 || error.status === 504 || isTroubleText(error)

const isTroubleText = ({ status, message }: EngineError) => status >= 500 && ENGINE_TROUBLE.test(message)

/** For calls where a server error says nothing about one container: the engine itself is not well. */
export function asUnavailable(error: unknown): unknown {
  if (!(error instanceof EngineError) || error.status < 500) return error
  return new RuntimeUnavailable(`the container engine answered ${error.status}: ${error.message}`)
}

export const isStatus = (error: unknown, ...statuses: number[]): error is EngineError =>
  error instanceof EngineError && statuses.includes(error.status)

/** Podman answers 500 where Docker answers 409. */
export const isNameConflict = (error: unknown): error is EngineError =>
  isStatus(error, 409, 500) && /already in use/i.test(error.message)

export const isNotRunning = (error: unknown): error is EngineError =>
  isStatus(error, 304, 404) ||
  (isStatus(error, 409, 500) && /not running|only kill running|no such (process|container)/i.test(error.message))

function textIn(json: unknown): string | undefined {
  if (typeof json !== 'object' || json === null || !('message' in json)) return undefined
  return typeof json.message === 'string' ? json.message : undefined
}

const withoutPrefix = (message: string) => message.replace(/^\(HTTP code \d+\) [^-]* - /, '')
