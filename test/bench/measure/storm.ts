// storm.ts - the hub is killed and comes back: a thousand devices connect at once, and none is called lost meanwhile
import { systemClock } from '../../../shared/clock.ts'
import type { Node } from '../../../shared/kinds/object.ts'
import type { Measurement } from '../measurement.ts'
import { cpuSecondsOf } from '../process-figures.ts'
import { untilMs } from '../workshop.ts'

const WITHIN_MS = 600_000
const NODES = '/api/v1/nodes'
/** Nothing but these may be said of a device that lives. */
const FINE = new Set(['Online', 'Late'])

export const storm: Measurement = {
  name: 'storm',
  async run({ hub: startHub, fleet: startFleet, isQuick }) {
    const devices = isQuick ? 100 : 1_000
    const hub = await startHub()
    const fleet = await startFleet(hub, devices)
    await fleet.connect()
    const nodes = async (): Promise<Node[]> => (await hub.api.get(NODES)).items
    const allOnline = async () =>
      (await fleet.online()) === devices && (await nodes()).every((node) => stateOf(node) === 'Online')
    await untilMs(allOnline, WITHIN_MS, 250)
    const lost = new Set<string>()
    const beganMs = systemClock.monoMs()
    await hub.restart()
    const readyMs = systemClock.monoMs() - beganMs
    const again = async () => {
      const seen = await nodes()
      for (const node of seen) if (!FINE.has(stateOf(node)) || !isReady(node)) lost.add(node.metadata.name)
      return (await fleet.online()) === devices && seen.every((node) => stateOf(node) === 'Online')
    }
    await untilMs(again, WITHIN_MS, 250)
    const totalMs = systemClock.monoMs() - beganMs
    return [
      { what: 'hub killed -9 and started, until ready', value: readyMs / 1000, unit: 's' },
      { what: `kill to all ${devices} devices Online`, value: totalMs / 1000, unit: 's' },
      { what: 'CPU of the hub until then', value: (1000 * cpuSecondsOf(hub.pid)) / devices, unit: 'ms/device' },
      { what: 'devices called lost or not ready meanwhile', value: lost.size, unit: '', goal: 0 },
    ]
  },
}

const stateOf = ({ metadata }: Node): string => metadata.annotations?.['holdfast.dev/state'] ?? ''
const isReady = ({ status }: Node): boolean =>
  status?.conditions?.some(({ type, status: value }) => type === 'Ready' && value === 'True') ?? false
