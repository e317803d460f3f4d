// exec-spdy.ts - exec and attach over SPDY/3.1: one stream a channel, as kubectl up to 1.29 speaks it
import type { IncomingMessage } from 'node:http'
import type { Duplex } from 'node:stream'
import type { Clock } from '../../../shared/clock.ts'
import { deferred } from '../../../shared/deferred.ts'
import { parseTerminalSize, type ExecClient, type ExecWanted } from './exec-client.ts'
import { createRawTransport } from './raw-transport.ts'
import { createSpdySession, type SpdySession, type SpdyTransport } from './spdy/session.ts'
import type { SpdyStream } from './spdy/stream.ts'
import { acceptSpdy } from './spdy/upgrade.ts'

const PROTOCOLS = ['v4.channel.k8s.io', 'v3.channel.k8s.io', 'v2.channel.k8s.io']
/** As upstream: a client has this long to open all its streams. */
const STREAMS_WITHIN_MS = 30_000
/** The client closes once it has read the status; one that does not is cut off. */
const FINISH_WITHIN_MS = 10_000
/** Longer than any size; a line that never ends must not fill memory. */
const RESIZE_TEXT_MAX = 1024

type Role = 'error' | 'stdin' | 'stdout' | 'stderr' | 'resize'

/** Undefined when the client did not open its streams in time: then it has been cut off. */
export async function acceptSpdyExec(
  request: IncomingMessage,
  socket: Duplex,
  head: Buffer,
  wanted: ExecWanted,
  clock: Clock,
): Promise<ExecClient | undefined> {
  acceptSpdy(request, socket, PROTOCOLS)
  const transport = createRawTransport(socket, head, clock)
  const missing = new Set<string>(rolesOf(wanted))
  const streams = new Map<string, SpdyStream>()
  const complete = deferred<boolean>()
  const session = createSpdySession(transport, (stream) => {
    const role = stream.headers['streamtype'] ?? ''
    if (!missing.delete(role)) return void stream.reset().catch(() => transport.terminate())
    streams.set(role, stream)
    if (missing.size === 0) complete.resolve(true)
  })
  const late = clock.after(STREAMS_WITHIN_MS, () => transport.terminate())
  void transport.closed.then(() => complete.resolve(false))
  const isComplete = await complete.promise
  late.cancel()
  return isComplete ? createClient(streams, session, transport, clock) : undefined
}

const rolesOf = (wanted: ExecWanted): Role[] => [
  'error',
  ...(wanted.stdin ? (['stdin'] as const) : []),
  ...(wanted.stdout ? (['stdout'] as const) : []),
  ...(wanted.stderr && !wanted.tty ? (['stderr'] as const) : []),
  ...(wanted.tty ? (['resize'] as const) : []),
]

function createClient(
  streams: ReadonlyMap<string, SpdyStream>,
  session: SpdySession,
  transport: SpdyTransport,
  clock: Clock,
): ExecClient {
  return {
    async write(channel, data) {
      await streams.get(channel)?.write(data)
    },
    onStdin(listener) {
      const stdin = streams.get('stdin')
      stdin?.onData(listener)
    },
    onResize(listener) {
      let text = ''
      streams.get('resize')?.onData(async (data) => {
        text += new TextDecoder().decode(data)
        const lines = text.split('\n')
        text = (lines.pop() ?? '').slice(-RESIZE_TEXT_MAX)
        // Go's encoder ends each size with a line break, but a size may come in a frame of its own without one.
        const whole = parseTerminalSize(text)
        if (whole) text = ''
        const sizes = [...lines.map(parseTerminalSize), whole].filter((size) => size !== undefined)
        for (const { columns, rows } of sizes) await listener(columns, rows)
      })
    },
    async finish(status) {
      const cut = clock.after(FINISH_WITHIN_MS, () => transport.terminate())
      void transport.closed.then(() => cut.cancel())
      const error = streams.get('error')
      await error?.write(new TextEncoder().encode(JSON.stringify(status)))
      for (const stream of streams.values()) await stream.end()
      await session.goAway()
    },
    terminate: () => transport.terminate(),
    closed: transport.closed.then(() => undefined),
  }
}
