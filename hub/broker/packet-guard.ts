// packet-guard.ts - reads the length in each MQTT packet's header, so that nobody makes the parser buffer more than is allowed

export interface PacketGuard {
  /** False as soon as a header announces more than the limit, or a length that is none. */
  admits(chunk: Uint8Array): boolean
}

/** MQTT writes a length in at most four bytes of seven bits. */
const LENGTH_BYTES_MAX = 4

export function createPacketGuard(limitBytes: () => number): PacketGuard {
  let bodyBytesLeft = 0
  /** undefined: the next byte begins a packet. */
  let length: { value: number; bytes: number } | undefined

  return {
    admits(chunk) {
      let at = 0
      while (at < chunk.length) {
        if (bodyBytesLeft > 0) {
          const step = Math.min(bodyBytesLeft, chunk.length - at)
          bodyBytesLeft -= step
          at += step
          continue
        }
        const byte = chunk[at++] ?? 0
        if (!length) {
          length = { value: 0, bytes: 0 }
          continue
        }
        length = { value: length.value + (byte & 0x7f) * 128 ** length.bytes, bytes: length.bytes + 1 }
        const isLast = (byte & 0x80) === 0
        if (!isLast && length.bytes >= LENGTH_BYTES_MAX) return false
        if (!isLast) continue
        if (length.value > limitBytes()) return false
        bodyBytesLeft = length.value
        length = undefined
      }
      return true
    },
  }
}
