// frame-writable.ts - a channel of a call as the Writable that runtimes write to; full while the hub is slow
import { Writable } from 'node:stream'
import { finished } from 'node:stream/promises'
import type { AnswerStream } from '../../../shared/protocol/calls.ts'
import { FRAME_DATA_BYTES_MAX } from '../../../shared/protocol/frames.ts'

export function frameWritable(stream: AnswerStream, channel: number): Writable {
  const writable = new Writable({
    highWaterMark: FRAME_DATA_BYTES_MAX,
    write(chunk: Buffer, _encoding, written) {
      if (chunk.byteLength === 0) return written()
      void stream.send(channel, chunk).then(() => written(), written)
    },
  })
  // Fails when the hub is gone; the call's signal tells the runtime, and whoever waits in `flushed` hears of it too.
  writable.on('error', () => writable.destroy())
  return writable
}

/** Everything written is on its way when this resolves: a result sent afterwards cannot overtake it. */
export async function flushed(...writables: readonly (Writable | undefined)[]): Promise<void> {
  for (const writable of writables) {
    if (!writable || writable.destroyed) continue
    if (!writable.writableEnded) writable.end()
    await finished(writable)
  }
}
