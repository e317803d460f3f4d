// logs.ts - answers a call for the logs of one container, of its newest attempt or the one before
import { CHANNEL, FAILURE, type CallRequest, type CallResult } from '../../../shared/protocol/calls.ts'
import { CallFailure } from './call-failure.ts'
import { attemptsOf, noContainer, type CallContext } from './find-container.ts'
import { flushed, frameWritable } from './frame-writable.ts'

type LogsCall = Extract<CallRequest, { kind: 'logs' }>

export async function answerLogs(request: LogsCall, context: CallContext): Promise<CallResult> {
  const { stream, signal, clock } = context
  const attempts = await attemptsOf(request, context.runtimes)
  const found = attempts[request.previous ? 1 : 0]
  if (!found && !request.previous) throw noContainer(request, context)
  if (!found)
    throw new CallFailure(
      FAILURE.badRequest,
      `previous terminated container "${request.container}" in pod "${context.podName(request.podUid)}" not found`,
    )
  await stream.begin()
  const out = frameWritable(stream, CHANNEL.stdout)
  const err = frameWritable(stream, CHANNEL.stderr)
  const { follow, timestamps, tailLines, limitBytes, sinceSeconds } = request
  const options = {
    // A container that ended says nothing more.
    follow: follow && found.container.state !== 'exited',
    timestamps,
    signal,
    ...(tailLines !== undefined && { tailLines }),
    ...(limitBytes !== undefined && { limitBytes }),
    ...(sinceSeconds !== undefined && { sinceMs: clock.wallMs() - sinceSeconds * 1000 }),
  }
  await found.runtime.logs(found.container.id, options, out, err)
  await flushed(out, err)
  return { outcome: 'done', exitCode: 0 }
}
