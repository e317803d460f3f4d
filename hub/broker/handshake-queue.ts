// handshake-queue.ts - lets strangers shake hands a few at a time: a thousand at once would keep API and beats waiting for seconds
import type { Socket } from 'node:net'
import type { Clock, Timer } from '../../shared/clock.ts'

/** A turn is short enough that nobody at the API notices, and its crowd costs a small hub about half of it. */
const TURN_MS = 40
const PER_TURN = 8
/** A turn that comes so late shows that the hub has more to do than it can: fewer then, so that the rest gets through. */
const LATE_MS = 60
const PER_LATE_TURN = 3
/** Devices give up a connection after 30 s; whoever would have to wait for most of that is better off trying again. */
export const WAITING_MAX = 2_048

/** Whoever comes last in a crowd of this size waits for a second, which is felt in no judgement. */
const CROWD_MIN = 25 * PER_TURN

export interface HandshakeQueue {
  /** Begins now, or in its turn unless it goes away before; false: too many wait. */
  enter(socket: Socket): boolean
  stop(): void
  readonly isCrowded: boolean
}

export function createHandshakeQueue({ clock, begin }: { clock: Clock; begin(socket: Socket): void }): HandshakeQueue {
  const waiting = new Set<Socket>()
  let left = PER_TURN
  let turn: Timer | undefined

  function nextTurn(dueMs: number): void {
    turn = clock.after(TURN_MS, () => {
      turn = undefined
      left = clock.monoMs() - dueMs > LATE_MS ? PER_LATE_TURN : PER_TURN
      for (const socket of waiting) {
        if (left === 0) break
        left--
        waiting.delete(socket)
        begin(socket)
      }
      if (left < PER_TURN) nextTurn(clock.monoMs() + TURN_MS)
    })
  }

  return {
    get isCrowded() {
      return waiting.size >= CROWD_MIN
    },
    enter(socket) {
      if (waiting.size >= WAITING_MAX) return false
      if (left > 0 && waiting.size === 0) {
        left--
        begin(socket)
      } else {
        waiting.add(socket)
        socket.once('close', () => waiting.delete(socket))
      }
      if (!turn) nextTurn(clock.monoMs() + TURN_MS)
      return true
    },
    stop() {
      turn?.cancel()
      turn = undefined
      for (const socket of waiting) socket.destroy()
      waiting.clear()
    },
  }
}
