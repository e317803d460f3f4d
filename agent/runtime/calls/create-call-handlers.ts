// create-call-handlers.ts - answers the hub's calls with what the runtimes of this device can do
import type { Clock } from '../../../shared/clock.ts'
import {
  failed,
  FAILURE,
  type AnswerStream,
  type CallRequest,
  type CallResult,
} from '../../../shared/protocol/calls.ts'
import { RuntimeUnavailable, type Runtime } from '../runtime.ts'
import { CallFailure } from './call-failure.ts'
import { answerLogs } from './logs.ts'
import { answerPortForward } from './port-forward.ts'
import { answerAttach, answerExec } from './process-streams.ts'
import { createUsage } from './usage.ts'

export interface CallHandlersDeps {
  runtimes: readonly Runtime[]
  clock: Clock
  /** "default/web-1" for the uid of a pod that this device knows: for messages. */
  describePod: (uid: string) => string | undefined
}

export type CallHandler = (request: CallRequest, stream: AnswerStream, signal: AbortSignal) => Promise<CallResult>

export function createCallHandlers({ runtimes, clock, describePod }: CallHandlersDeps): CallHandler {
  const usage = createUsage({ runtimes, clock })
  const podName = (uid: string) => describePod(uid) ?? `with uid ${uid}`
  return async (request, stream, signal) => {
    const about = { runtimes, podName, stream, signal, clock }
    try {
      switch (request.kind) {
        case 'logs':
          return await answerLogs(request, about)
        case 'exec':
          return await answerExec(request, about)
        case 'attach':
          return await answerAttach(request, about)
        case 'portforward':
          return await answerPortForward(request, about)
        case 'usage':
          return { outcome: 'done', exitCode: 0, body: await usage.measure(signal) }
      }
    } catch (error) {
      if (error instanceof CallFailure) return failed(error.reason, error.message)
      if (error instanceof RuntimeUnavailable) return failed(FAILURE.unavailable, error.message)
      return failed('InternalError', error instanceof Error ? error.message : String(error))
    }
  }
}
