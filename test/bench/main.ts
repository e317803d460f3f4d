// main.ts - `npm run bench`: measures, prints a table, writes JSON. --quick: a short run; --only NAME; --out FILE
import { writeFileSync } from 'node:fs'
import { cpus, tmpdir, totalmem } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { rfc3339, systemClock } from '../../shared/clock.ts'
import { agentIdle } from './measure/agent-idle.ts'
import { agentRestart } from './measure/agent-restart.ts'
import { apiRates } from './measure/api-rates.ts'
import { coldBoot } from './measure/cold-boot.ts'
import { deploy } from './measure/deploy.ts'
import { failover } from './measure/failover.ts'
import { hubFleet } from './measure/hub-fleet.ts'
import { hubIdle } from './measure/hub-idle.ts'
import { storm } from './measure/storm.ts'
import type { Line, Measurement } from './measurement.ts'
import { createWorkshop } from './workshop.ts'

const ALL: readonly Measurement[] = [
  ...[hubIdle, agentIdle, apiRates, deploy, agentRestart, coldBoot, failover, hubFleet, storm],
]

const { values: flags } = parseArgs({
  options: {
    quick: { type: 'boolean', default: false },
    only: { type: 'string', multiple: true, default: [] },
    out: { type: 'string', default: join(tmpdir(), 'holdfast-bench.json') },
  },
})

interface Result extends Line {
  measurement: string
}

/** Whatever ends it, hubs and agents go with it. */
const ENDS = ['SIGINT', 'SIGTERM', 'uncaughtException'] as const

async function measure({ name, run }: Measurement): Promise<{ results: Result[]; failure?: string }> {
  const workshop = createWorkshop(flags.quick)
  const stop = (why: unknown) => {
    console.error(`bench: ${name} ended by ${why instanceof Error ? why.stack : String(why)}`)
    void workshop.end().then(() => process.exit(1))
  }
  for (const end of ENDS) process.once(end, stop)
  try {
    return { results: (await run(workshop)).map((line) => ({ measurement: name, ...line })) }
  } catch (error) {
    return {
      results: [],
      failure: `${name}: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}`,
    }
  } finally {
    for (const end of ENDS) process.off(end, stop)
    await workshop.end()
  }
}

const figure = (value: number) => (Math.abs(value) >= 100 ? value.toFixed(0) : value.toPrecision(3))

function show({ measurement, what, value, unit, goal, note }: Result): string {
  const verdict = goal === undefined ? '' : value <= goal ? `goal ${goal}: met` : `goal ${goal}: MISSED`
  const cells = [measurement.padEnd(14), what.padEnd(52), `${figure(value)} ${unit}`.padStart(18), verdict.padEnd(18)]
  return `${cells.join('  ')}  ${note ?? ''}`.trimEnd()
}

const chosen = ALL.filter(({ name }) => flags.only.length === 0 || flags.only.includes(name))
if (chosen.length === 0) {
  console.error(`bench: there is ${ALL.map(({ name }) => name).join(', ')}`)
  process.exit(1)
}
const all: Result[] = []
for (const measurement of chosen) {
  const { results, failure } = await measure(measurement)
  all.push(...results)
  for (const result of results) console.log(show(result))
  if (results.length === 0 && !failure)
    console.log(`${measurement.name}: skipped, no container engine answers here (DOCKER_HOST)`)
  if (failure) {
    console.error(failure)
    process.exitCode = 1
  }
}
const machine = { node: process.version, cores: cpus().length, cpu: cpus()[0]?.model, memoryBytes: totalmem() }
const document = { at: rfc3339(systemClock.wallMs()), quick: flags.quick, machine, results: all }
writeFileSync(flags.out, `${JSON.stringify(document, undefined, 2)}\n`)
console.log(`written to ${flags.out}`)
