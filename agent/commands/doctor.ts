// doctor.ts - `holdfast-agent doctor`: the checks of join again, on a device that has joined, and what it has seen since
import type { Clock } from '../../shared/clock.ts'
import type { Identity, Trust } from '../link/identity.ts'
import { howToRejoin, lostIdentity, readIdentity, type FoundIdentity } from '../link/identity-files.ts'
import type { Runtime } from '../runtime/runtime.ts'
import { fail, messageOf, note, pass, printCheck, type Check } from './check.ts'
import { checkDisk, checkRuntimes, checkWritable } from './check-device.ts'
import { apiAddressOf, createHubPlaces, type HubPlace } from '../link/hub-places.ts'
import { checkAddress, checkAuthority, checkClock, checkMqtt, type Transport } from './check-hub.ts'
import { checkPast } from './check-past.ts'

export interface DoctorCommand {
  dataDir: string
  transport: Transport
  /** Where its owner says that the hub is. */
  hub: readonly string[]
  runtimes: readonly Runtime[]
  clock: Clock
  print(text: string): void
}

/** Whether all is well; what is not was printed with its mend. */
export async function doctorCommand(command: DoctorCommand): Promise<boolean> {
  const identity = checkIdentity(command.dataDir)
  const { dataDir, runtimes, clock } = command
  const local = [...(await checkRuntimes(runtimes)), await checkDisk(dataDir), ...(await checkWritable(dataDir))]
  const past = identity.trust ? checkPast({ identity: identity.trust, dataDir, nowMs: clock.wallMs() }) : []
  const remote = identity.member ? await checkMember(identity.member, command) : []
  const checks = [identity.check, ...past, ...remote, ...local]
  for (const check of checks) command.print(printCheck(check))
  return !checks.some(({ result }) => result === 'FAIL')
}

function checkIdentity(dataDir: string): { check: Check; trust?: Trust; member?: Identity } {
  const name = 'the identity of this device'
  const found = readUnlessRefused(dataDir)
  if (typeof found === 'string') return { check: fail(name, found, 'run this as the user that the agent runs as') }
  if (found.kind === 'none') {
    const mend = 'holdfast-agent join <token>; `holdfast token create` makes one'
    return { check: fail(name, `it has not joined (nothing in ${dataDir})`, mend) }
  }
  if (found.kind === 'lost') {
    const { trust } = found
    return { check: fail(name, lostIdentity(found), howToRejoin(found)), ...(trust && { trust }) }
  }
  const { identity, damage } = found
  const who = `node ${identity.nodeName} of the hub at ${identity.hub.host}`
  const check =
    damage.length === 0
      ? pass(name, who)
      : note(name, `${who}; ${damage.join(', ')}`, 'the agent mends it from the other copy when it starts')
  return { check, trust: identity, member: identity }
}

function readUnlessRefused(dataDir: string): FoundIdentity | string {
  try {
    return readIdentity(dataDir)
  } catch (error) {
    return messageOf(error)
  }
}

/** One place is enough; when the hub is at none, what is wrong with the first says most. */
async function checkMember(identity: Identity, command: DoctorCommand): Promise<Check[]> {
  const { all } = createHubPlaces(identity, command.hub)
  let first: Check[] | undefined
  for (const place of all) {
    const checks = await checkPlace(place, identity, command)
    if (!checks.some(({ result }) => result === 'FAIL')) return checks
    first ??= checks
  }
  const others = all.slice(1).map(apiAddressOf)
  const tried = others.length > 0 ? [note('elsewhere', `the hub is not at ${others.join(', ')} either`)] : []
  return [...(first ?? []), ...tried, offlineIsNormal()]
}

async function checkPlace(place: HubPlace, { ca }: Identity, { transport, clock }: DoctorCommand): Promise<Check[]> {
  const address = apiAddressOf(place)
  const reach = await checkAddress(address)
  const mqtt = await checkMqtt(place.host, place.mqttPort, transport)
  if ([...reach, ...mqtt].some(({ result }) => result === 'FAIL')) return [...reach, ...mqtt]
  const authority = await checkAuthority(address, (shown) => shown.trim() === ca.trim())
  return [...reach, ...mqtt, authority, await checkClock(address, clock)]
}

const offlineIsNormal = () => note('meanwhile', 'what this device runs goes on without the hub')
