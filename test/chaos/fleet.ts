// fleet.ts - the real programs that chaos happens to: a hub and three devices, on hosts of their own where that is possible
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createClient, type Client } from '../../hub/cli/client.ts'
import { systemRandom } from '../../shared/random.ts'
import { startAgentProcess } from '../support/agent-process.ts'
import type { Clone } from '../support/clone.ts'
import type { Engine } from '../support/engine.ts'
import { startHubProcess, type HubProcess } from '../support/hub-process.ts'
import { ensureMyImages } from '../support/my-image.ts'
import { createLan, findNetns, type Host } from '../support/netns.ts'
import type { PrivateEngine } from '../support/private-engine.ts'
import { createSmallDisk, skipSmallDisk } from '../support/small-disk.ts'
import { findFaketime } from '../support/wrong-clock.ts'
import { createDevice, type Device } from './device.ts'
import type { Ends } from './ends.ts'
import { findEngine } from './engine.ts'

export interface Fleet {
  readonly hub: HubProcess
  /** Where the hub runs, when links can be cut. */
  readonly hubHost?: Host
  readonly devices: readonly Device[]
  readonly client: Client
  /** A host on which nothing runs. */
  readonly spareHost?: Host
  /** Where the containers are, if anywhere. */
  readonly engine?: Engine
  /** The same, when it may be killed. */
  readonly ownEngine?: PrivateEngine
  /** Uids of pods of which chaos has ended a program: that they were started anew is right. */
  readonly ended: Set<string>
  /** Nodes whose disk was ill in this round: what they hold may not be on it yet. */
  readonly ailed: Set<string>
  readonly hasLinks: boolean
  /** Each device one of its own, that can be filled. */
  readonly hasDisks: boolean
  /** What cannot happen on this machine, and why. */
  readonly leftOut: readonly string[]
  /** Devices that are there for a step only. */
  readonly guests: Set<Clone>
  /** A folder that goes with the fleet. */
  readonly dir: string
  hubIs: 'up' | 'down' | 'hanging'
  /** Names of faults that have not come since all have. */
  toCome: readonly string[]
  /** In this round: its operator looks after what it does not know. */
  wasRestored: boolean
  logs(): string
}

const DEVICES = 3
/** Well above what the store and the room that it keeps need. */
const DISK_BYTES = 64 * 1024 * 1024
/** Short, so that many stories fit into a minute; on a busy machine a shorter one would see devices lost that are not. */
const HUB_FLAGS = ['--beat-every', '1s', '--unreachable-toleration', '4s']

/** Every process, container, namespace, mount and folder goes with `ends`. */
export async function startFleet(ends: Ends): Promise<Fleet> {
  const dir = mkdtempSync(join(tmpdir(), 'holdfast-chaos-'))
  ends.add(() => rmSync(dir, { recursive: true, force: true }))
  const leftOut: string[] = []
  const lan = findNetns() ? createLan() : undefined
  if (lan) ends.add(() => lan.remove())
  else leftOut.push('faults of links, which need root, ip, nsenter and iptables')
  const found = await findEngine(ends, (what) => leftOut.push(what))
  if (found) await ensureMyImages(found.engine)
  else leftOut.push('workloads in containers, which need a container engine')
  const noDisks = skipSmallDisk()
  if (noDisks !== undefined) leftOut.push(`faults of disks: ${noDisks}`)
  if (!findFaketime()) leftOut.push('wrong clocks, which need libfaketime')
  const hubHost = lan?.addHost()
  const hub = await startHubProcess({ dir: join(dir, 'hub'), flags: HUB_FLAGS, ...(hubHost && { on: hubHost }) })
  ends.add(() => hub.remove())
  const run = systemRandom.uuid().slice(0, 6)
  const devices: Device[] = []
  for (let number = 1; number <= DEVICES; number++) {
    const nodeName = `chaos-${run}-${number}`
    const momentFile = join(dir, `${nodeName}.moment`)
    const disk = noDisks === undefined ? createSmallDisk(DISK_BYTES) : undefined
    if (disk) ends.add(() => disk.remove())
    const on = lan?.addHost()
    const agent = await startAgentProcess({
      ...{ dir: disk?.dir ?? folderOf(dir, nodeName), nodeName, token: await hub.token() },
      ...{ dockerHost: found?.host ?? 'none', engine: found?.engine ?? NO_ENGINE },
      flags: ['--host-path-allowed', dir],
      ...(on && { on }),
    })
    ends.add(() => agent.remove())
    await agent.ready()
    devices.push(createDevice({ agent, momentFile, ...(disk && { disk }) }))
  }
  // First of all, and each again with what it leaves: a step that is under way may have started one anew.
  ends.add(() => Promise.all([hub.kill9(), ...devices.map(({ agent }) => agent.kill9())]))
  // What they leave can only be removed from a disk that takes it, and by an engine that answers.
  ends.add(() => devices.forEach((device) => device.healDisk()))
  ends.add(async () => {
    if (found?.own?.state === 'down') await found.own.start()
    found?.own?.goOn()
  })
  const guests = new Set<Clone>()
  ends.add(() => Promise.all([...guests].map((guest) => guest.remove())))
  const { url, caPem, token } = hub.admin()
  const client = createClient({ server: url, namespace: 'default', caPem, token })
  const spareHost = lan?.addHost()
  return {
    ...{ hub, devices, guests, client, dir, leftOut, hasLinks: lan !== undefined, hasDisks: noDisks === undefined },
    ...{ hubIs: 'up', toCome: [], wasRestored: false, ended: new Set(), ailed: new Set() },
    ...(found && { engine: found.engine }),
    ...(found?.own && { ownEngine: found.own }),
    ...(hubHost && { hubHost }),
    ...(spareHost && { spareHost }),
    logs: () =>
      [`--- hub\n${hub.logs()}`, ...devices.map(({ agent }) => `--- ${agent.nodeName}\n${agent.logs()}`)].join('\n'),
  }
}

function folderOf(dir: string, nodeName: string): string {
  const folder = join(dir, nodeName)
  mkdirSync(folder)
  return folder
}

const NO_ENGINE = { containersOf: async () => [], removeContainersOf: async () => undefined }
