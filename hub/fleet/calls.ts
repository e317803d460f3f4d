// calls.ts - reaches one agent on demand: a signed call goes down, the agent's WebSocket comes back with the answer
import type { IncomingMessage } from 'node:http'
import type { Duplex } from 'node:stream'
import { sleep, type Clock } from '../../shared/clock.ts'
import { deferred, type Deferred } from '../../shared/deferred.ts'
import { StatusError } from '../../shared/kinds/status-error.ts'
import type { Log } from '../../shared/log.ts'
import type { CallMessage, CallRequest, CallStream, NodeCalls } from '../../shared/protocol/calls.ts'
import type { MessageSocket } from '../../shared/protocol/message-socket.ts'
import type { Random } from '../../shared/random.ts'
import { noAnswer, notConnected, refusedBy, tooManyCalls } from './call-errors.ts'
import { createCallStream } from './call-stream.ts'

/** A round trip over a satellite, a TLS handshake on a slow device, and some. */
export const CALL_TTL_MS = 10_000
/** The agent has to ask its runtime, which may be busy. */
const BEGIN_WITHIN_MS = 15_000
/** What one small device can serve at once; its call server has the same limit. */
export const CALLS_PER_NODE_MAX = 64
const PATH = '/agent/streams/'

/** The way down to the agents; the sessions of the fleet stand behind it. */
export interface CallLink {
  /** Number of the node's live session; undefined while it is not connected. */
  session(node: string): number | undefined
  /** Signs and publishes on the node's `call` topic; false when it is not connected. */
  sendCall(node: string, message: CallMessage): boolean
  lastHeardWallMs(node: string): number | undefined
}

export interface CallsDeps {
  link: CallLink
  /** The node that a request's verified, unrevoked client certificate names. */
  identify: (request: IncomingMessage) => string | undefined
  /** Completes the WebSocket handshake; destroys the socket when it is none. */
  accept: (request: IncomingMessage, socket: Duplex, head: Buffer, then: (socket: MessageSocket) => void) => void
  clock: Clock
  random: Random
  log: Log
}

/** As the API server wants its routes; repeated here because the fleet does not import the API. */
export interface CallRoute {
  path: string
  permission: 'node certificate'
  upgrade(request: IncomingMessage, socket: Duplex, head: Buffer): void
}

export interface Calls extends NodeCalls {
  readonly route: CallRoute
  /** Ends every stream with a node, such as one that has been revoked. */
  closeNode(node: string): void
  counts(): { open: number; waiting: number }
}

interface Waiting {
  node: string
  arrived: Deferred<MessageSocket>
}

export function createCalls({ link, identify, accept, clock, random, log }: CallsDeps): Calls {
  let lastNumber = 0
  const waiting = new Map<string, Waiting>()
  /** Each open or opening call of a node, as the function that ends it. */
  const open = new Map<string, Set<() => void>>()

  /** Takes one of the node's places; the returned function gives it back. */
  function takePlace(node: string, end: () => void): () => void {
    const places = open.get(node) ?? new Set()
    if (places.size >= CALLS_PER_NODE_MAX) throw tooManyCalls(node, CALLS_PER_NODE_MAX)
    open.set(node, places.add(end))
    return () => {
      places.delete(end)
      if (places.size === 0 && open.get(node) === places) open.delete(node)
    }
  }

  /** Sends the call and waits for the agent's WebSocket. */
  async function summon(node: string, request: CallRequest, signal: AbortSignal): Promise<MessageSocket> {
    const unreachable = () => notConnected(node, request.kind, link.lastHeardWallMs(node), clock.wallMs())
    const session = link.session(node)
    if (session === undefined) throw unreachable()
    const id = Buffer.from(random.bytes(16)).toString('hex')
    const arrived = deferred<MessageSocket>()
    waiting.set(id, { node, arrived })
    try {
      const message: CallMessage = { type: 'call', session, number: ++lastNumber, id, ttlMs: CALL_TTL_MS, request }
      if (!link.sendCall(node, message)) throw unreachable()
      return await within(CALL_TTL_MS, arrived.promise, signal, () => noAnswer(node, request.kind, CALL_TTL_MS))
    } catch (error) {
      // It may have come in the very moment that we gave up.
      void arrived.promise.then((socket) => socket.terminate())
      throw error
    } finally {
      waiting.delete(id)
    }
  }

  async function within<T>(ms: number, work: Promise<T>, signal: AbortSignal, late: () => Error): Promise<T> {
    const over = new AbortController()
    const stop = AbortSignal.any([signal, over.signal])
    const lapse = sleep(clock, ms, stop).then((): never => {
      throw signal.aborted ? cancelled() : late()
    })
    try {
      return await Promise.race([work, lapse])
    } finally {
      // The loser of the race ends too; what it throws has been answered already.
      lapse.catch(() => undefined)
      over.abort()
    }
  }

  async function begin(
    node: string,
    request: CallRequest,
    signal: AbortSignal,
    release: () => void,
  ): Promise<CallStream> {
    const socket = await summon(node, request, signal)
    void socket.closed.then(release)
    const { stream, begun } = createCallStream(socket)
    if (signal.aborted) socket.terminate()
    signal.addEventListener('abort', () => stream.close(), { once: true })
    try {
      const refusal = await within(BEGIN_WITHIN_MS, begun, signal, () => noAnswer(node, request.kind, BEGIN_WITHIN_MS))
      if (refusal?.outcome === 'failed') throw refusedBy(node, refusal)
      return stream
    } catch (error) {
      stream.close()
      throw error
    }
  }

  return {
    async open(node, request, signal) {
      if (signal.aborted) throw cancelled()
      const ours = new AbortController()
      const either = AbortSignal.any([signal, ours.signal])
      const release = takePlace(node, () => ours.abort())
      try {
        return await begin(node, request, either, release)
      } catch (error) {
        release()
        throw error
      }
    },
    route: {
      path: PATH,
      permission: 'node certificate',
      upgrade(request, socket, head) {
        const id = (request.url ?? '').split('?')[0]?.slice(PATH.length) ?? ''
        const call = waiting.get(id)
        const node = identify(request)
        // One answer for all: who guesses must not learn whether the number, the certificate or the moment was wrong.
        if (!call || call.node !== node) {
          log.warn(
            { node: node ?? null, address: request.socket.remoteAddress },
            'refused a stream that no call of the hub asked for',
          )
          return refuse(socket)
        }
        waiting.delete(id)
        accept(request, socket, head, call.arrived.resolve)
      },
    },
    closeNode(node) {
      for (const end of open.get(node) ?? []) end()
    },
    counts() {
      let total = 0
      for (const places of open.values()) total += places.size
      return { open: total, waiting: waiting.size }
    },
  }
}

const cancelled = () =>
  new StatusError(499, 'ClientClosedRequest', 'the request was cancelled before the node answered')

function refuse(socket: Duplex): void {
  socket.on('error', () => socket.destroy())
  socket.end('HTTP/1.1 404 Not Found\r\nConnection: close\r\nContent-Length: 0\r\n\r\n')
}
