// silence.ts - how long nothing was heard, at the worst, of late

export interface Silence {
  /** A word has come. */
  readonly broken: () => void
  readonly longestMs: (duringMs: number) => number
}

/** Nobody asks about more than a few minutes. */
const WORDS_KEPT = 200

export function createSilence(nowMs: () => number): Silence {
  let words: number[] = []
  return {
    broken: () => void (words = [...words, nowMs()].slice(-WORDS_KEPT)),
    longestMs(duringMs) {
      const sinceMs = nowMs() - duringMs
      const before = words.findLast((atMs) => atMs < sinceMs) ?? Number.NEGATIVE_INFINITY
      const moments = [before, ...words.filter((atMs) => atMs >= sinceMs), nowMs()]
      return Math.max(...moments.slice(1).map((atMs, index) => atMs - (moments[index] ?? 0)))
    },
  }
}
