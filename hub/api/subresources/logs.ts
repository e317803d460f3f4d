// logs.ts - pods/log: streams what the node has, as plain text, for as long as the user and the credential hold
import type { ServerResponse } from 'node:http'
import type { Clock } from '../../../shared/clock.ts'
import { humanDuration } from '../../../shared/human-duration.ts'
import type { Pod } from '../../../shared/kinds/object.ts'
import { badRequest, StatusError } from '../../../shared/kinds/status-error.ts'
import { CHANNEL, type CallRequest, type NodeCalls } from '../../../shared/protocol/calls.ts'
import type { Reader } from '../../store/store.ts'
import type { ApiCall, Handler } from '../extension.ts'
import { count, flag } from '../query.ts'
import type { Lease, Leases } from '../streams/leases.ts'
import { createLogTails, partOfTail } from './log-tails.ts'
import { containerOf, nodeOf, podOf } from './pod-target.ts'

export interface LogsDeps {
  objects: Reader
  calls: NodeCalls
  leases: Leases
  clock: Clock
}

export function createLogsHandler({ objects, calls, leases, clock }: LogsDeps): Handler {
  const tails = createLogTails(clock)

  /** A device that is away cannot be asked; what passed here before is better than nothing, if its age is told. */
  function answerFromTail(call: ApiCall, response: ServerResponse, request: LogsRequest, error: unknown): void {
    const tail = tails.find(tailKey(request))
    const isAway = error instanceof StatusError && (error.code === 503 || error.code === 504)
    // Nobody can say which of the lines are younger than a moment.
    if (!isAway || !tail || request.sinceSeconds !== undefined || response.destroyed) throw error
    const age = humanDuration(clock.monoMs() - tail.atMonoMs)
    call.warn(`these lines are ${age} old: the last that passed through the hub`)
    call.warn(error.message)
    response.writeHead(200, { 'content-type': 'text/plain' })
    response.end(partOfTail(tail.bytes, request))
  }

  return async (call, response) => {
    const pod = podOf(call, objects)
    const container = containerOf(pod, call.query.get('container'))
    const node = nodeOf(pod)
    const request = logsRequest(call, pod, container, clock.wallMs())
    const lease = leases.take(call.user, { idles: false })
    const abort = new AbortController()
    response.once('close', () => abort.abort())
    try {
      const stream = await calls.open(node, request, abort.signal).catch(explainedBy(pod, container))
      await streamLogs(stream, response, lease, tails.record(tailKey(request)))
    } catch (error) {
      if (response.headersSent) throw error
      answerFromTail(call, response, request, error)
    } finally {
      lease.release()
    }
  }
}

async function streamLogs(
  stream: Awaited<ReturnType<NodeCalls['open']>>,
  response: ServerResponse,
  lease: Lease,
  record: (data: Uint8Array) => void,
): Promise<void> {
  response.writeHead(200, { 'content-type': 'text/plain' })
  // At once: `kubectl logs -f` on a silent container must know that it is connected.
  response.flushHeaders()
  stream.onFrame(async (channel, data) => {
    if (channel !== CHANNEL.stdout && channel !== CHANNEL.stderr) return
    record(data)
    await written(response, data)
  })
  const result = await Promise.race([stream.ended, lease.ended])
  stream.close()
  // The status line is long gone: an answer that breaks off is how HTTP says "that is not all".
  const isWhole = !(result instanceof StatusError) && result.outcome === 'done'
  if (isWhole) response.end()
  else response.destroy()
}

/** Waits while the user reads slowly; rejects when the user is gone. */
function written(response: ServerResponse, data: Uint8Array): Promise<void> {
  return new Promise((resolve, reject) => {
    if (response.destroyed) return reject(new Error('the client is gone'))
    response.write(data, (error) => (error ? reject(error) : resolve()))
  })
}

/** Requests that read the same lines in the same form. */
const tailKey = ({ podUid, container, previous, timestamps }: LogsRequest): string =>
  [podUid, container, previous, timestamps].join(' ')

type LogsRequest = Extract<CallRequest, { kind: 'logs' }>

function logsRequest({ query }: ApiCall, pod: Pod, container: string, nowWallMs: number): LogsRequest {
  const tailLines = count(query, 'tailLines')
  const limitBytes = count(query, 'limitBytes')
  const sinceSeconds = sinceOf(query, nowWallMs)
  return {
    kind: 'logs',
    podUid: pod.metadata.uid,
    container,
    follow: flag(query, 'follow'),
    previous: flag(query, 'previous'),
    timestamps: flag(query, 'timestamps'),
    ...(tailLines !== undefined && { tailLines }),
    ...(limitBytes !== undefined && { limitBytes }),
    ...(sinceSeconds !== undefined && { sinceSeconds }),
  }
}

/** A moment becomes an age here, because the device's clock may say another year. */
function sinceOf(query: URLSearchParams, nowWallMs: number): number | undefined {
  const moment = query.get('sinceTime')
  const seconds = count(query, 'sinceSeconds')
  if (!moment) return seconds
  if (seconds !== undefined) throw badRequest('at most one of `sinceTime` or `sinceSeconds` may be specified')
  const atMs = Date.parse(moment)
  if (Number.isNaN(atMs)) throw badRequest(`invalid value for sinceTime: ${JSON.stringify(moment)}`)
  return Math.max(0, (nowWallMs - atMs) / 1000)
}

/** "Not found" from the node means "not made yet", and the pod's status says why; of a pod that goes it means "gone". */
const explainedBy =
  (pod: Pod, container: string) =>
  (error: unknown): never => {
    if (!(error instanceof StatusError) || error.code !== 404 || pod.metadata.deletionTimestamp) throw error
    const { initContainerStatuses = [], containerStatuses = [] } = pod.status ?? {}
    const status = [...initContainerStatuses, ...containerStatuses].find(({ name }) => name === container)
    const reason = status?.state?.waiting?.reason ?? 'ContainerCreating'
    throw badRequest(`container "${container}" in pod "${pod.metadata.name}" is waiting to start: ${reason}`)
  }
