// call-errors.ts - what a user is told when a call to a node cannot be made: what, why, and what to do
import { rfc3339 } from '../../shared/clock.ts'
import { StatusError, tooManyRequests } from '../../shared/kinds/status-error.ts'
import { FAILURE, type CallRequest, type CallResult } from '../../shared/protocol/calls.ts'

const WHAT: Record<CallRequest['kind'], string> = {
  logs: 'its logs cannot be read',
  exec: 'nothing can be executed on it',
  attach: 'nothing can be attached to',
  portforward: 'no port of it can be forwarded',
  usage: 'its usage cannot be measured',
}

/** Since when, on the hub's wall clock; absent for a node that has never been heard of. */
export function notConnected(
  node: string,
  kind: CallRequest['kind'],
  lastHeardWallMs: number | undefined,
  nowWallMs: number,
) {
  const since =
    lastHeardWallMs === undefined
      ? 'and has never been heard of'
      : `and was last heard of at ${rfc3339(lastHeardWallMs)} (${inWords(nowWallMs - lastHeardWallMs)} ago)`
  const text = `node "${node}" is not connected to the hub ${since}: ${WHAT[kind]} until it is back. Its containers go on running; see: kubectl describe node ${node}`
  return new StatusError(503, 'ServiceUnavailable', text)
}

export const noAnswer = (node: string, kind: CallRequest['kind'], waitedMs: number) =>
  new StatusError(
    504,
    'Timeout',
    `node "${node}" took the request and did not answer within ${waitedMs / 1000} s, so ${WHAT[kind]} now: it may have lost its link just now, or cannot reach the hub's HTTPS port. Try again; see: kubectl describe node ${node}`,
  )

export const tooManyCalls = (node: string, limit: number) =>
  tooManyRequests(
    `node "${node}" already serves ${limit} streams (logs, exec, port-forward), which is the limit: close some`,
    5,
  )

const CODES: Record<string, number> = {
  [FAILURE.notFound]: 404,
  [FAILURE.badRequest]: 400,
  [FAILURE.unavailable]: 503,
  [FAILURE.timeout]: 504,
}

/** A result that came instead of a beginning. */
export function refusedBy(node: string, result: Extract<CallResult, { outcome: 'failed' }>): StatusError {
  const code = CODES[result.reason]
  if (code) return new StatusError(code, result.reason, result.message)
  return new StatusError(500, 'InternalError', `node "${node}": ${result.message}`)
}

function inWords(ms: number): string {
  const seconds = Math.max(0, Math.round(ms / 1000))
  if (seconds < 120) return `${seconds} s`
  if (seconds < 2 * 3600) return `${Math.round(seconds / 60)} min`
  return `${Math.round(seconds / 3600)} h`
}
