// exec-websocket.ts - exec and attach over WebSocket: v5 and v4.channel.k8s.io, and the older channel.k8s.io
import type { Clock } from '../../../shared/clock.ts'
import { deferred } from '../../../shared/deferred.ts'
import { encodeFrame, pieces } from '../../../shared/protocol/frames.ts'
import type { MessageSocket } from '../../../shared/protocol/message-socket.ts'
import { parseTerminalSize, type ExecClient, type ExecWanted } from './exec-client.ts'

export const EXEC_PROTOCOLS = ['v5.channel.k8s.io', 'v4.channel.k8s.io', 'channel.k8s.io'] as const
/** Python programs write a whole file in one message; kubectl 32 KiB at a time. */
export const EXEC_MESSAGE_BYTES_MAX = 4 * 1024 * 1024
/** A client that does not read its last bytes is cut off after this. */
const FINISH_WITHIN_MS = 10_000

const CHANNELS = { stdin: 0, stdout: 1, stderr: 2, status: 3, resize: 4, close: 255 } as const

type StdinListener = (data: Uint8Array | undefined) => void | Promise<void>
type ResizeListener = (columns: number, rows: number) => void | Promise<void>

export function createWebSocketExecClient(
  socket: MessageSocket,
  protocol: string,
  wanted: ExecWanted,
  clock: Clock,
): ExecClient {
  const stdin = deferred<StdinListener>()
  const resize = deferred<ResizeListener>()
  let isStdinOver = !wanted.stdin
  const endStdin = async () => {
    if (isStdinOver) return
    isStdinOver = true
    const listen = await stdin.promise
    await listen(undefined)
  }

  socket.onMessage(async (message) => {
    const data = message.subarray(1)
    switch (message[0]) {
      case CHANNELS.stdin: {
        if (isStdinOver || data.length === 0) return
        const listen = await stdin.promise
        return listen(data)
      }
      case CHANNELS.resize: {
        const size = parseTerminalSize(new TextDecoder().decode(data))
        const listen = await resize.promise
        return size && listen(size.columns, size.rows)
      }
      case CHANNELS.close:
        // Half-close came with v5: it is how `kubectl exec -i` ends stdin.
        return data[0] === CHANNELS.stdin ? endStdin() : undefined
      default:
        // Channels that only we write to, or that no version knows.
        return undefined
    }
  })
  if (protocol !== 'v5.channel.k8s.io') void greet(socket, wanted)

  return {
    async write(channel, data) {
      for (const piece of pieces(data)) await socket.send(encodeFrame(CHANNELS[channel], piece))
    },
    onStdin: stdin.resolve,
    onResize: resize.resolve,
    async finish(status) {
      const cut = clock.after(FINISH_WITHIN_MS, () => socket.terminate())
      void socket.closed.then(() => cut.cancel())
      // The oldest form has no JSON on this channel: only text, and only about a failure.
      const text =
        protocol === 'v5.channel.k8s.io' || protocol === 'v4.channel.k8s.io'
          ? JSON.stringify(status)
          : (status.message ?? '')
      if (text) await socket.send(encodeFrame(CHANNELS.status, new TextEncoder().encode(text)))
      socket.close()
    },
    terminate: () => socket.terminate(),
    closed: socket.closed.then(() => undefined),
  }
}

/**
 * Upstream opens with an empty message on the lowest channel it writes to; some clients wait for it. Those of v5 do not,
 * and complain about a channel that they have not opened yet when it comes too soon.
 */
async function greet(socket: MessageSocket, wanted: ExecWanted): Promise<void> {
  const channel = wanted.stdout ? CHANNELS.stdout : wanted.stderr ? CHANNELS.stderr : CHANNELS.status
  // A client that is gone already shows in `closed`.
  await socket.send(encodeFrame(channel, new Uint8Array(0))).catch(() => undefined)
}
