// identity.ts - the disk of a device is copied into a second machine, which is there for a while: the first one is not disturbed
import { join } from 'node:path'
import type { Event, Node } from '../../shared/kinds/object.ts'
import { systemRandom } from '../../shared/random.ts'
import { STATE_ANNOTATION } from '../../hub/fleet/node-status.ts'
import type { AgentProcess } from '../support/agent-process.ts'
import { cloneOf, sessionsOf, timesTold, wasSentAway, type Clone } from '../support/clone.ts'
import { eventually } from '../support/eventually.ts'
import type { Device } from './device.ts'
import type { Fleet } from './fleet.ts'

const WITHIN_MS = 30_000
const LOOK_EVERY_MS = 100
/** Once could be luck. */
const KNOCKS = 3

export async function copyIdentity(fleet: Fleet, device: Device): Promise<'not now' | void> {
  // Without a hub nobody can tell the two apart, and whoever is there first is believed: that is to be the original.
  if (fleet.hubIs !== 'up') return 'not now'
  const { agent } = device
  fleet.hubHost?.heal()
  agent.host?.heal()
  await device.kill()
  await until(async () => (await stateOf(fleet, agent)) !== 'Online')
  const clone = cloneOf(agent, join(fleet.dir, `clone-${systemRandom.uuid()}`), fleet.spareHost)
  fleet.guests.add(clone)
  try {
    const before = sessionsOf(agent.logs())
    await device.restart()
    await until(async () => sessionsOf(agent.logs()) > before && (await stateOf(fleet, agent)) === 'Online')
    await meet(fleet, agent, clone)
  } finally {
    await clone.remove()
    fleet.guests.delete(clone)
  }
  return undefined
}

async function meet(fleet: Fleet, agent: AgentProcess, clone: Clone): Promise<void> {
  const [sessions, told] = [sessionsOf(agent.logs()), timesTold(agent.logs())]
  const warnings = await warningsOf(fleet, agent)
  for (let knocks = 0; knocks < KNOCKS; knocks++) {
    await clone.start()
    await until(() => wasSentAway(clone.log()) || sessionsOf(clone.log()) > 0)
    if (sessionsOf(clone.log()) > 0) throw new Error(`a copy of ${agent.nodeName} was taken for the original`)
  }
  await until(() => timesTold(agent.logs()) > told)
  await until(async () => (await warningsOf(fleet, agent)) > warnings)
  const more = sessionsOf(agent.logs()) - sessions
  if (more > 0) throw new Error(`a copy of ${agent.nodeName} has disturbed it: ${more} new sessions`)
}

const until = (check: () => boolean | Promise<boolean>) => eventually(check, WITHIN_MS, LOOK_EVERY_MS)

async function stateOf({ client }: Fleet, { nodeName }: AgentProcess): Promise<string | undefined> {
  const { metadata } = await client.get<Node>(`/api/v1/nodes/${nodeName}`)
  return metadata.annotations?.[STATE_ANNOTATION]
}

/** How often the hub has said that two devices show this identity. */
async function warningsOf({ client }: Fleet, { nodeName }: AgentProcess): Promise<number> {
  const { items } = await client.get<{ items: Event[] }>('/api/v1/events?fieldSelector=reason=DuplicateIdentity')
  const about = items.filter(({ involvedObject }) => involvedObject.name === nodeName)
  return about.reduce((sum, { count }) => sum + (count ?? 1), 0)
}
