// frame-codec.ts - SPDY/3.1 frames: cut from the bytes of a connection, and written
export const CONTROL = { synStream: 1, synReply: 2, reset: 3, ping: 6, goAway: 7 } as const
export const FLAG_FIN = 1

const HEAD_BYTES = 8
const CONTROL_BIT = 0x80
const VERSION = 0x8003
const STREAM_ID_MASK = 0x7fff_ffff
/** Kubernetes' clients write at most 32 KiB a frame; this leaves room and keeps a hostile one from filling memory. */
const FRAME_BYTES_MAX = 1024 * 1024

export type SpdyFrame =
  | { kind: 'data'; streamId: number; isLast: boolean; data: Buffer }
  | { kind: 'control'; type: number; isLast: boolean; body: Buffer }

/** Feed it bytes as they come; it gives back the frames that are complete. Throws on a frame that is too large. */
export function createFrameReader(): (bytes: Uint8Array) => SpdyFrame[] {
  let rest: Buffer = Buffer.alloc(0)
  return (bytes) => {
    rest = rest.length > 0 ? Buffer.concat([rest, bytes]) : Buffer.from(bytes)
    const frames: SpdyFrame[] = []
    while (rest.length >= HEAD_BYTES) {
      const length = rest.readUIntBE(5, 3)
      if (length > FRAME_BYTES_MAX) throw new Error(`SPDY frame of ${length} bytes`)
      if (rest.length < HEAD_BYTES + length) break
      frames.push(frameOf(rest.subarray(0, HEAD_BYTES), rest.subarray(HEAD_BYTES, HEAD_BYTES + length)))
      rest = rest.subarray(HEAD_BYTES + length)
    }
    return frames
  }
}

function frameOf(head: Buffer, body: Buffer): SpdyFrame {
  const isLast = ((head[4] ?? 0) & FLAG_FIN) !== 0
  if (((head[0] ?? 0) & CONTROL_BIT) === 0) return { kind: 'data', streamId: streamIdAt(head, 0), isLast, data: body }
  return { kind: 'control', type: head.readUInt16BE(2), isLast, body }
}

export const streamIdAt = (bytes: Buffer, at: number): number => bytes.readUInt32BE(at) & STREAM_ID_MASK

export function controlFrame(type: number, body: Buffer): Buffer {
  const head = Buffer.alloc(HEAD_BYTES)
  head.writeUInt16BE(VERSION, 0)
  head.writeUInt16BE(type, 2)
  head.writeUIntBE(body.length, 5, 3)
  return Buffer.concat([head, body])
}

export function dataFrame(streamId: number, data: Uint8Array, isLast: boolean): Buffer {
  const head = Buffer.alloc(HEAD_BYTES)
  head.writeUInt32BE(streamId, 0)
  head[4] = isLast ? FLAG_FIN : 0
  head.writeUIntBE(data.byteLength, 5, 3)
  return Buffer.concat([head, data])
}

export function uint32s(...numbers: readonly number[]): Buffer {
  const bytes = Buffer.alloc(4 * numbers.length)
  numbers.forEach((number, index) => bytes.writeUInt32BE(number >>> 0, 4 * index))
  return bytes
}
