// sim.test.ts - the simulated fleet: a fixed number of seeds, a seed that replays, and a few planted faults that must be found
import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { availableParallelism } from 'node:os'
import t from 'tap'
import { explain } from './explain.ts'
import { optionsOf } from './options.ts'
import { edited } from './plant-hooks.ts'
import { PLANTED } from './planted.ts'
import { runPlanted } from './run-planted.ts'
import { runSeeds } from './run-seeds.ts'
import { simulate } from './simulate.ts'

/** Some 75 s on two cores. */
const SEEDS = 2_000
const JOBS = availableParallelism()
/** The quickest of each part, found by the first few seeds; all of them: npm run sim -- --planted. */
const QUICK = [
  'acknowledge before commit',
  'the hub serves before it is durable',
  'a state is signed before it is durable',
  'signatures are not checked',
  'the outbox is cleared on send',
  'the journal is acknowledged before it is stored',
  'a batch of the journal is recorded in reverse',
  'a pod is deleted before its device has stopped it',
  'no quiet period after a restart of the hub',
  'what was running is made anew when the agent starts',
  'the hub does not wait for the fence',
]
/** A run ends when it has found its fault; after a change of the product it may be another seed that does. */
const QUICK_SEEDS = 60

t.test('Whatever goes wrong, the fleet keeps its promises and comes to rest as people want it', async (t) => {
  const { failed } = await runSeeds({ from: 1, count: SEEDS, jobs: JOBS })
  t.equal(failed && explain(failed), undefined, `${SEEDS} seeds`)
})

t.test('A seed is a bug report: run again, it is the same to the last event', async (t) => {
  const runOnce = async () => {
    const hash = createHash('sha256')
    await simulate(optionsOf(12), (line) => void hash.update(line))
    return hash.digest('hex')
  }
  t.equal(await runOnce(), await runOnce())
})

t.test('The lowest seed that fails is the one that is told, however many run at once', async (t) => {
  const fault = 'signatures are not checked'
  const [alone, many] = await Promise.all([1, 3].map((jobs) => runSeeds({ from: 1, count: QUICK_SEEDS, jobs, fault })))
  t.ok(alone?.failed)
  t.same(many?.failed, alone?.failed)
})

t.test('Every planted fault still fits the product', async (t) => {
  for (const { name, edits } of PLANTED) {
    for (const edit of edits) {
      const source = readFileSync(new URL(`../../${edit.file}`, import.meta.url), 'utf8')
      t.doesNotThrow(() => edited(source, edit), name)
    }
  }
})

t.test('Faults that are planted are found', async (t) => {
  const faults = PLANTED.filter(({ name }) => QUICK.includes(name))
  t.equal(faults.length, QUICK.length)
  const said: string[] = []
  const missed = await runPlanted({ faults, seeds: QUICK_SEEDS, jobs: JOBS }, (line) => said.push(line))
  t.equal(missed, 0, said.join('; '))
})
