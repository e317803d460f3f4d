// process-streams.ts - answers exec and attach: frames to and from a process's own streams, its terminal's size
import { PassThrough } from 'node:stream'
import * as v from 'valibot'
import {
  CHANNEL,
  resizeBody,
  type AnswerStream,
  type CallRequest,
  type CallResult,
} from '../../../shared/protocol/calls.ts'
import { FRAME_DATA_BYTES_MAX } from '../../../shared/protocol/frames.ts'
import { runningContainer, type CallContext } from './find-container.ts'
import { flushed, frameWritable } from './frame-writable.ts'

type ExecCall = Extract<CallRequest, { kind: 'exec' }>
type AttachCall = Extract<CallRequest, { kind: 'attach' }>
type ResizeListener = (columns: number, rows: number) => void

export async function answerExec(request: ExecCall, context: CallContext): Promise<CallResult> {
  const { runtime, container } = await runningContainer(request, context)
  await context.stream.begin()
  const io = processStreams(request, context)
  try {
    const exitCode = await runtime.exec(container.id, { ...io.request, command: request.command })
    await flushed(io.request.stdout, io.request.stderr)
    return { outcome: 'done', exitCode }
  } finally {
    io.end()
  }
}

export async function answerAttach(request: AttachCall, context: CallContext): Promise<CallResult> {
  const { runtime, container } = await runningContainer(request, context)
  await context.stream.begin()
  const io = processStreams(request, context)
  try {
    await runtime.attach(container.id, io.request)
    await flushed(io.request.stdout, io.request.stderr)
    return { outcome: 'done', exitCode: 0 }
  } finally {
    io.end()
  }
}

function processStreams(wanted: ExecCall | AttachCall, { stream, signal }: CallContext) {
  const stdin = wanted.stdin ? new PassThrough({ highWaterMark: FRAME_DATA_BYTES_MAX }) : undefined
  // A terminal has one output: what the process writes to stderr comes out with the rest.
  const stderr = wanted.stderr && !wanted.tty ? frameWritable(stream, CHANNEL.stderr) : undefined
  const stdout = wanted.stdout ? frameWritable(stream, CHANNEL.stdout) : undefined
  const resize = resizeRelay()
  listenForInput(stream, stdin, (data) => resize.take(data))
  const end = () => stdin?.destroy()
  signal.addEventListener('abort', end, { once: true })
  return {
    request: {
      tty: wanted.tty,
      signal,
      onResize: (listener: ResizeListener) => resize.onResize(listener),
      ...(stdin && { stdin }),
      ...(stdout && { stdout }),
      ...(stderr && { stderr }),
    },
    end,
  }
}

function listenForInput(
  stream: AnswerStream,
  stdin: PassThrough | undefined,
  resize: (data: Uint8Array) => void,
): void {
  stream.onFrame(async (channel, data) => {
    if (channel === CHANNEL.resize) return resize(data)
    if (!stdin || stdin.destroyed || stdin.writableEnded) return
    if (channel === CHANNEL.stdinEnd) stdin.end()
    if (channel === CHANNEL.stdin && !stdin.write(data)) await roomIn(stdin)
  })
}

/** Also when it will never be read again: then nothing must wait for it. */
const roomIn = (stdin: PassThrough): Promise<void> =>
  new Promise((resolve) => {
    const done = () => {
      stdin.off('drain', done).off('close', done)
      resolve()
    }
    stdin.on('drain', done).on('close', done)
  })

/** The first size often comes before the runtime listens: the newest is kept for it. */
function resizeRelay() {
  let newest: { columns: number; rows: number } | undefined
  let listener: ResizeListener | undefined
  return {
    take(data: Uint8Array) {
      newest = v.parse(resizeBody, JSON.parse(new TextDecoder().decode(data)))
      listener?.(newest.columns, newest.rows)
    },
    onResize(next: ResizeListener) {
      listener = next
      if (newest) next(newest.columns, newest.rows)
    },
  }
}
