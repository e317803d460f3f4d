// deploy.ts - from apply to running on a container engine, beside the plain calls on the same engine, and its bytes
import type { Engine } from '../../support/engine.ts'
import { BUSYBOX_IMAGE } from '../../support/busybox-image.ts'
import { startByteCounter, wireBytes, type ByteCounter } from '../byte-counter.ts'
import { median, type Line, type Measurement } from '../measurement.ts'
import { applyDeployment, removeDeployment, runningPods } from '../workload.ts'
import { untilMs, type BenchHub } from '../workshop.ts'
import { systemClock } from '../../../shared/clock.ts'
import { systemRandom } from '../../../shared/random.ts'

/** As many as the agent starts at once. */
const AT_ONCE = 10
const RATIO_GOAL = 1.5
const WITHIN_MS = 180_000

export const deploy: Measurement = {
  name: 'deploy',
  async run(workshop) {
    const engine = await workshop.engine()
    if (!engine) return []
    const counter = await startByteCounter()
    try {
      const hub = await workshop.hub(['--advertise-mqtt-port', String(counter.port)])
      counter.target = hub.mqttPort
      await workshop.agent(hub)
      // Loads the sandbox's image, which a device does once in its life.
      await deployed(hub, counter, 1)
      const lines: Line[] = []
      for (const [count, runs] of workshop.isQuick ? QUICK : FULL)
        lines.push(...(await both(hub, counter, engine, count, runs)))
      return lines
    } finally {
      counter.close()
    }
  },
}

const QUICK = [
  [1, 3],
  [10, 1],
] as const
const FULL = [
  [1, 7],
  [10, 5],
  [50, 3],
] as const

/** In turn, so that what else the machine does hits both alike. */
async function both(hub: BenchHub, counter: ByteCounter, engine: Engine, count: number, runs: number): Promise<Line[]> {
  const [ours, plain, bytes]: [number[], number[], number[]] = [[], [], []]
  for (let run = 0; run < runs; run++) {
    plain.push(await plainMs(engine, count))
    const one = await deployed(hub, counter, count)
    ours.push(one.ms)
    bytes.push(one.bytes)
  }
  const what = `${count} ${count === 1 ? 'container' : 'containers'}`
  return [
    {
      what: `${what}: plain create and start`,
      value: median(plain),
      unit: 'ms',
      note: `${AT_ONCE} at once, of ${runs}`,
    },
    { what: `${what}: apply to running`, value: median(ours), unit: 'ms' },
    { what: `${what}: ratio`, value: median(ours) / median(plain), unit: 'x', goal: RATIO_GOAL },
    { what: `${what}: bytes on the link`, value: median(bytes) / 1000, unit: 'kB' },
  ]
}

async function deployed(hub: BenchHub, counter: ByteCounter, count: number): Promise<{ ms: number; bytes: number }> {
  const before = wireBytes(counter.traffic())
  const watch = await hub.api.watch('/api/v1/namespaces/default/pods?watch=true')
  const beganMs = systemClock.monoMs()
  await applyDeployment(hub.api, 'bench', count)
  await untilMs(() => runningPods(watch.events) >= count, WITHIN_MS, 5)
  const ms = systemClock.monoMs() - beganMs
  const bytes = wireBytes(counter.traffic()) - before
  watch.end()
  await removeDeployment(hub.api, 'bench', WITHIN_MS)
  return { ms, bytes }
}

/** What the same containers cost whoever calls the engine by hand. */
async function plainMs({ client }: Engine, count: number): Promise<number> {
  const run = systemRandom.uuid().slice(0, 6)
  const ids: string[] = []
  const numbers = Array.from({ length: count }, (_, at) => at).values()
  const worker = async () => {
    for (const at of numbers) {
      const body = { Image: BUSYBOX_IMAGE, Cmd: ['sleep', '3600'], HostConfig: { NetworkMode: 'bridge' } }
      const query = { name: `bench-plain-${run}-${at}` }
      // The engine's documented answer.
      const made = (await client.call({ method: 'POST', path: '/containers/create', query, body })) as { Id: string }
      ids.push(made.Id)
      await client.call({ method: 'POST', path: `/containers/${made.Id}/start`, boundMs: WITHIN_MS })
    }
  }
  const beganMs = systemClock.monoMs()
  try {
    await Promise.all(Array.from({ length: AT_ONCE }, worker))
    return systemClock.monoMs() - beganMs
  } finally {
    for (const id of ids)
      await client.call({ method: 'DELETE', path: `/containers/${id}`, query: { force: true }, boundMs: WITHIN_MS })
  }
}
