// hub-idle.ts - a hub that nobody uses: memory and processor time
import { sleep, systemClock } from '../../../shared/clock.ts'
import type { Measurement } from '../measurement.ts'
import { cpuPercentOver, memoryOf } from '../process-figures.ts'

const SETTLE_MS = 10_000

export const hubIdle: Measurement = {
  name: 'hub-idle',
  async run({ hub: startHub, isQuick }) {
    const hub = await startHub()
    await sleep(systemClock, SETTLE_MS)
    const cpu = await cpuPercentOver(hub.pid, isQuick ? 10_000 : 30_000)
    const { rssMb, anonMb } = memoryOf(hub.pid)
    return [
      { what: 'RSS', value: rssMb, unit: 'MB' },
      { what: 'of it private (anonymous)', value: anonMb, unit: 'MB' },
      { what: 'CPU', value: cpu, unit: '% of a core' },
    ]
  },
}
