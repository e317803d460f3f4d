// session.ts - a SPDY/3.1 server session: what kubectl's port-forward speaks, and its exec before 1.30
import type { MessageSocket } from '../../../../shared/protocol/message-socket.ts'
import {
  CONTROL,
  controlFrame,
  createFrameReader,
  dataFrame,
  streamIdAt,
  uint32s,
  type SpdyFrame,
} from './frame-codec.ts'
import { createHeaderCodec } from './header-codec.ts'
import { createSpdyStream, type IncomingStream, type SpdyStream } from './stream.ts'

/** Two a forwarded connection; browsers behind one port-forward open some dozens. */
const STREAMS_MAX = 512
/** Where the headers begin in a SYN_STREAM: after stream id, associated id, priority and slot. */
const SYN_HEADERS_AT = 10
const RST_CANCEL = 5
const DATA_BYTES_MAX = 64 * 1024

/** What carries the bytes: a raw connection, or WebSocket messages. */
export type SpdyTransport = Pick<MessageSocket, 'send' | 'onMessage' | 'closed' | 'close' | 'terminate'>

export interface SpdySession {
  /** Says good-bye; the client closes the connection, having read everything. */
  goAway(): Promise<void>
}

export function createSpdySession(transport: SpdyTransport, onStream: (stream: SpdyStream) => void): SpdySession {
  const streams = new Map<number, IncomingStream>()
  const codec = createHeaderCodec()
  const read = createFrameReader()
  let newestId = 0

  const sink = {
    async data(streamId: number, data: Uint8Array, isLast: boolean) {
      for (let at = 0; at === 0 || at < data.byteLength; at += DATA_BYTES_MAX) {
        const piece = data.subarray(at, at + DATA_BYTES_MAX)
        await transport.send(dataFrame(streamId, piece, isLast && at + DATA_BYTES_MAX >= data.byteLength))
      }
      forgetIfDone(streamId)
    },
    async reset(streamId: number) {
      streams.delete(streamId)
      await transport.send(controlFrame(CONTROL.reset, uint32s(streamId, RST_CANCEL)))
    },
  }
  function forgetIfDone(streamId: number) {
    if (streams.get(streamId)?.isDone) streams.delete(streamId)
  }

  async function openStream(body: Buffer, isLast: boolean) {
    const id = streamIdAt(body, 0)
    // Also those of refused streams: the compression's state runs through all of them.
    const headers = await codec.decode(body.subarray(SYN_HEADERS_AT))
    if (id <= newestId) throw new Error('SPDY stream ids must grow')
    newestId = id
    if (streams.size >= STREAMS_MAX) return sink.reset(id)
    const incoming = createSpdyStream(id, headers, sink)
    streams.set(id, incoming)
    if (isLast) incoming.endInput()
    await transport.send(controlFrame(CONTROL.synReply, Buffer.concat([uint32s(id), await codec.encodeEmpty()])))
    onStream(incoming.stream)
  }

  async function take(frame: SpdyFrame): Promise<void> {
    if (frame.kind === 'data') {
      const incoming = streams.get(frame.streamId)
      if (frame.data.length > 0) await incoming?.push(frame.data)
      if (frame.isLast) incoming?.endInput()
      return forgetIfDone(frame.streamId)
    }
    switch (frame.type) {
      case CONTROL.synStream:
        return openStream(frame.body, frame.isLast)
      case CONTROL.reset:
        streams.get(streamIdAt(frame.body, 0))?.breakOff()
        streams.delete(streamIdAt(frame.body, 0))
        return
      case CONTROL.ping:
        return transport.send(controlFrame(CONTROL.ping, frame.body))
      case CONTROL.goAway:
        return transport.close()
      default:
        // SETTINGS, WINDOW_UPDATE and the like say nothing that we act on.
        return
    }
  }

  // A throw from here ends the connection: bytes that are not SPDY cannot be answered in SPDY.
  transport.onMessage(async (bytes) => {
    for (const frame of read(bytes)) await take(frame)
  })
  void transport.closed.then(() => {
    for (const incoming of streams.values()) incoming.breakOff()
    streams.clear()
    codec.close()
  })

  return {
    goAway: () => transport.send(controlFrame(CONTROL.goAway, uint32s(newestId, 0))),
  }
}
