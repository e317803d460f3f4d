// sink.ts - where the bytes of logs, exec and attach go, no faster than their reader takes them
import { once } from 'node:events'
import type { Writable } from 'node:stream'

/** Where bytes go; answers false when no more are wanted. */
export type Sink = (stream: 'stdout' | 'stderr', bytes: Buffer) => Promise<boolean>

/** Writes to the two, waits for the slower, and stops when one of them is gone. */
export function toWritables(out: Writable | undefined, err: Writable | undefined, signal: AbortSignal): Sink {
  return async (stream, bytes) => {
    const target = stream === 'stdout' ? out : err
    if (!target) return !signal.aborted
    if (target.destroyed || target.writableEnded) return false
    if (!target.write(bytes)) await drained(target, signal)
    return !signal.aborted
  }
}

async function drained(target: Writable, signal: AbortSignal) {
  const gaveUp = new AbortController()
  const stop = () => gaveUp.abort()
  target.once('close', stop)
  signal.addEventListener('abort', stop, { once: true })
  try {
    if (!signal.aborted && !target.destroyed) await once(target, 'drain', { signal: gaveUp.signal })
  } catch (error) {
    // The reader left: the sink's caller sees that by itself. Anything else is a real fault of the writer.
    if (!gaveUp.signal.aborted) throw error
  } finally {
    target.off('close', stop)
    signal.removeEventListener('abort', stop)
  }
}

/** Lets at most so many bytes through, over both streams together. */
export function limited(sink: Sink, limitBytes: number | undefined): Sink {
  if (limitBytes === undefined) return sink
  let leftBytes = limitBytes
  return async (stream, bytes) => {
    const some = bytes.subarray(0, leftBytes)
    leftBytes -= some.length
    const wanted = some.length === 0 || (await sink(stream, some))
    return wanted && leftBytes > 0
  }
}
