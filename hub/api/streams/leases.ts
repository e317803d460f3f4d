// leases.ts - how long a stream may live: as its user's credential, while something moves, and while there is room
import type { Clock, Timer } from '../../../shared/clock.ts'
import { deferred } from '../../../shared/deferred.ts'
import { tooManyRequests, StatusError } from '../../../shared/kinds/status-error.ts'
import type { User } from '../extension.ts'

/** Upstream's streamingConnectionIdleTimeout. */
const IDLE_MS = 4 * 3600 * 1000
/** Each holds sockets and buffers of some 200 KB at the worst. */
const STREAMS_MAX = 1_000
/** One user's runaway script must leave room for the others. */
const STREAMS_PER_USER_MAX = 250

export interface Lease {
  /** Something moved. */
  touch(): void
  /** Resolves with the reason when the stream must end; never when it is released first. */
  readonly ended: Promise<StatusError>
  release(): void
}

export interface Leases {
  /** Throws 429 when there is no room. `idles`: ends after hours without a touch. */
  take(user: User, options?: { idles: boolean }): Lease
  readonly count: number
}

export function createLeases(clock: Clock): Leases {
  const perUser = new Map<string, number>()
  let count = 0

  function enter(user: User): void {
    const own = perUser.get(user.name) ?? 0
    if (count >= STREAMS_MAX)
      throw tooManyRequests(`the hub serves ${STREAMS_MAX} streams already: try again later`, 10)
    if (own >= STREAMS_PER_USER_MAX)
      throw tooManyRequests(`user "${user.name}" has ${own} streams open, which is the limit: close some`, 10)
    perUser.set(user.name, own + 1)
    count += 1
  }
  function leave(user: User): void {
    const own = (perUser.get(user.name) ?? 1) - 1
    if (own === 0) perUser.delete(user.name)
    else perUser.set(user.name, own)
    count -= 1
  }

  return {
    take(user, { idles } = { idles: true }) {
      enter(user)
      const ended = deferred<StatusError>()
      const timers: Timer[] = []
      let touchedAtMs = clock.monoMs()
      let isReleased = false
      if (idles) timers.push(clock.every(IDLE_MS / 8, endWhenIdle))
      if (user.expiresAtMonoMs !== undefined) endAt(user.expiresAtMonoMs)

      function endWhenIdle() {
        if (clock.monoMs() - touchedAtMs >= IDLE_MS)
          ended.resolve(new StatusError(408, 'Timeout', `nothing moved on this stream for ${IDLE_MS / 3600_000} hours`))
      }
      // Timers have a longest time, so it looks again when one fires early.
      function endAt(expiresAtMs: number) {
        const leftMs = expiresAtMs - clock.monoMs()
        if (leftMs <= 0)
          ended.resolve(new StatusError(401, 'Unauthorized', 'the credential of this stream has expired'))
        else timers.push(clock.after(leftMs, () => endAt(expiresAtMs)))
      }
      return {
        touch: () => (touchedAtMs = clock.monoMs()),
        ended: ended.promise,
        release() {
          if (isReleased) return
          isReleased = true
          for (const timer of timers) timer.cancel()
          leave(user)
        },
      }
    },
    get count() {
      return count
    },
  }
}
