// port-forward-channels.ts - port-forward as the Python and JavaScript clients speak it: two WebSocket channels a port
import { CHANNEL, type CallStream } from '../../../shared/protocol/calls.ts'
import { encodeFrame, pieces } from '../../../shared/protocol/frames.ts'
import type { MessageSocket } from '../../../shared/protocol/message-socket.ts'
import type { Lease } from './leases.ts'
import type { Dial } from './port-forward.ts'

/** Channel 2i carries port i's bytes, 2i+1 its error; each opens with the port as uint16, little end first. */
export async function servePortForwardChannels(
  socket: MessageSocket,
  ports: readonly number[],
  dial: Dial,
  lease: Lease,
): Promise<void> {
  const calls = ports.map((port) => dial(port))
  // Those that fail are told about on their channels; this only keeps them from counting as unhandled before.
  for (const call of calls) call.catch(() => undefined)
  socket.onMessage(async (message) => {
    lease.touch()
    const channel = message[0] ?? 1
    const call = channel % 2 === 0 ? await calls[channel / 2]?.catch(() => undefined) : undefined
    if (message.length > 1) await call?.send(CHANNEL.stdin, message.subarray(1))
  })
  for (const [index, port] of ports.entries())
    for (const channel of [2 * index, 2 * index + 1])
      await socket.send(encodeFrame(channel, Uint8Array.of(port & 0xff, port >> 8)))
  await Promise.allSettled(calls.map((call, index) => serveOne(socket, call, index, lease)))
  socket.close()
}

async function serveOne(
  socket: MessageSocket,
  opening: Promise<CallStream>,
  index: number,
  lease: Lease,
): Promise<void> {
  try {
    const call = await opening
    void socket.closed.then(() => call.close())
    // This form knows no half-close: when the pod has said its last, the connection is over.
    const podEnded = new Promise<void>((resolve) => {
      call.onFrame(async (channel, data) => {
        lease.touch()
        if (channel === CHANNEL.stdoutEnd) resolve()
        if (channel !== CHANNEL.stdout) return
        for (const piece of pieces(data)) await socket.send(encodeFrame(2 * index, piece))
      })
    })
    await Promise.race([podEnded, broken(call)])
    call.close()
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error)
    await socket.send(encodeFrame(2 * index + 1, new TextEncoder().encode(why)))
  }
}

async function broken(call: CallStream): Promise<void> {
  const result = await call.ended
  if (result.outcome === 'failed' && result.reason !== 'Closed') throw new Error(result.message)
}
