// envelope.ts - the bytes of a message: codec, dictionary, signature, deflated body; verified as received, parsed afterwards
import { deflateRawSync, inflateRawSync } from 'node:zlib'
import { PLAIN, type Dictionary } from './dictionary.ts'
import { KEY_ID_BYTES, SIGNATURE_BYTES, type Signer, type Verifier } from './signing.ts'

/** First byte of every packet; `part` is in parts.ts. */
export const CODEC = { unsigned: 1, signed: 2, part: 3 } as const

const DICTIONARY_AT = 1
const BODY_AT = 5
const SIGNATURE_AT = BODY_AT + KEY_ID_BYTES
const SIGNED_BODY_AT = SIGNATURE_AT + SIGNATURE_BYTES

/** 500 pods with their ConfigMaps and Secrets; what is larger is refused when it is built. */
export const STATE_BYTES_MAX = 8 * 1024 * 1024
/** 1,000 pod reports of 2 KiB. */
export const STATUS_BYTES_MAX = 2 * 1024 * 1024
/** 256 journal entries of 2 KiB need half of it; everything else is smaller by far. */
export const MESSAGE_BYTES_MAX = 1024 * 1024

export const inflatedBytesMax = (what: string): number =>
  what === 'state' || what === 'held' ? STATE_BYTES_MAX : what === 'status' ? STATUS_BYTES_MAX : MESSAGE_BYTES_MAX

export interface Seal {
  topic: string
  body: Uint8Array
  /** Absent: plain, readable by anybody. */
  dictionary?: Dictionary | undefined
  /** What goes up is unsigned: the client's certificate vouches for it. */
  signer?: Signer
}

export function seal({ topic, body, dictionary, signer }: Seal): Buffer {
  const head = Buffer.alloc(signer ? SIGNED_BODY_AT : BODY_AT)
  head[0] = signer ? CODEC.signed : CODEC.unsigned
  head.writeUInt32BE(dictionary?.id ?? PLAIN, DICTIONARY_AT)
  if (signer) {
    head.writeUInt32BE(signer.keyId, BODY_AT)
    head.set(signer.sign(topic, body), SIGNATURE_AT)
  }
  return Buffer.concat([head, deflate(body, dictionary?.bytes)])
}

export type Refusal = 'malformed' | 'too large' | 'unknown dictionary' | 'unsigned' | 'unknown key' | 'bad signature'
export type Opened = { ok: true; body: Buffer; keyRank: number } | { ok: false; why: Refusal }

export interface Open {
  topic: string
  packet: Uint8Array
  bytesMax: number
  dictionaries(id: number): Uint8Array | undefined
  /** When given, only what one of its keys has signed is opened. */
  verifier?: Verifier
}

export function open({ topic, packet, bytesMax, dictionaries, verifier }: Open): Opened {
  const bytes = Buffer.from(packet.buffer, packet.byteOffset, packet.length)
  const isSigned = bytes[0] === CODEC.signed
  if ((!isSigned && bytes[0] !== CODEC.unsigned) || bytes.length <= (isSigned ? SIGNED_BODY_AT : BODY_AT)) {
    return { ok: false, why: 'malformed' }
  }
  if (verifier && !isSigned) return { ok: false, why: 'unsigned' }
  const id = bytes.readUInt32BE(DICTIONARY_AT)
  const dictionary = id === PLAIN ? undefined : dictionaries(id)
  if (id !== PLAIN && !dictionary) return { ok: false, why: 'unknown dictionary' }
  const inflated = inflate(bytes.subarray(isSigned ? SIGNED_BODY_AT : BODY_AT), bytesMax, dictionary)
  if (typeof inflated === 'string') return { ok: false, why: inflated }
  if (!verifier) return { ok: true, body: inflated, keyRank: 0 }
  const signature = bytes.subarray(SIGNATURE_AT, SIGNED_BODY_AT)
  const verification = verifier.verify(bytes.readUInt32BE(BODY_AT), topic, inflated, signature)
  return verification.ok ? { ok: true, body: inflated, keyRank: verification.keyRank } : verification
}

/**
 * The same signed message without a dictionary: what is kept must be readable when everything else is lost. The signature
 * covers the uncompressed bytes, so it holds.
 */
export function withoutDictionary(packet: Buffer, body: Uint8Array): Buffer {
  const head = Buffer.from(packet.subarray(0, packet[0] === CODEC.signed ? SIGNED_BODY_AT : BODY_AT))
  head.writeUInt32BE(PLAIN, DICTIONARY_AT)
  return Buffer.concat([head, deflate(body)])
}

/** Nearly every message is small: zlib's own sizes would have memory for long ones made and thrown away for each. */
const CHUNK_BYTES = { min: 64, max: 16_384 }
const chunkSize = (bytes: number) => Math.min(Math.max(bytes, CHUNK_BYTES.min), CHUNK_BYTES.max)
const WINDOW_BITS = { small: 13, whole: 15 }
/** Deflate does not look back to the very end of its window. */
const LOOKAHEAD_BYTES = 262
/** With a dictionary a report of many pods that say the same comes out at a fiftieth of its size. */
const INFLATES_TO = 64

function deflate(body: Uint8Array, dictionary?: Uint8Array): Buffer {
  const isSmall = body.length + (dictionary?.length ?? 0) <= 2 ** WINDOW_BITS.small - LOOKAHEAD_BYTES
  return deflateRawSync(body, {
    level: 9,
    windowBits: isSmall ? WINDOW_BITS.small : WINDOW_BITS.whole,
    chunkSize: chunkSize(body.length),
    ...(dictionary && { dictionary }),
  })
}

function inflate(body: Uint8Array, bytesMax: number, dictionary?: Uint8Array): Buffer | 'malformed' | 'too large' {
  try {
    return inflateRawSync(body, {
      maxOutputLength: bytesMax,
      chunkSize: chunkSize(INFLATES_TO * body.length),
      ...(dictionary && { dictionary }),
    })
  } catch (error) {
    const isTooLarge = error instanceof RangeError && 'code' in error && error.code === 'ERR_BUFFER_TOO_LARGE'
    return isTooLarge ? 'too large' : 'malformed'
  }
}
