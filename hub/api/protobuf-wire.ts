// protobuf-wire.ts - reads the four wire types of protobuf from a buffer, never past its end
import { badRequest } from '../../shared/kinds/status-error.ts'

export const VARINT = 0
const FIXED64 = 1
export const BYTES = 2
const FIXED32 = 5

/** A 64-bit varint has at most ten bytes; a longer one is an attack on the loop that reads it. */
const VARINT_BYTES_MAX = 10

export interface Tag {
  field: number
  wire: number
}

export interface WireReader {
  hasMore(): boolean
  tag(): Tag
  varint(): bigint
  double(): number
  bytes(): Buffer
  skip(wire: number): void
}

export function createWireReader(buffer: Buffer): WireReader {
  let at = 0
  const take = (length: number): number => {
    if (length < 0 || at + length > buffer.length) throw badRequest('error decoding: truncated protobuf')
    at += length
    return at - length
  }
  const varint = (): bigint => {
    let value = 0n
    for (let index = 0; index < VARINT_BYTES_MAX; index += 1) {
      const byte = buffer.readUInt8(take(1))
      value |= BigInt(byte & 0x7f) << BigInt(7 * index)
      if (byte < 0x80) return BigInt.asIntN(64, value)
    }
    throw badRequest('error decoding: protobuf varint is too long')
  }
  const bytes = (): Buffer => {
    const length = Number(varint())
    const start = take(length)
    return buffer.subarray(start, start + length)
  }
  return {
    hasMore: () => at < buffer.length,
    tag() {
      const tag = Number(varint())
      return { field: Math.floor(tag / 8), wire: tag & 7 }
    },
    varint,
    double: () => buffer.readDoubleLE(take(8)),
    bytes,
    skip(wire) {
      if (wire === VARINT) varint()
      else if (wire === FIXED64) take(8)
      else if (wire === BYTES) bytes()
      else if (wire === FIXED32) take(4)
      else throw badRequest('error decoding: unknown protobuf wire type')
    },
  }
}

/** The fields of a small message by number; the last of a repeated one wins. */
export function readFields(buffer: Buffer): {
  number(field: number): number
  bytes(field: number): Buffer | undefined
  size: number
} {
  const reader = createWireReader(buffer)
  const numbers = new Map<number, number>()
  const blobs = new Map<number, Buffer>()
  while (reader.hasMore()) {
    const { field, wire } = reader.tag()
    if (wire === VARINT) numbers.set(field, Number(reader.varint()))
    else if (wire === BYTES) blobs.set(field, reader.bytes())
    else reader.skip(wire)
  }
  return {
    number: (field) => numbers.get(field) ?? 0,
    bytes: (field) => blobs.get(field),
    size: numbers.size + blobs.size,
  }
}
