// port-forward.ts - answers a call for one TCP connection to a port of a pod; each direction ends by itself
import { connect, type Socket } from 'node:net'
import {
  CHANNEL,
  FAILURE,
  type AnswerStream,
  type CallRequest,
  type CallResult,
} from '../../../shared/protocol/calls.ts'
import { CallFailure } from './call-failure.ts'
import { networkOf, type CallContext } from './find-container.ts'

type PortForwardCall = Extract<CallRequest, { kind: 'portforward' }>

/** The container is on this device: what does not answer within this is not going to. */
const CONNECT_WITHIN_MS = 5_000

export async function answerPortForward(request: PortForwardCall, context: CallContext): Promise<CallResult> {
  const { runtime, container } = await networkOf(request.podUid, context)
  const { address, port } = await runtime.dial(container.id, request.port)
  const socket = await connected(address, port, request.port, context)
  const hangUp = () => socket.destroy()
  // A connection that breaks before anybody listens shows in `carry`, where it cannot be read any more.
  socket.on('error', hangUp)
  context.signal.addEventListener('abort', hangUp, { once: true })
  try {
    // The caller may have gone while the connection was made: no event tells of that again.
    context.signal.throwIfAborted()
    await context.stream.begin()
    await carry(socket, context.stream)
    return { outcome: 'done', exitCode: 0 }
  } finally {
    hangUp()
  }
}

function connected(address: string, port: number, wanted: number, context: CallContext): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const socket = connect({ host: address, port, allowHalfOpen: true, noDelay: true })
    const fail = (why: string) => {
      timer.cancel()
      socket.destroy()
      reject(
        new CallFailure(
          FAILURE.badRequest,
          `cannot connect to port ${wanted} of the pod at ${address}:${port}: ${why}`,
        ),
      )
    }
    const timer = context.clock.after(CONNECT_WITHIN_MS, () => fail(`no answer within ${CONNECT_WITHIN_MS / 1000} s`))
    const refused = (error: Error) => fail(error.message)
    socket.once('error', refused)
    socket.once('connect', () => {
      timer.cancel()
      socket.off('error', refused)
      resolve(socket)
    })
  })
}

/** Resolves when both directions have ended; rejects when the connection broke. */
async function carry(socket: Socket, stream: AnswerStream): Promise<void> {
  const broken = new Promise<never>((_resolve, reject) => socket.once('error', reject))
  const upEnded = new Promise<void>((resolve) => {
    stream.onFrame(async (channel, data) => {
      if (channel === CHANNEL.stdinEnd) {
        socket.end()
        resolve()
      }
      if (channel === CHANNEL.stdin && socket.writable) await written(socket, data)
    })
  })
  const closed = new Promise<void>((resolve) => socket.once('close', () => resolve()))
  await Promise.race([broken, Promise.all([Promise.race([upEnded, closed]), sendAll(socket, stream)])])
}

async function sendAll(socket: Socket, stream: AnswerStream): Promise<void> {
  // Reading by iteration takes the next piece only when this one is on its way.
  const output: AsyncIterable<Buffer> = socket.iterator({ destroyOnReturn: false })
  for await (const piece of output) await stream.send(CHANNEL.stdout, piece)
  await stream.send(CHANNEL.stdoutEnd, new Uint8Array(0))
}

/** Also resolves when the connection is lost: what follows then has nowhere to go. */
const written = (socket: Socket, data: Uint8Array): Promise<void> =>
  new Promise((resolve) => socket.write(data, () => resolve()))
