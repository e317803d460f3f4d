// cold-boot.ts - a device that boots without its hub, its containers gone: until all of them run again
import { systemClock } from '../../../shared/clock.ts'
import { median, type Measurement } from '../measurement.ts'
import { applyDeployment, isRunning, podsOf } from '../workload.ts'
import { untilMs } from '../workshop.ts'

const PODS = 5
const WITHIN_MS = 60_000

export const coldBoot: Measurement = {
  name: 'cold-boot',
  async run(workshop) {
    const engine = await workshop.engine()
    if (!engine) return []
    const hub = await workshop.hub()
    const agent = await workshop.agent(hub)
    await applyDeployment(hub.api, 'boots', PODS)
    await untilMs(async () => (await podsOf(hub.api, 'boots')).filter(isRunning).length === PODS, WITHIN_MS)
    await hub.kill9()
    const runs: number[] = []
    for (let run = 0; run < (workshop.isQuick ? 3 : 20); run++) {
      await agent.kill9()
      await engine.removeContainersOf(agent.nodeName)
      const beganMs = systemClock.monoMs()
      await agent.restart()
      const running = async () =>
        (await agent.containers()).filter((one) => one.isRunning && one.name === 'app').length === PODS
      await untilMs(running, WITHIN_MS)
      runs.push(systemClock.monoMs() - beganMs)
    }
    const note = `${runs.length} boots`
    return [
      { what: `hub away, ${PODS} pods, p50`, value: median(runs), unit: 'ms', note },
      { what: `hub away, ${PODS} pods, max`, value: Math.max(...runs), unit: 'ms', goal: 15_000, note },
    ]
  },
}
