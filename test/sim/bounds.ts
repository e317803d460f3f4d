// bounds.ts - everything is bounded: queues, journals, events, watchers, what is on its way and what is still to happen
import { EVENTS_PER_NAMESPACE_MAX } from '../../hub/store/event-limits.ts'
import { EVENT } from '../../shared/kinds/event.ts'
import type { World } from './world.ts'

/** The recorder lets some more come together before it sweeps. */
const EVENTS_MAX = EVENTS_PER_NAMESPACE_MAX + 200
/** Far above what a few devices need, far below what a leak would reach within minutes. */
const IN_FLIGHT_MAX = 2_000
const WATCHERS_MAX = 100
const CONNECTIONS_PER_NODE_MAX = 50
const TO_HAPPEN_MAX = 50_000

export function checkBounds({ hub, sites, network, timeline, options, rules }: World): void {
  const within = (what: string, count: number, max: number) => {
    if (count > max) rules.broken('queues stay within bounds', `${what}: ${count}, at most ${max}`)
  }
  within('messages on their way', network.inFlight, IN_FLIGHT_MAX)
  within('timers', timeline.waiting, TO_HAPPEN_MAX)
  for (const { device } of sites) {
    within(`entries in the journal of ${device.name}`, device.disk.journalSize, options.journalEntriesMax)
    within(`connections of ${device.name}`, network.circuits(device.name).length, CONNECTIONS_PER_NODE_MAX)
  }
  const { core } = hub
  if (!core) return
  within('watchers of the store', core.store.counters.watchers, WATCHERS_MAX)
  within('events', core.objects.list(EVENT, 'default').length, EVENTS_MAX)
}
