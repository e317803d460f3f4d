// ratchet.ts - decides whether a desired state may replace the one that is held; what is older, repeated or doubtful may not

export interface Mark {
  /** Position of the signing key in the trusted set: numbers count per key, so that a stolen key's die with it. */
  keyRank: number
  epoch: number
  revision: number
  /** Of the canonical bytes. */
  digest: string
}

/** conflict: the same number with other bytes. Somebody lies or lost their memory: neither is taken, an alarm is raised. */
export type Verdict = 'take' | 'same' | 'older' | 'conflict'

export function judge(held: Mark | undefined, incoming: Mark): Verdict {
  if (!held) return 'take'
  const order = compare(incoming, held)
  if (order !== 0) return order > 0 ? 'take' : 'older'
  return incoming.digest === held.digest ? 'same' : 'conflict'
}

export function compare(a: Omit<Mark, 'digest'>, b: Omit<Mark, 'digest'>): number {
  return a.keyRank - b.keyRank || compareNumbers(a, b)
}

/** Numbers of one key. */
export const compareNumbers = (a: Pick<Mark, 'epoch' | 'revision'>, b: Pick<Mark, 'epoch' | 'revision'>): number =>
  a.epoch - b.epoch || a.revision - b.revision

/**
 * For a device that knows how far it was and has lost what it held: the same number is taken again when it has the same
 * bytes, or when nobody knows them any more. `floor.digest` is empty then.
 */
export function judgeAfterLoss(floor: Mark | undefined, incoming: Mark): Verdict {
  const verdict = judge(floor, incoming)
  const isRestored = verdict === 'same' || (verdict === 'conflict' && floor?.digest === '')
  return isRestored ? 'take' : verdict
}
