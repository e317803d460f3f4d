// limiter.ts - lets only so many run at the same time; the others wait in line
export interface Limiter {
  run<T>(work: () => Promise<T>): Promise<T>
}

export function createLimiter(max: number): Limiter {
  let running = 0
  const line: (() => void)[] = []
  const done = () => {
    running--
    line.shift()?.()
  }
  return {
    async run(work) {
      while (running >= max) await new Promise<void>((resolve) => line.push(resolve))
      running++
      try {
        return await work()
      } finally {
        done()
      }
    },
  }
}
