// docker-demux.ts - takes apart the engine's stream of stdout and stderr, no faster than the readers take it
import type { Readable } from 'node:stream'
import type { Sink } from './sink.ts'

/** Stream number, three zeroes, length: eight bytes before every piece. */
const HEADER_BYTES = 8
const STDERR = 2

/** Resolves at the end of the stream, or when the sink has had enough. */
export async function demux(source: Readable, sink: Sink): Promise<void> {
  let rest: Buffer = Buffer.alloc(0)
  for await (const chunk of source as AsyncIterable<Buffer>) {
    rest = rest.length === 0 ? chunk : Buffer.concat([rest, chunk])
    while (rest.length >= HEADER_BYTES) {
      const end = HEADER_BYTES + rest.readUInt32BE(4)
      if (rest.length < end) break
      const stream = rest[0] === STDERR ? 'stderr' : 'stdout'
      if (!(await sink(stream, rest.subarray(HEADER_BYTES, end)))) return
      rest = rest.subarray(end)
    }
  }
}

/** A terminal's stream has no headers: everything is stdout. */
export async function passThrough(source: Readable, sink: Sink): Promise<void> {
  for await (const chunk of source as AsyncIterable<Buffer>) if (!(await sink('stdout', chunk))) return
}
