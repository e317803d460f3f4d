// stream.ts - one stream of a SPDY session: a queue that holds back the whole connection only when it is full
import { deferred, type Deferred } from '../../../../shared/deferred.ts'
import type { Headers } from './header-codec.ts'

/**
 * SPDY as Kubernetes speaks it has no flow control per stream. So one stream whose reader is slow may keep this much;
 * then the connection stops being read, because the other way is memory without an end.
 */
const QUEUE_BYTES_MAX = 256 * 1024

export interface SpdyStream {
  readonly id: number
  readonly headers: Headers
  /** Waits for the client; rejects when it is gone. */
  write(data: Uint8Array): Promise<void>
  /** Nothing more from us. */
  end(): Promise<void>
  reset(): Promise<void>
  /** One listener; `undefined` says that the client's side has ended. Its promise holds back what follows. */
  onData(listener: (data: Uint8Array | undefined) => void | Promise<void>): void
  /** Resolves when the client reset the stream, or the connection is gone. */
  readonly broken: Promise<void>
}

export interface StreamSink {
  data(streamId: number, data: Uint8Array, isLast: boolean): Promise<void>
  reset(streamId: number): Promise<void>
}

/** The session's side: what came in is put here; waits while the queue is full. */
export interface IncomingStream {
  stream: SpdyStream
  push(data: Uint8Array): Promise<void>
  endInput(): void
  breakOff(): void
  readonly isDone: boolean
}

type Listener = (data: Uint8Array | undefined) => void | Promise<void>

export function createSpdyStream(id: number, headers: Headers, sink: StreamSink): IncomingStream {
  const listener: Deferred<Listener> = deferred<Listener>()
  const broken = deferred()
  const state = { queuedBytes: 0, isInputOver: false, isOutputOver: false, isBroken: false }
  let room = deferred()
  let tail: Promise<void> = Promise.resolve()

  const breakOff = () => {
    state.isBroken = true
    broken.resolve()
    room.resolve()
  }
  const deliver = (data: Uint8Array | undefined) => {
    tail = tail
      .then(async () => {
        const listen = await Promise.race([listener.promise, broken.promise])
        if (listen && !state.isBroken) await listen(data)
      })
      // A listener that fails has lost its other side: the client learns that by a reset.
      .catch(async () => {
        breakOff()
        await sink.reset(id).catch(() => undefined)
      })
      .then(() => {
        state.queuedBytes -= data?.byteLength ?? 0
        room.resolve()
      })
  }

  return {
    stream: {
      id,
      headers,
      write: (data) => sink.data(id, data, false),
      async end() {
        if (state.isOutputOver) return
        state.isOutputOver = true
        await sink.data(id, new Uint8Array(0), true)
      },
      async reset() {
        breakOff()
        await sink.reset(id)
      },
      onData: listener.resolve,
      broken: broken.promise,
    },
    async push(data) {
      if (state.isBroken || state.isInputOver) return
      state.queuedBytes += data.byteLength
      deliver(data)
      while (state.queuedBytes > QUEUE_BYTES_MAX && !state.isBroken) {
        room = deferred()
        await room.promise
      }
    },
    endInput() {
      if (state.isInputOver) return
      state.isInputOver = true
      deliver(undefined)
    },
    breakOff,
    get isDone() {
      return state.isBroken || (state.isInputOver && state.isOutputOver)
    },
  }
}
