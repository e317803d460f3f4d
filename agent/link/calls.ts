// calls.ts - answers the hub's calls: each taken once, in its own session and in time, over a WebSocket that we open
import { sleep, type Clock } from '../../shared/clock.ts'
import type { Log } from '../../shared/log.ts'
import {
  CHANNEL,
  failed,
  type AnswerStream,
  type CallMessage,
  type CallRequest,
  type CallResult,
} from '../../shared/protocol/calls.ts'
import { decodeFrame, encodeFrame, pieces } from '../../shared/protocol/frames.ts'
import type { MessageSocket } from '../../shared/protocol/message-socket.ts'

/** The hub keeps the same limit; more than this comes only from a hub gone wrong. */
const CALLS_MAX = 64
/** A hub that names a longer time is not believed. */
const TTL_MS_MAX = 60_000

export interface CallServerDeps {
  /** Opens a WebSocket to the hub's `/agent/streams/<id>`, showing our certificate. */
  openStream: (id: string, signal: AbortSignal) => Promise<MessageSocket>
  handle: (request: CallRequest, stream: AnswerStream, signal: AbortSignal) => Promise<CallResult>
  clock: Clock
  log: Log
}

export interface CallServer {
  /** A verified call, and the number of the session that we are in. */
  take(message: CallMessage, session: number): void
  /** Ends all that run. */
  stop(): Promise<void>
  counts(): { running: number; refused: number }
}

export function createCallServer({ openStream, handle, clock, log }: CallServerDeps): CallServer {
  const running = new Map<AbortController, Promise<void>>()
  /** Numbers grow within a session, so one is enough to know a repeated message. */
  let newest = { session: -1, number: -1 }
  let refused = 0

  function whyNot(message: CallMessage, session: number): string | undefined {
    if (message.session !== session) return 'it was made for another session'
    if (message.session === newest.session && message.number <= newest.number) return 'its number was taken before'
    if (running.size >= CALLS_MAX) return `${CALLS_MAX} calls are being answered already`
    return undefined
  }

  async function answer(message: CallMessage, abort: AbortController): Promise<void> {
    const socket = await openInTime(message, abort.signal)
    void socket.closed.then(() => abort.abort())
    const stream = createAnswerStream(socket)
    const result = await handle(message.request, stream, abort.signal).catch((error: unknown) =>
      failed('InternalError', error instanceof Error ? error.message : String(error)),
    )
    // The hub may be gone by now; then nobody waits for the result.
    if (abort.signal.aborted) return socket.terminate()
    await stream.send(CHANNEL.result, new TextEncoder().encode(JSON.stringify(result)))
    socket.close()
    await socket.closed
  }

  /** The time to live counts from receipt, on our monotonic clock: our wall clock may be wrong by years. */
  async function openInTime(message: CallMessage, signal: AbortSignal): Promise<MessageSocket> {
    const over = new AbortController()
    const lapsed = new AbortController()
    void sleep(clock, Math.min(message.ttlMs, TTL_MS_MAX), over.signal).then(() => lapsed.abort())
    try {
      return await openStream(message.id, AbortSignal.any([signal, lapsed.signal]))
    } finally {
      over.abort()
    }
  }

  return {
    take(message, session) {
      const why = whyNot(message, session)
      if (why) {
        refused += 1
        log.warn({ kind: message.request.kind, number: message.number, why }, 'refused a call of the hub')
        return
      }
      newest = { session: message.session, number: message.number }
      const abort = new AbortController()
      const work = answer(message, abort)
        .catch((error: unknown) => log.warn({ kind: message.request.kind, error }, 'a call of the hub broke off'))
        .finally(() => running.delete(abort))
      running.set(abort, work)
    },
    async stop() {
      const all = [...running]
      for (const [abort] of all) abort.abort()
      await Promise.all(all.map(([, work]) => work))
    },
    counts: () => ({ running: running.size, refused }),
  }
}

function createAnswerStream(socket: MessageSocket): AnswerStream {
  const send = async (channel: number, data: Uint8Array) => {
    // A result is one frame, whatever its size; empty frames say that a channel begins or ends.
    if (data.byteLength === 0 || channel === CHANNEL.result) return socket.send(encodeFrame(channel, data))
    for (const piece of pieces(data)) await socket.send(encodeFrame(channel, piece))
  }
  return {
    begin: () => send(CHANNEL.started, new Uint8Array(0)),
    send,
    onFrame: (listener) =>
      socket.onMessage(async (message) => {
        const frame = decodeFrame(message)
        if (!frame) throw new Error('the hub sent a frame that is not part of the protocol')
        await listener(frame.channel, frame.data)
      }),
  }
}
