// faults.ts - what bad luck does to a fleet; each answers in words what it has done
import type { Chance } from '../sim/chance.ts'
import { findFaketime } from '../support/wrong-clock.ts'
import type { Device } from './device.ts'
import type { Fleet } from './fleet.ts'
import { runningOn } from './observed.ts'
import { restoreHub } from './restore.ts'
import type { Writer } from './writer.ts'

type Fault = (fleet: Fleet, device: Device, chance: Chance, writer: Writer) => Promise<void> | void

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
}

const faketime = findFaketime()
const TO_CLOCKS: Readonly<Record<string, Fault>> = faketime
  ? { 'starts with a wrong clock': (_, device, chance) => device.loseTime(faketime, chance) }
  : {}

const TO_LINKS: Readonly<Record<string, Fault>> = {
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
    if (fleet.hubIs !== 'up') return
    process.kill(fleet.hub.pid, 'SIGSTOP')
    fleet.hubIs = 'hanging'
  },
  'hub: goes on': wakeHub,
  'hub: restored from a backup': async (fleet, _device, _chance, writer) => {
    if (fleet.hubIs !== 'up') return
    await writer.during(() => restoreHub(fleet))
    fleet.wasRestored = true
  },
  'all: killed and started': async (fleet) => {
    await Promise.all([killHub(fleet), ...fleet.devices.map((device) => device.kill())])
    await Promise.all([startHub(fleet), ...fleet.devices.map((device) => device.restart())])
  },
}

async function endProgram({ engine, ended }: Fleet, { agent }: Device, chance: Chance): Promise<void> {
  const running = await runningOn(agent, engine)
  if (running.length === 0) return
  const victim = chance.pick(running)
  ended.add(victim.identity.podUid)
  await victim.kill()
}

/** As after a power cut with an engine that keeps no containers. */
async function bootEmpty({ engine, ended }: Fleet, device: Device): Promise<void> {
  await device.kill()
  const running = await runningOn(device.agent, engine)
  for (const { identity } of running) ended.add(identity.podUid)
  // One that ends by itself meanwhile is as gone as the others.
  await Promise.allSettled(running.map(async (one) => one.kill()))
  await engine?.removeContainersOf(device.agent.nodeName)
  await device.restart()
}

export async function fault(fleet: Fleet, writer: Writer, chance: Chance): Promise<string> {
  const table = { ...TO_DEVICES, ...TO_CLOCKS, ...(fleet.hasLinks && TO_LINKS), ...TO_HUB }
  const name = chance.pick(Object.keys(table))
  const device = chance.pick(fleet.devices)
  await table[name]?.(fleet, device, chance, writer)
  return name.includes(':') ? name : `${device.agent.nodeName}: ${name}`
}

/** Nothing is wrong any more; what was wrong has its consequences still. */
export async function heal(fleet: Fleet): Promise<void> {
  fleet.hubHost?.heal()
  wakeHub(fleet)
  if (fleet.hubIs === 'down') await startHub(fleet)
  await Promise.all(fleet.devices.map((device) => device.heal()))
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
