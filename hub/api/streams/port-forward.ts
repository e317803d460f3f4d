// port-forward.ts - joins forwarded connections to calls: over SPDY (raw or in WebSocket), and the older channel form
import { CHANNEL, type CallStream } from '../../../shared/protocol/calls.ts'
import type { Lease } from './leases.ts'
import { createSpdySession, type SpdyTransport } from './spdy/session.ts'
import type { SpdyStream } from './spdy/stream.ts'

const EMPTY = new Uint8Array(0)
/** Half a pair: error streams whose data stream never came. */
const UNPAIRED_MAX = 64

export type Dial = (port: number) => Promise<CallStream>

export interface PortForward {
  transport: SpdyTransport
  dial: Dial
  lease: Lease
  /** "default/web-1", for messages. */
  pod: string
}

export function servePortForwardSpdy({ transport, dial, lease, pod }: PortForward): void {
  const unpaired = new Map<string, SpdyStream>()
  createSpdySession(transport, (stream) => {
    const { streamtype, port = '', requestid = '' } = stream.headers
    if (streamtype === 'error' && unpaired.size < UNPAIRED_MAX) {
      unpaired.set(requestid, stream)
      return
    }
    const errors = unpaired.get(requestid)
    unpaired.delete(requestid)
    const give =
      streamtype === 'data' && errors
        ? serveConnection(stream, errors, Number(port), { dial, lease, pod })
        : stream.reset()
    give.catch(() => transport.terminate())
  })
}

async function serveConnection(
  data: SpdyStream,
  errors: SpdyStream,
  port: number,
  { dial, lease, pod }: Omit<PortForward, 'transport'>,
): Promise<void> {
  try {
    const call = await dial(port)
    void data.broken.then(() => call.close())
    await carry(data, call, lease).finally(() => call.close())
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error)
    await errors.write(new TextEncoder().encode(`error forwarding port ${port} to pod ${pod}: ${why}`))
    await errors.end()
    return data.reset()
  }
  await data.end()
  await errors.end()
}

/** Resolves when the pod has said its last; throws when the connection to it broke. */
async function carry(data: SpdyStream, call: CallStream, lease: Lease): Promise<void> {
  const podEnded = new Promise<void>((resolve) => {
    call.onFrame(async (channel, bytes) => {
      lease.touch()
      if (channel === CHANNEL.stdout) await data.write(bytes)
      if (channel === CHANNEL.stdoutEnd) resolve()
    })
  })
  data.onData(async (bytes) => {
    lease.touch()
    await (bytes ? call.send(CHANNEL.stdin, bytes) : call.send(CHANNEL.stdinEnd, EMPTY))
  })
  const failed = call.ended.then((result) => {
    if (result.outcome === 'failed' && result.reason !== 'Closed') throw new Error(result.message)
  })
  await Promise.race([podEnded, failed, data.broken])
}
