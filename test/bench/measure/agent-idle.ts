// agent-idle.ts - an agent as shipped that has nothing to do: memory, processor time, bytes over the link and to the disk
import { sleep, systemClock } from '../../../shared/clock.ts'
import { startByteCounter, wireBytes, type ByteCounter } from '../byte-counter.ts'
import type { Line, Measurement } from '../measurement.ts'
import { cpuSecondsOf, memoryOf, writtenBytesOf } from '../process-figures.ts'
import type { Workshop } from '../workshop.ts'

const DAY_MS = 86_400_000
const SETTLE_MS = 20_000
const MB = 1_000_000

export const agentIdle: Measurement = {
  name: 'agent-idle',
  async run(workshop) {
    const plain = await idle(workshop, [], 2)
    const metered = await idle(workshop, ['--labels', 'holdfast.dev/profile=metered'], 1)
    return [...plain, ...metered.filter(({ unit }) => unit.startsWith('MB/')).map(asMetered)]
  },
}

const asMetered = (line: Line): Line => ({ ...line, what: `${line.what}, profile metered` })

async function idle(workshop: Workshop, tokenFlags: readonly string[], linkGoalMb: number): Promise<Line[]> {
  const counter = await startByteCounter()
  try {
    return await idleBehind(counter, workshop, tokenFlags, linkGoalMb)
  } finally {
    counter.close()
  }
}

async function idleBehind(counter: ByteCounter, workshop: Workshop, tokenFlags: readonly string[], goal: number) {
  const hub = await workshop.hub(['--advertise-mqtt-port', String(counter.port)])
  counter.target = hub.mqttPort
  const agent = await workshop.agent(hub, { tokenFlags })
  // The process that joined has loaded what joining needs: a device runs the next one.
  await agent.restart()
  await sleep(systemClock, SETTLE_MS)
  const [before, beganMs] = [figuresOf(agent.pid, counter), systemClock.monoMs()]
  await sleep(systemClock, workshop.isQuick ? 60_000 : 300_000)
  const after = figuresOf(agent.pid, counter)
  const windowMs = systemClock.monoMs() - beganMs
  const perDay = (total: number) => (total * DAY_MS) / windowMs
  const note = `from ${Math.round(windowMs / 1000)} s`
  const { rssMb, anonMb } = memoryOf(agent.pid)
  return [
    { what: 'RSS', value: rssMb, unit: 'MB', goal: 55 },
    { what: 'of it private (anonymous)', value: anonMb, unit: 'MB' },
    { what: 'CPU', value: (100_000 * (after.cpu - before.cpu)) / windowMs, unit: '% of a core', note },
    { what: 'link, TLS and estimated TCP/IP', value: perDay(after.wire - before.wire) / 24 / 1000, unit: 'kB/h', note },
    {
      what: 'link, TLS and estimated TCP/IP',
      value: perDay(after.wire - before.wire) / MB,
      unit: 'MB/day',
      goal,
      note,
    },
    { what: 'link, TLS alone', value: perDay(after.bytes - before.bytes) / MB, unit: 'MB/day', note },
    { what: 'written to the disk', value: perDay(after.disk - before.disk) / MB, unit: 'MB/day', goal: 5, note },
  ]
}

function figuresOf(pid: number, counter: ByteCounter) {
  const traffic = counter.traffic()
  return { cpu: cpuSecondsOf(pid), disk: writtenBytesOf(pid), wire: wireBytes(traffic), bytes: traffic.bytes }
}
