// message-trouble.ts - what was wrong with messages from the hub, counted by its cause, and what a device says of it; pure but for its own counters
import type { Refusal } from '../../shared/protocol/envelope.ts'

/** Why a message changed nothing. `foreign`: for another node; `nonsense`: signed, and not what it should be. */
export const CAUSES = ['replayed', 'older', 'conflicting', 'foreign', 'forged', 'truncated', 'nonsense'] as const
export type Cause = (typeof CAUSES)[number]

/** What the envelope says, in these words. A message for another node does not bear out its signature either. */
export const causeOf = (why: Exclude<Refusal, 'unknown dictionary'>): Cause =>
  why === 'malformed' || why === 'too large' ? 'truncated' : 'forged'

/** One message that is repeated is the network; it is shown, but nobody need worry. */
export const WORRYING: readonly Cause[] = ['conflicting', 'foreign', 'forged', 'truncated', 'nonsense']
/** Long enough to be seen by somebody who looks in the morning, short enough to end. */
const SHOWN_FOR_MS = 3_600_000

export interface MessageTrouble {
  /** In words, while it is recent; undefined when there is nothing to worry about. */
  refused?: string
  /** Two signed states with one number; until a newer one is taken. */
  conflict?: string
}

export interface TroubleCounter {
  count(cause: Cause, nowMs: number): void
  conflict(number: string): void
  resolved(): void
  readonly causes: Readonly<Partial<Record<Cause, number>>>
  trouble(nowMs: number): MessageTrouble
}

export function createTroubleCounter(): TroubleCounter {
  const causes: Partial<Record<Cause, number>> = {}
  let lastMs: number | undefined
  let conflicting: string | undefined
  return {
    causes,
    count(cause, nowMs) {
      causes[cause] = (causes[cause] ?? 0) + 1
      if (WORRYING.includes(cause)) lastMs = nowMs
    },
    conflict: (number) => void (conflicting = number),
    resolved: () => void (conflicting = undefined),
    trouble(nowMs) {
      const isRecent = lastMs !== undefined && nowMs - lastMs < SHOWN_FOR_MS
      const counted = Object.entries(causes).map(([cause, times]) => `${times} ${cause}`)
      return {
        ...(isRecent && { refused: `changed nothing since the agent started: ${counted.join(', ')}` }),
        ...(conflicting && {
          conflict: `two signed states have the number ${conflicting}: the one that is held stays`,
        }),
      }
    },
  }
}
