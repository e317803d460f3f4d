// seen-owners.ts - remembers of owners that are gone whether that was asked for, or whether their objects merely vanished
import type { KubeObject } from '../../../shared/kinds/object.ts'

/** vanished: its object is gone, and nobody has deleted it. That alone stops nothing. */
export type Fate = 'absent' | 'vanished'

export interface SeenOwners {
  /** Others name it as their owner, and it is gone. */
  note(owner: KubeObject): void
  /** Undefined for what this hub has not seen go. */
  fateOf(uid: string): Fate | undefined
  /** It is back, or nobody names it as an owner any more. */
  forget(uid: string): void
}

/** Only owners whose dependents are still there are kept: so many at once are a custom kind that goes with all its objects. */
const OWNERS_MAX = 100_000

export function createSeenOwners(): SeenOwners {
  const fates = new Map<string, Fate>()
  return {
    note({ metadata }) {
      // Every deletion that was asked for leaves this mark, also on an object that goes at once.
      fates.set(metadata.uid, metadata.deletionTimestamp ? 'absent' : 'vanished')
      const [oldest] = fates.keys()
      if (fates.size > OWNERS_MAX && oldest !== undefined) fates.delete(oldest)
    },
    fateOf: (uid) => fates.get(uid),
    forget: (uid) => void fates.delete(uid),
  }
}
