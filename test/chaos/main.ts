// main.ts - `npm run chaos -- --minutes 5 [--seed N]`: real programs, random faults, and after each quiet period everything is as wanted
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { systemClock } from '../../shared/clock.ts'
import { systemRandom } from '../../shared/random.ts'
import { createChance } from '../sim/chance.ts'
import { createEnds } from './ends.ts'
import { startFleet, type Fleet } from './fleet.ts'
import { playRound, quiet } from './round.ts'
import { createUser } from './user.ts'
import { startWriter } from './writer.ts'

const USAGE = `Usage: npm run chaos -- [--minutes N] [--seed N]
A hub and three devices as real programs; faults and users at random, then quiet, again and again. The seed decides what
happens, the machine decides when: the same seed tells the same story, not always with the same end.`

/** A week: nobody waits longer for chaos. */
const MINUTES_MAX = 10_080
const SEEDS = 2 ** 31
/** What a failure shows of it; more nobody reads. */
const HISTORY_MAX = 400
const LOG_LENGTH_SHOWN = 40_000

interface Settings {
  minutes: number
  seed: number
}

function readSettings(): Settings | undefined {
  const { values } = parseArgs({
    options: {
      minutes: { type: 'string', default: '5' },
      seed: { type: 'string', default: String(Math.floor(systemRandom.float() * SEEDS)) },
    },
  })
  const [minutes, seed] = [Number(values.minutes), Number(values.seed)]
  const isGood = minutes > 0 && minutes <= MINUTES_MAX && Number.isInteger(seed) && seed >= 0
  return isGood ? { minutes, seed } : undefined
}

type Tell = (line: string) => void

async function play(fleet: Fleet, { minutes, seed }: Settings, tell: Tell, stopping: AbortSignal): Promise<number> {
  const chance = createChance(seed)
  const singletonFile = join(fleet.dir, 'singleton')
  const user = createUser({ client: fleet.client, chance: chance.branch(), hasEngine: fleet.engine !== undefined })
  await user.begin(singletonFile)
  const writer = startWriter(fleet.client)
  try {
    const deps = { fleet, user, writer, chance, singletonFile, tell, stopping }
    let picture = await quiet(deps)
    const endMs = systemClock.monoMs() + minutes * 60_000
    let rounds = 0
    for (; rounds === 0 || systemClock.monoMs() < endMs; rounds++) {
      tell(`round ${rounds + 1}`)
      picture = await playRound(deps, picture)
    }
    return rounds
  } finally {
    await writer.stop()
  }
}

/** Bounded, and printed as it comes. */
function createHistory(): { tell: Tell; lines: readonly string[] } {
  const startedMs = systemClock.monoMs()
  const lines: string[] = []
  const tell = (line: string) => {
    const told = `${((systemClock.monoMs() - startedMs) / 1000).toFixed(1).padStart(7)} s  ${line}`
    lines.push(told)
    if (lines.length > HISTORY_MAX) lines.shift()
    process.stdout.write(`${told}\n`)
  }
  return { tell, lines }
}

async function run(settings: Settings): Promise<boolean> {
  const { tell, lines } = createHistory()
  tell(`seed ${settings.seed}, ${settings.minutes} minutes`)
  const ends = createEnds(say)
  const stopping = new AbortController()
  const starting = startFleet(ends)
  for (const signal of ['SIGINT', 'SIGTERM'] as const)
    process.once(signal, () => {
      stopping.abort()
      void Promise.allSettled([starting])
        .then(() => ends.run())
        .then(() => process.exit(130))
    })
  let logs = () => ''
  try {
    const fleet = await starting
    logs = fleet.logs
    for (const what of fleet.leftOut) tell(`left out: ${what}`)
    const rounds = await play(fleet, settings, tell, stopping.signal)
    tell(`${rounds} rounds, nothing found`)
    return true
  } catch (error) {
    if (!stopping.signal.aborted) {
      say(`${logs().slice(-LOG_LENGTH_SHOWN)}\n--- history\n${lines.join('\n')}`)
      say(`FOUND with --seed ${settings.seed}: ${error instanceof Error ? error.stack : String(error)}`)
    }
    return false
  } finally {
    await ends.run()
    // Whoever interrupted says with which code it ends.
    if (stopping.signal.aborted) await new Promise(() => undefined)
  }
}

const say = (text: string) => void process.stderr.write(`${text}\n`)

const settings = readSettings()
if (!settings) {
  say(USAGE)
  process.exit(1)
}
process.exit((await run(settings)) ? 0 : 1)
