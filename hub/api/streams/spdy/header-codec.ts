// header-codec.ts - SPDY header blocks: name-value pairs through one zlib stream each way for the connection's life
import { constants, createDeflate, createInflate, type Zlib } from 'node:zlib'
import type { Transform } from 'node:stream'
import { SPDY_DICTIONARY } from './dictionary.ts'

/** Kubernetes' streams carry three short headers; a few hundred bytes of zlib can swell to megabytes. */
const BLOCK_BYTES_MAX = 16 * 1024

export type Headers = Readonly<Record<string, string>>

export interface HeaderCodec {
  /** One at a time, in the order of the wire; rejects what is damaged or too big. */
  decode(block: Buffer): Promise<Headers>
  encodeEmpty(): Promise<Buffer>
  close(): void
}

export function createHeaderCodec(): HeaderCodec {
  const options = { dictionary: SPDY_DICTIONARY, flush: constants.Z_SYNC_FLUSH }
  const inflate = createInflate(options)
  const deflate = createDeflate(options)
  // Without a listener damaged input would end the hub; here it ends the stream, which `through` sees.
  for (const zlib of [inflate, deflate]) zlib.on('error', () => zlib.destroy())
  return {
    decode: async (block) => parse(await through(inflate, block)),
    encodeEmpty: () => through(deflate, Buffer.alloc(4)),
    close() {
      inflate.destroy()
      deflate.destroy()
    },
  }
}

function through(zlib: Transform & Zlib, input: Buffer): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const pieces: Buffer[] = []
    let size = 0
    const settle = (error?: Error | null) => {
      zlib.off('data', take).off('close', damaged)
      if (error) reject(error)
      else resolve(Buffer.concat(pieces))
    }
    const take = (piece: Buffer) => {
      pieces.push(piece)
      size += piece.length
      if (size <= BLOCK_BYTES_MAX) return
      settle(new Error('SPDY header block too large'))
      zlib.destroy()
    }
    // Damaged input destroys the stream without a word to who wrote it.
    const damaged = () => settle(new Error('SPDY header block damaged'))
    zlib.on('data', take).on('close', damaged)
    zlib.write(input, settle)
  })
}

function parse(block: Buffer): Headers {
  const headers: Record<string, string> = Object.create(null)
  let at = 4
  const word = () => {
    const length = block.readUInt32BE(at)
    at += 4 + length
    if (at > block.length) throw new Error('SPDY header block ends in the middle of a word')
    return block.toString('utf8', at - length, at)
  }
  for (let left = block.readUInt32BE(0); left > 0; left--) {
    const name = word().toLowerCase()
    headers[name] = word()
  }
  return headers
}
