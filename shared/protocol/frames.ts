// frames.ts - how one call's channels share a WebSocket: a byte that names the channel, then the bytes
import { CHANNEL } from './calls.ts'

/** Larger writes are cut: one channel must not hold back the others for long, and buffers stay small. */
export const FRAME_DATA_BYTES_MAX = 64 * 1024
/** Nothing larger is taken from the wire. Only a result (usage of a full node) comes near it. */
export const MESSAGE_BYTES_MAX = 1024 * 1024

export interface Frame {
  channel: number
  data: Uint8Array
}

const CHANNEL_LAST = Math.max(...Object.values(CHANNEL))

export function encodeFrame(channel: number, data: Uint8Array): Uint8Array {
  const frame = new Uint8Array(data.byteLength + 1)
  frame[0] = channel
  frame.set(data, 1)
  return frame
}

/** undefined for what no version of the protocol sends. */
export function decodeFrame(message: Uint8Array): Frame | undefined {
  const channel = message[0]
  if (channel === undefined || channel > CHANNEL_LAST) return undefined
  return { channel, data: message.subarray(1) }
}

export function* pieces(data: Uint8Array, maxBytes = FRAME_DATA_BYTES_MAX): Generator<Uint8Array> {
  for (let at = 0; at < data.byteLength; at += maxBytes) yield data.subarray(at, at + maxBytes)
}
