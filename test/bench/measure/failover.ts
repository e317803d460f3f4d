// failover.ts - a device dies: until what it ran runs on another one
import { systemClock } from '../../../shared/clock.ts'
import type { Line, Measurement } from '../measurement.ts'
import { applyDeployment, isRunning, podsOf } from '../workload.ts'
import { untilMs, type Workshop } from '../workshop.ts'

const WITHIN_MS = 600_000
/** The shortest beat that agents take, and nothing waited for after the lease has ended. */
const FASTEST = ['--beat-every', '1s', '--unreachable-toleration', '0s']

export const failover: Measurement = {
  name: 'failover',
  async run(workshop) {
    if (!(await workshop.engine())) return []
    const fastest = await dieAndReplace(workshop, 'death to replacement running, fastest settings', FASTEST)
    if (workshop.isQuick) return [fastest]
    return [fastest, await dieAndReplace(workshop, 'death to replacement running, default settings', [])]
  },
}

async function dieAndReplace(workshop: Workshop, what: string, flags: readonly string[]): Promise<Line> {
  const hub = await workshop.hub(flags)
  const agents = [await workshop.agent(hub), await workshop.agent(hub)]
  await applyDeployment(hub.api, 'moves', 1)
  const running = async () => (await podsOf(hub.api, 'moves')).find(isRunning)
  await untilMs(async () => (await running()) !== undefined, 60_000)
  const victim = (await running())?.spec.nodeName
  const dying = agents.find(({ nodeName }) => nodeName === victim)
  const beganMs = systemClock.monoMs()
  await dying?.kill9()
  const isElsewhere = async () =>
    (await podsOf(hub.api, 'moves')).some((pod) => pod.spec.nodeName !== victim && isRunning(pod))
  await untilMs(isElsewhere, WITHIN_MS)
  return { what, value: (systemClock.monoMs() - beganMs) / 1000, unit: 's', note: 'agent killed -9' }
}
