// hub-fleet.ts - a hub with a thousand devices and five thousand pods: memory and processor time
import { sleep, systemClock } from '../../../shared/clock.ts'
import type { Line, Measurement } from '../measurement.ts'
import { cpuPercentOver, cpuSecondsOf, memoryOf } from '../process-figures.ts'
import { applyDeployment } from '../workload.ts'
import { untilMs, type BenchHub } from '../workshop.ts'

const WITHIN_MS = 600_000
/** What was allocated on the way up is given back by then. */
const SETTLE_MS = 30_000
const DEPLOYMENTS = 10

export const hubFleet: Measurement = {
  name: 'hub-fleet',
  async run({ hub: startHub, fleet: startFleet, isQuick }) {
    const [devices, pods] = isQuick ? [100, 500] : [1_000, 5_000]
    const hub = await startHub()
    const enrolCpu = cpuSecondsOf(hub.pid)
    const fleet = await startFleet(hub, devices)
    const enrolled = cpuSecondsOf(hub.pid) - enrolCpu
    await fleet.connect()
    const onlineMs = await untilMs(async () => (await fleet.online()) === devices, WITHIN_MS, 250)
    const connected = await figures(hub, `${devices} devices`, isQuick)
    const placedMs = await runPods(hub, pods)
    return [
      { what: `enrolment, CPU of the hub`, value: (1000 * enrolled) / devices, unit: 'ms/device' },
      { what: `${devices} devices connect at once, until all Online`, value: onlineMs / 1000, unit: 's' },
      ...connected,
      { what: `apply to running, ${pods} pods`, value: placedMs / 1000, unit: 's', note: 'devices report at once' },
      ...(await figures(hub, `${devices} devices, ${pods} pods`, isQuick)),
    ]
  },
}

async function runPods(hub: BenchHub, pods: number): Promise<number> {
  const beganMs = systemClock.monoMs()
  for (let at = 0; at < DEPLOYMENTS; at++) await applyDeployment(hub.api, `many-${at}`, pods / DEPLOYMENTS)
  const ready = async () => {
    const { items } = await hub.api.get('/apis/apps/v1/namespaces/default/deployments')
    const counts: number[] = items.map(
      ({ status }: { status?: { readyReplicas?: number } }) => status?.readyReplicas ?? 0,
    )
    return counts.reduce((sum, count) => sum + count, 0) === pods
  }
  await untilMs(ready, WITHIN_MS, 250)
  return systemClock.monoMs() - beganMs
}

async function figures(hub: BenchHub, what: string, isQuick: boolean): Promise<Line[]> {
  await sleep(systemClock, isQuick ? 5_000 : SETTLE_MS)
  const cpu = await cpuPercentOver(hub.pid, isQuick ? 10_000 : 60_000)
  const { rssMb, anonMb } = memoryOf(hub.pid)
  return [
    { what: `${what}: RSS`, value: rssMb, unit: 'MB' },
    { what: `${what}: of it private`, value: anonMb, unit: 'MB' },
    { what: `${what}: CPU at 10 s beats`, value: cpu, unit: '% of a core' },
  ]
}
