// byte-counter.ts - a TCP forwarder that counts what passes, and estimates what the headers below add
import { connect, createServer, type AddressInfo, type Socket } from 'node:net'
import { systemClock } from '../../shared/clock.ts'

export interface Traffic {
  /** TLS records, both ways. */
  bytes: number
  /** Pieces that arrived together, about one packet each, and the packets that only acknowledge one. */
  packets: number
}

export interface ByteCounter {
  readonly port: number
  /** Where connections go: known only when the hub has started, and it must be told our port first. */
  target: number
  traffic(): Traffic
  close(): void
}

/** IPv4 and TCP with timestamps, without Ethernet. */
const HEADER_BYTES = 52

/** Linux waits this long for something to send an acknowledgement with. */
const ACKNOWLEDGES_WITHIN_MS = 40

/** What a mobile operator would count. */
export const wireBytes = ({ bytes, packets }: Traffic): number => bytes + packets * HEADER_BYTES

export async function startByteCounter(): Promise<ByteCounter> {
  const sockets = new Set<Socket>()
  const counted = { bytes: 0, packets: 0 }
  const unanswered = new Map<Socket, number>()
  const follow = (from: Socket, to: Socket) => {
    sockets.add(from)
    from.setNoDelay(true)
    from.on('data', (chunk) => {
      counted.bytes += chunk.length
      // Itself, and an acknowledgement; unless it carries the one for what came from the other side just now.
      const isAnswer = systemClock.monoMs() - (unanswered.get(to) ?? -Infinity) < ACKNOWLEDGES_WITHIN_MS
      counted.packets += isAnswer ? 1 : 2
      unanswered.delete(to)
      unanswered.set(from, systemClock.monoMs())
      to.write(chunk)
    })
    from.on('error', () => to.destroy())
    from.on('close', () => {
      unanswered.delete(from)
      sockets.delete(from)
      to.destroy()
    })
  }
  const server = createServer((near) => {
    const far = connect(counter.target, '127.0.0.1')
    follow(near, far)
    follow(far, near)
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const counter: ByteCounter = {
    // A server that listens on an address has one of this kind.
    port: (server.address() as AddressInfo).port,
    target: 0,
    traffic: () => ({ ...counted }),
    close() {
      for (const socket of sockets) socket.destroy()
      server.close()
    },
  }
  return counter
}
