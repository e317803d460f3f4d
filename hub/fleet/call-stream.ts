// call-stream.ts - the hub's end of one call: the agent's WebSocket as frames and one result
import * as v from 'valibot'
import { deferred } from '../../shared/deferred.ts'
import { CHANNEL, callResult, failed, type CallResult, type CallStream } from '../../shared/protocol/calls.ts'
import { decodeFrame, encodeFrame, pieces } from '../../shared/protocol/frames.ts'
import type { MessageSocket } from '../../shared/protocol/message-socket.ts'

type FrameListener = (channel: number, data: Uint8Array) => void | Promise<void>

export interface OpenedCall {
  stream: CallStream
  /** Resolves when the agent has begun, or with the result of a call that ended without. */
  begun: Promise<CallResult | undefined>
}

export function createCallStream(socket: MessageSocket): OpenedCall {
  const begun = deferred<CallResult | undefined>()
  const ended = deferred<CallResult>()
  const listener = deferred<FrameListener>()
  let isOver = false
  const end = (result: CallResult) => {
    isOver = true
    ended.resolve(result)
    begun.resolve(result)
  }

  socket.onMessage(async (message) => {
    const frame = decodeFrame(message)
    if (!frame) return end(failed('BadStream', 'the node sent a frame that is not part of the protocol'))
    if (frame.channel === CHANNEL.started) return begun.resolve(undefined)
    if (frame.channel === CHANNEL.result) {
      end(parseResult(frame.data))
      return socket.close()
    }
    const listen = await listener.promise
    await listen(frame.channel, frame.data)
  })
  void socket.drained.then((why) => end(failed('StreamBroken', `the stream from the node broke: ${why}`)))

  const stream: CallStream = {
    async send(channel, data) {
      const frames = data.byteLength === 0 ? [data] : pieces(data)
      try {
        for (const piece of frames) if (!isOver) await socket.send(encodeFrame(channel, piece))
      } catch {
        // The node is done with this call or gone; which of the two it was, and what was wrong, comes with `ended`.
      }
    },
    onFrame: listener.resolve,
    ended: ended.promise,
    close() {
      end(failed('Closed', 'the hub closed the stream'))
      // Nobody wants what is still under way, and an agent that is not reading would not answer a polite close.
      socket.terminate()
    },
  }
  return { stream, begun: begun.promise }
}

function parseResult(data: Uint8Array): CallResult {
  try {
    return v.parse(callResult, JSON.parse(new TextDecoder().decode(data)))
  } catch (error) {
    return failed('BadStream', `the node sent a result that cannot be read: ${String(error)}`)
  }
}
