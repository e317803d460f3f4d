// fleet.ts - the real programs that chaos happens to: a hub and three devices, on hosts of their own where that is possible
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createClient, type Client } from '../../hub/cli/client.ts'
import { systemRandom } from '../../shared/random.ts'
import { startAgentProcess } from '../support/agent-process.ts'
import { createEngine, type Engine } from '../support/engine.ts'
import { startHubProcess, type HubProcess } from '../support/hub-process.ts'
import { ensureMyImages } from '../support/my-image.ts'
import { createLan, findNetns, type Host } from '../support/netns.ts'
import { findDocker } from '../support/require.ts'
import { createDevice, type Device } from './device.ts'
import type { Ends } from './ends.ts'

export interface Fleet {
  readonly hub: HubProcess
  /** Where the hub runs, when links can be cut. */
  readonly hubHost?: Host
  readonly devices: readonly Device[]
  readonly client: Client
  /** Where the containers are, if anywhere. */
  readonly engine?: Engine
  /** Uids of pods of which chaos has ended a program: that they were started anew is right. */
  readonly ended: Set<string>
  readonly hasLinks: boolean
  /** A folder that goes with the fleet. */
  readonly dir: string
  hubIs: 'up' | 'down' | 'hanging'
  /** In this round: its operator looks after what it does not know. */
  wasRestored: boolean
  logs(): string
}

const DEVICES = 3
/** Short, so that many stories fit into a minute; on a busy machine a shorter one would see devices lost that are not. */
const HUB_FLAGS = ['--beat-every', '1s', '--unreachable-toleration', '4s']

/** Every process, container, namespace and folder goes with `ends`. */
export async function startFleet(ends: Ends): Promise<Fleet> {
  const dir = mkdtempSync(join(tmpdir(), 'holdfast-chaos-'))
  ends.add(() => rmSync(dir, { recursive: true, force: true }))
  const lan = findNetns() ? createLan() : undefined
  if (lan) ends.add(() => lan.remove())
  const dockerHost = findDocker()
  const engine = await engineAt(dockerHost)
  if (engine) await ensureMyImages(engine)
  const hubHost = lan?.addHost()
  const hub = await startHubProcess({ dir: join(dir, 'hub'), flags: HUB_FLAGS, ...(hubHost && { on: hubHost }) })
  ends.add(() => hub.remove())
  const run = systemRandom.uuid().slice(0, 6)
  const devices: Device[] = []
  for (let number = 1; number <= DEVICES; number++) {
    const nodeName = `chaos-${run}-${number}`
    const folder = join(dir, nodeName)
    mkdirSync(folder)
    const on = lan?.addHost()
    const agent = await startAgentProcess({
      ...{ dir: folder, nodeName, token: await hub.token(), dockerHost: engine ? (dockerHost ?? '') : 'none' },
      flags: ['--host-path-allowed', dir],
      engine: engine ?? NO_ENGINE,
      ...(on && { on }),
    })
    ends.add(() => agent.remove())
    await agent.ready()
    devices.push(createDevice(agent))
  }
  // First of all, and each again with what it leaves: a step that is under way may have started one anew.
  ends.add(() => Promise.all([hub.kill9(), ...devices.map(({ agent }) => agent.kill9())]))
  const { url, caPem, token } = hub.admin()
  const client = createClient({ server: url, namespace: 'default', caPem, token })
  return {
    ...{ hub, devices, client, hasLinks: lan !== undefined, dir, hubIs: 'up', wasRestored: false, ended: new Set() },
    ...(engine && { engine }),
    ...(hubHost && { hubHost }),
    logs: () =>
      [`--- hub\n${hub.logs()}`, ...devices.map(({ agent }) => `--- ${agent.nodeName}\n${agent.logs()}`)].join('\n'),
  }
}

const NO_ENGINE = { containersOf: async () => [], removeContainersOf: async () => undefined }

/** Undefined where none answers. */
async function engineAt(dockerHost: string | undefined): Promise<Engine | undefined> {
  const engine = dockerHost === undefined ? undefined : createEngine(dockerHost)
  try {
    await engine?.client.call({ method: 'GET', path: '/version' })
    return engine
  } catch {
    return undefined // chaos says what it does without
  }
}
