#!/usr/bin/env node
// main.ts - `npm run sim`: runs seeds of the simulated fleet, replays one, or shows that planted faults are found
import { availableParallelism } from 'node:os'
import { parseArgs } from 'node:util'
import { systemClock } from '../../shared/clock.ts'
import { plant } from './plant.ts'
import { PLANTED } from './planted.ts'
import { runPlanted } from './run-planted.ts'
import { runSeeds } from './run-seeds.ts'

const USAGE = `Usage: npm run sim -- [options]

  --seeds N        run N seeds (default 2000)
  --from N         the first of them (default 1)
  --jobs N         so many at once (default: one for each core)
  --seed N         run this one
  --trace          print everything that happens in it
  --planted [T]    plant each known fault (with T in its name) in turn and say at which seed it is found
  --fault NAME     run with this fault planted`

const print = (text: string) => void process.stdout.write(`${text}\n`)

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    seeds: { type: 'string', default: '2000' },
    from: { type: 'string', default: '1' },
    jobs: { type: 'string', default: String(availableParallelism()) },
    seed: { type: 'string' },
    trace: { type: 'boolean', default: false },
    planted: { type: 'boolean', default: false },
    fault: { type: 'string' },
    help: { type: 'boolean', default: false },
  },
})

const [only = ''] = positionals
const [seeds, from, jobs] = [Number(values.seeds), Number(values.from), Number(values.jobs)]
if (values.help) print(USAGE)
else {
  const isWell = values.planted
    ? (await runPlanted({ faults: PLANTED.filter(({ name }) => name.includes(only)), seeds, jobs }, print)) === 0
    : values.seed === undefined
      ? await runMany()
      : await runOne(Number(values.seed))
  if (!isWell) process.exitCode = 1
}

async function runOne(seed: number): Promise<boolean> {
  // Before the product is loaded: the fault goes in on the way.
  if (values.fault !== undefined) plant(values.fault)
  const { explain } = await import('./explain.ts')
  const { optionsOf } = await import('./options.ts')
  const { simulate } = await import('./simulate.ts')
  print(`options: ${JSON.stringify(optionsOf(seed), undefined, 2)}`)
  const { failure, lines } = await simulate(optionsOf(seed), values.trace ? print : undefined)
  // With a trace they have just been said.
  print(failure ? explain({ seed, failure, lines: values.trace ? [] : lines }) : `seed ${seed}: all rules held`)
  return !failure
}

async function runMany(): Promise<boolean> {
  const beganMs = systemClock.monoMs()
  const { fault } = values
  const { failed, events, virtualMs } = await runSeeds({ from, count: seeds, jobs, ...(fault && { fault }) })
  if (failed) {
    const { explain } = await import('./explain.ts')
    print(explain(failed))
    return false
  }
  const seconds = (systemClock.monoMs() - beganMs) / 1000
  print(
    `${seeds} seeds from ${from}: all rules held. ${events} events, ${(virtualMs / 3_600_000).toFixed(1)} hours of ` +
      `virtual time, ${seconds.toFixed(1)} s (${(seeds / seconds).toFixed(1)} seeds a second)`,
  )
  return true
}
