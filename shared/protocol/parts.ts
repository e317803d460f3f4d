// parts.ts - cuts a sealed message that is larger than one packet into numbered parts, and puts them together again
import { createHash } from 'node:crypto'
import { CODEC } from './envelope.ts'

/** The largest MQTT packet that the hub lets an enrolled device send, and that it sends itself. */
export const PACKET_BYTES_MAX = 256 * 1024
/** The same before a client is known: a CONNECT with its will is far smaller. */
export const CONNECT_BYTES_MAX = 16 * 1024
/** MQTT's fixed header, the topic and the packet id. */
const OVERHEAD_BYTES = 512
const HEAD_BYTES = 9
const CHUNK_BYTES = PACKET_BYTES_MAX - OVERHEAD_BYTES - HEAD_BYTES
/** Deflate never expands by more than a few bytes, so the largest state fits. */
const PARTS_MAX = 40

/** One packet as it is, or several: codec byte, id of the whole (4), index (2), count (2), chunk. */
export function splitParts(sealed: Buffer): Buffer[] {
  if (sealed.length <= PACKET_BYTES_MAX - OVERHEAD_BYTES) return [sealed]
  const id = createHash('sha256').update(sealed).digest().readUInt32BE(0)
  const count = Math.ceil(sealed.length / CHUNK_BYTES)
  return Array.from({ length: count }, (_, index) => {
    const head = Buffer.alloc(HEAD_BYTES)
    head[0] = CODEC.part
    head.writeUInt32BE(id, 1)
    head.writeUInt16BE(index, 5)
    head.writeUInt16BE(count, 7)
    return Buffer.concat([head, sealed.subarray(index * CHUNK_BYTES, (index + 1) * CHUNK_BYTES)])
  })
}

export interface Assembler {
  /** The whole sealed message once its last part is here; undefined while parts are missing or when they are nonsense. */
  add(packet: Buffer): Buffer | undefined
}

/** Holds the parts of one message: a part of another starts anew. A whole one passes through. */
export function createAssembler(): Assembler {
  let current: { id: number; chunks: (Buffer | undefined)[] } | undefined
  return {
    add(packet) {
      if (packet[0] !== CODEC.part) return packet
      if (packet.length <= HEAD_BYTES) return undefined
      const [id, index, count] = [packet.readUInt32BE(1), packet.readUInt16BE(5), packet.readUInt16BE(7)]
      if (count > PARTS_MAX || index >= count) return undefined
      if (current?.id !== id || current.chunks.length !== count) {
        current = { id, chunks: Array.from({ length: count }, () => undefined) }
      }
      current.chunks[index] = packet.subarray(HEAD_BYTES)
      const chunks = current.chunks.filter((chunk) => chunk !== undefined)
      if (chunks.length < count) return undefined
      current = undefined
      return Buffer.concat(chunks)
    },
  }
}
