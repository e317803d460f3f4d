// seed-worker.ts - a child process that runs ranges of seeds as its parent asks, and ends with it
import { plant } from './plant.ts'
import type { Ran, Range } from './run-seeds.ts'

const [fault] = process.argv.slice(2)
// Before the product is loaded: the fault goes in on the way.
if (fault !== undefined) plant(fault)
const { optionsOf } = await import('./options.ts')
const { simulate } = await import('./simulate.ts')

const say = (ran: Ran) => void process.send?.(ran)

/** Up to the first that breaks a rule. */
async function run({ from, to }: Range): Promise<Ran> {
  const ran: Ran = { events: 0, virtualMs: 0 }
  for (let seed = from; seed < to; seed++) {
    const { failure, lines, events, virtualMs } = await simulate(optionsOf(seed))
    ran.events += events
    ran.virtualMs += virtualMs
    if (failure) return { ...ran, failed: { seed, failure, lines } }
  }
  return ran
}

// Also when the parent was killed.
process.on('disconnect', () => process.exit())
process.on('message', (range: Range) => void run(range).then(say))
say({ events: 0, virtualMs: 0 })
