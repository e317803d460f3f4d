// agent-restart.ts - what workloads notice when their agent is killed and started again: nothing
import { sleep, systemClock } from '../../../shared/clock.ts'
import type { Pod } from '../../../shared/kinds/object.ts'
import type { Measurement } from '../measurement.ts'
import { applyDeployment, isRunning, podsOf } from '../workload.ts'
import { untilMs } from '../workshop.ts'

const PODS = 5
/** Long enough for the agent to do the damage that it could. */
const SETTLE_MS = 5_000

export const agentRestart: Measurement = {
  name: 'agent-restart',
  async run(workshop) {
    const engine = await workshop.engine()
    if (!engine) return []
    const hub = await workshop.hub()
    const agent = await workshop.agent(hub)
    await applyDeployment(hub.api, 'kept', PODS)
    await untilMs(async () => (await podsOf(hub.api, 'kept')).filter(isRunning).length === PODS, 60_000)
    const before = await agent.containers()
    let missing = 0
    let isOver = false
    const watching = (async () => {
      while (!isOver) {
        const running = (await agent.containers()).filter(({ isRunning: runs }) => runs)
        missing += before.filter(({ id }) => !running.some((one) => one.id === id)).length
        await sleep(systemClock, 100)
      }
    })()
    const beganMs = systemClock.monoMs()
    await agent.restart()
    const readyMs = systemClock.monoMs() - beganMs
    await sleep(systemClock, SETTLE_MS)
    isOver = true
    await watching
    const pods = await podsOf(hub.api, 'kept')
    return [
      { what: 'kill -9 and start, until ready', value: readyMs, unit: 'ms' },
      { what: 'containers missing, looked at every 100 ms', value: missing, unit: '', goal: 0 },
      { what: 'restarts that pods count', value: restarts(pods), unit: '', goal: 0 },
    ]
  },
}

const restarts = (pods: readonly Pod[]) =>
  pods.flatMap(({ status }) => status?.containerStatuses ?? []).reduce((sum, { restartCount }) => sum + restartCount, 0)
