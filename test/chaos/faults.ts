// faults.ts - what bad luck does to a fleet; each answers in words what it has done
import type { Chance } from '../sim/chance.ts'
import { findFaketime } from '../support/wrong-clock.ts'
import { bootEmpty, bootOffline } from './cold-boot.ts'
import type { Device } from './device.ts'
import type { DiskTrouble } from './disks.ts'
import { engineOf, hangEngine, healEngine, killEngine, loseContainers, restartEngine } from './engine-faults.ts'
import type { Fleet } from './fleet.ts'
import { copyIdentity } from './identity.ts'
import { runningOn } from './observed.ts'
import { restoreHub } from './restore.ts'
import type { Writer } from './writer.ts'

/** Some cannot come at any moment. */
type Outcome = 'not now' | void
type Fault = (fleet: Fleet, device: Device, chance: Chance, writer: Writer) => Promise<Outcome> | Outcome

/** Of one device. */
const TO_DEVICES: Readonly<Record<string, Fault>> = {
  'agent killed': (_, device) => device.kill(),
  'agent killed and started': (_, device) => device.restart(),
  'agent hangs': (_, device) => device.hang(),
  'agent goes on': (_, device) => device.goOn(),
  'store damaged': (_, device, chance) => device.damage(chance),
  'log of the store lost': (_, device) => device.loseLog(),
  'a program ends': endProgram,
  'boots again, and nothing of what ran is left': bootEmpty,
  'its disk is copied into a second machine': copyIdentity,
}

const faketime = findFaketime()
const TO_CLOCKS: Readonly<Record<string, Fault>> = faketime
  ? { 'starts with a wrong clock': (_, device, chance) => device.loseTime(faketime, chance) }
  : {}

const TO_DISKS: Readonly<Record<string, Fault>> = {
  'disk full': ({ ailed }, device) => {
    if (device.diskTroubles.length > 0) return 'not now'
    ailed.add(device.agent.nodeName)
    return device.fillDisk()
  },
  'disk read-only': ({ ailed }, device) => {
    ailed.add(device.agent.nodeName)
    return device.makeDiskReadOnly()
  },
  'disk healed': (_, device) => device.healDisk(),
}

const TO_ENGINE: Readonly<Record<string, Fault>> = {
  'engine: killed': killEngine,
  'engine: hangs': hangEngine,
  'engine: goes on, or is started': healEngine,
  'engine: killed and started': restartEngine,
  'engine: killed and started, and what it ran has ended': loseContainers,
}

const TO_LINKS: Readonly<Record<string, Fault>> = {
  'boots again without a hub, and nothing of what ran is left': bootOffline,
  'link cut': (_, { agent }) => agent.host?.cut(),
  'what it says is lost': (_, { agent }) => agent.host?.cut('out'),
  'what it hears is lost': (_, { agent }) => agent.host?.cut('in'),
  'cable pulled': (_, { agent }) => agent.host?.unplug(),
  'link healed': (_, { agent }) => agent.host?.heal(),
  'hub: link cut': ({ hubHost }) => hubHost?.cut(),
  'hub: link healed': ({ hubHost }) => hubHost?.heal(),
}

const TO_HUB: Readonly<Record<string, Fault>> = {
  'hub: killed': (fleet) => killHub(fleet),
  'hub: killed and started': (fleet) => startHub(fleet),
  'hub: hangs': (fleet) => {
    if (fleet.hubIs !== 'up') return 'not now'
    process.kill(fleet.hub.pid, 'SIGSTOP')
    fleet.hubIs = 'hanging'
    return undefined
  },
  'hub: goes on': wakeHub,
  'hub: restored from a backup': async (fleet, _device, _chance, writer) => {
    if (fleet.hubIs !== 'up') return 'not now'
    await writer.during(() => restoreHub(fleet))
    fleet.wasRestored = true
    return undefined
  },
  'all: killed and started': async (fleet) => {
    await Promise.all([killHub(fleet), ...fleet.devices.map((device) => device.kill())])
    await Promise.all([startHub(fleet), ...fleet.devices.map((device) => device.restart())])
  },
}

async function endProgram(fleet: Fleet, { agent }: Device, chance: Chance): Promise<Outcome> {
  const running = await runningOn(agent, engineOf(fleet))
  if (running.length === 0) return 'not now'
  const victim = chance.pick(running)
  fleet.ended.add(victim.identity.podUid)
  await victim.kill()
  return undefined
}

export async function fault(fleet: Fleet, writer: Writer, chance: Chance): Promise<string> {
  const table = {
    ...{ ...TO_DEVICES, ...TO_CLOCKS, ...TO_HUB },
    ...(fleet.hasLinks && TO_LINKS),
    ...(fleet.hasDisks && TO_DISKS),
    ...(fleet.ownEngine && TO_ENGINE),
  }
  // Each comes once before any comes again: also a short run has most of them.
  if (fleet.toCome.length === 0) fleet.toCome = Object.keys(table)
  const name = chance.pick(fleet.toCome)
  const device = chance.pick(fleet.devices)
  const outcome = await table[name]?.(fleet, device, chance, writer)
  const what = name.includes(':') ? name : `${device.agent.nodeName}: ${name}`
  if (outcome === 'not now') return `not now: ${what}`
  fleet.toCome = fleet.toCome.filter((one) => one !== name)
  return what
}

/** Nothing is wrong any more but the disks; what was wrong has its consequences still. */
export async function heal(fleet: Fleet): Promise<void> {
  fleet.hubHost?.heal()
  wakeHub(fleet)
  await healEngine(fleet)
  if (fleet.hubIs === 'down') await startHub(fleet)
  await Promise.all(fleet.devices.map((device) => device.heal()))
}

export const sickDisks = ({ devices }: Fleet): Map<string, readonly DiskTrouble[]> =>
  new Map(
    devices.flatMap(({ agent, diskTroubles }) =>
      diskTroubles.length > 0 ? [[agent.nodeName, diskTroubles] as const] : [],
    ),
  )

export function healDisks({ devices }: Fleet): void {
  for (const device of devices) device.healDisk()
}

async function killHub(fleet: Fleet): Promise<void> {
  await fleet.hub.kill9()
  fleet.hubIs = 'down'
}

async function startHub(fleet: Fleet): Promise<void> {
  await fleet.hub.restart()
  fleet.hubIs = 'up'
}

function wakeHub(fleet: Fleet): void {
  if (fleet.hubIs !== 'hanging') return
  process.kill(fleet.hub.pid, 'SIGCONT')
  fleet.hubIs = 'up'
}
