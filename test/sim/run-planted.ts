// run-planted.ts - runs the simulator with each planted fault in a process of its own, and says at which seed it was found
import type { Planted } from './planted.ts'
import { runSeeds } from './run-seeds.ts'

export interface PlantedRun {
  faults: readonly Planted[]
  /** In how many seeds each is looked for. */
  seeds: number
  /** So many faults at a time. */
  jobs: number
}

interface Found {
  isFound: boolean
  /** By which seed and rule, or why not. */
  how: string
}

/** Answers the number of those that no seed has found. */
export async function runPlanted({ faults, seeds, jobs }: PlantedRun, print: (text: string) => void): Promise<number> {
  const waiting = faults.map(({ name }) => name)
  let missed = 0
  const work = async () => {
    for (let name = waiting.shift(); name !== undefined; name = waiting.shift()) {
      const { isFound, how } = await runOne(name, seeds)
      if (!isFound) missed++
      print(`${isFound ? 'found ' : 'MISSED'} ${name.padEnd(56)} ${how}`)
    }
  }
  await Promise.all(Array.from({ length: jobs }, work))
  print(`${faults.length - missed} of ${faults.length} planted faults found within ${seeds} seeds`)
  return missed
}

/** Not found is also a fault that could not be planted. */
const runOne = (fault: string, count: number): Promise<Found> =>
  runSeeds({ from: 1, count, jobs: 1, fault }).then(
    ({ failed }) =>
      failed
        ? { isFound: true, how: `seed ${failed.seed}: ${failed.failure.invariant}` }
        : { isFound: false, how: 'all rules held' },
    (error: unknown) => ({ isFound: false, how: String(error) }),
  )
