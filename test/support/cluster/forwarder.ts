// forwarder.ts - a TCP forwarder that stands between a device and its hub and can be cut: so that nobody notices, or loudly
import { createServer, connect, type AddressInfo, type Socket } from 'node:net'

export interface Forwarder {
  readonly port: number
  /** Half-open: nothing passes, nobody is told, what was sent waits as in a router's queue; new connections hang. */
  cut(): void
  /** Every connection ends with RST; new ones too, until it is restored. */
  refuse(): void
  /** Ends what stands with RST; new connections pass. */
  reset(): void
  restore(): void
  close(): Promise<void>
}

interface Pair {
  near: Socket
  far: Socket
}

/** `target` is asked for each connection: a hub that comes back may listen elsewhere; undefined refuses. */
export async function startForwarder(target: () => number | undefined): Promise<Forwarder> {
  const pairs = new Set<Pair>()
  let mode: 'open' | 'cut' | 'refusing' = 'open'

  const end = (pair: Pair) => {
    pairs.delete(pair)
    abort(pair.near)
    abort(pair.far)
  }
  const join = ({ near, far }: Pair) => {
    near.pipe(far)
    far.pipe(near)
  }
  const part = ({ near, far }: Pair) => {
    near.unpipe(far).pause()
    far.unpipe(near).pause()
  }
  const reset = () => {
    for (const pair of pairs) end(pair)
  }

  const server = createServer((near) => {
    const port = target()
    if (mode === 'refusing' || port === undefined) {
      near.on('error', () => near.destroy())
      return abort(near)
    }
    const pair = { near, far: connect({ port, host: '127.0.0.1' }) }
    pairs.add(pair)
    for (const socket of [pair.near, pair.far]) {
      socket.setNoDelay(true)
      // The word of an end crosses a cut link no more than any other.
      socket.on('error', () => mode !== 'cut' && end(pair))
      socket.on('close', () => mode !== 'cut' && end(pair))
    }
    if (mode === 'cut') part(pair)
    else join(pair)
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const address: AddressInfo | string | null = server.address()

  return {
    port: typeof address === 'object' ? (address?.port ?? 0) : 0,
    cut() {
      mode = 'cut'
      for (const pair of pairs) part(pair)
    },
    refuse() {
      mode = 'refusing'
      reset()
    },
    reset,
    restore() {
      mode = 'open'
      for (const pair of pairs) {
        if (pair.near.destroyed || pair.far.destroyed) end(pair)
        else join(pair)
      }
    },
    close() {
      mode = 'refusing'
      reset()
      return new Promise((resolve) => server.close(() => resolve()))
    },
  }
}

/** Node loses the handle of a socket that is reset while it says goodbye: the process would never end. */
function abort(socket: Socket): void {
  if (socket.readyState === 'open' && !socket.writableEnded) socket.resetAndDestroy()
  else socket.destroy()
}
