// cold-boot.ts - power goes and comes back with an engine that keeps no containers, with or without a hub to ask
import type { Pod } from '../../shared/kinds/object.ts'
import { POD } from '../../shared/kinds/pod.ts'
import { eventually } from '../support/eventually.ts'
import { isLeased } from './apps.ts'
import type { Device } from './device.ts'
import { engineOf, healEngine } from './engine-faults.ts'
import type { Fleet } from './fleet.ts'
import { runningOn, type Running } from './observed.ts'
import { allOf } from './picture.ts'

/** A program that has ended some times is started after up to a minute. */
const BACK_WITHIN_MS = 100_000
const LOOK_EVERY_MS = 500

export async function bootEmpty(fleet: Fleet, device: Device): Promise<void> {
  await loseAll(fleet, device)
  await device.restart()
}

/** The link stays cut; all that the device held, as far as it can be known from outside, has to run before it heals. */
export async function bootOffline(fleet: Fleet, device: Device): Promise<void> {
  const { agent } = device
  agent.host?.unplug()
  const ran = await loseAll(fleet, device)
  // A hub that forgot something may have deletions undone of which the device has heard.
  const canKnow = fleet.hubIs === 'up' && !fleet.wasRestored && !fleet.ailed.has(agent.nodeName)
  const wanted = canKnow ? (await allOf(fleet.client, [POD])).list(POD) : undefined
  await device.restart()
  if (!wanted) return
  await eventually(
    async () => {
      const missing = notBack(ran, wanted, await runningOn(agent, engineOf(fleet)))
      if (missing !== undefined) throw new Error(`${agent.nodeName} has booted without a hub, and ${missing}`)
    },
    BACK_WITHIN_MS,
    LOOK_EVERY_MS,
  )
}

/** Answers what ran. */
async function loseAll(fleet: Fleet, device: Device): Promise<readonly Running[]> {
  const { ended } = fleet
  // The power of the engine too.
  await healEngine(fleet)
  await device.kill()
  const engine = engineOf(fleet)
  const running = await runningOn(device.agent, engine)
  for (const { identity } of running) ended.add(identity.podUid)
  // One that ends by itself meanwhile is as gone as the others.
  await Promise.allSettled(running.map(async (one) => one.kill()))
  await engine?.removeContainersOf(device.agent.nodeName)
  return running
}

/**
 * Of what ran, what the hub wanted when the link was cut already: of that the device has heard nothing else. What runs
 * under a lease waits for the hub. Undefined when all of it is there.
 */
export function notBack(
  ran: readonly Pick<Running, 'identity'>[],
  wanted: readonly Pod[],
  now: readonly Pick<Running, 'identity'>[],
): string | undefined {
  const held = new Set(wanted.flatMap(({ metadata }) => (metadata.deletionTimestamp ? [] : [metadata.uid])))
  const there = new Set(now.map(({ identity }) => identity.podUid))
  const missing = ran.find(({ identity: { pod, podUid } }) => held.has(podUid) && !isLeased(pod) && !there.has(podUid))
  return missing && `${missing.identity.pod} does not run`
}
