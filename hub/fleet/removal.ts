// removal.ts - decides whether what would be stopped on a node was meant to go, or only has vanished; pure

export interface RemovalInput {
  /** Uids of the pods that the device was told to run. */
  before: readonly string[]
  /** Uids of the pods that the store has there now, on their way out or not. */
  now: ReadonlySet<string>
  /** Whether the hub has seen this one go the way that deletions go. */
  sawGo(uid: string): boolean
}

export interface RemovalVerdict {
  /** Told to run, not in the store, and nobody asked for that. */
  vanished: readonly string[]
  /** All that runs there, or more than half of it, has vanished at once: a person has to say that this is meant. */
  isHeld: boolean
}

export function judgeRemoval({ before, now, sawGo }: RemovalInput): RemovalVerdict {
  const vanished = before.filter((uid) => !now.has(uid) && !sawGo(uid))
  return { vanished, isHeld: vanished.length > 0 && 2 * vanished.length > before.length }
}
