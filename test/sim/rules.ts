// rules.ts - where broken invariants are reported: the first one ends the run

export interface Failure {
  atMs: number
  invariant: string
  message: string
}

export interface Rules {
  readonly failure: Failure | undefined
  broken(invariant: string, message: string): void
}

export function createRules(nowMs: () => number): Rules {
  let failure: Failure | undefined
  return {
    get failure() {
      return failure
    },
    broken: (invariant, message) => void (failure ??= { atMs: nowMs(), invariant, message }),
  }
}
