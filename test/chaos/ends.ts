// ends.ts - what has to be undone when all is over, however it is over: last in, first out, once
export interface Ends {
  add(end: () => Promise<unknown> | void): void
  /** What could not be undone is said, and keeps nothing else. */
  run(): Promise<void>
}

export function createEnds(say: (line: string) => void): Ends {
  const ends: (() => Promise<unknown> | void)[] = []
  let running: Promise<void> | undefined
  async function runAll() {
    for (const end of ends.toReversed()) {
      try {
        await end()
      } catch (error) {
        say(`left behind: ${error instanceof Error ? error.message : String(error)}`)
      }
    }
  }
  return {
    add: (end) => void ends.push(end),
    run: () => (running ??= runAll()),
  }
}
