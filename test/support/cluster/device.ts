// device.ts - one device of a cluster: a real agent on real files, a fake runtime that outlives it, and a link that can be cut
import { cpSync, mkdirSync, renameSync } from 'node:fs'
import { join } from 'node:path'
import { createAgent, type Agent } from '../../../agent/agent.ts'
import { agentSettings, type AgentConfig } from '../../../agent/config.ts'
import { join as joinHub } from '../../../agent/link/enrol-client.ts'
import type { Identity } from '../../../agent/link/identity.ts'
import { readIdentity, saveIdentity } from '../../../agent/link/identity-files.ts'
import { RuntimeUnavailable, type ObservedContainer, type Runtime } from '../../../agent/runtime/runtime.ts'
import { systemClock } from '../../../shared/clock.ts'
import type { Log } from '../../../shared/log.ts'
import { parseJoinToken } from '../../../shared/protocol/join-token.ts'
import { systemRandom } from '../../../shared/random.ts'
import { resolveSettings } from '../../../shared/settings.ts'
import { createFakeRuntime, type FakeRuntime } from '../fake-runtime.ts'
import { facts } from '../fleet-rig.ts'
import { removeMemoryFolders } from '../memory-folders.ts'
import { startForwarder, type Forwarder } from './forwarder.ts'
import type { HubProcess } from './hub-process.ts'

export interface Device {
  readonly name: string
  readonly runtime: FakeRuntime
  readonly agent: Agent | undefined
  readonly identity: Identity
  readonly dataDir: string
  /** Where this device reaches its hub. */
  readonly links: { readonly api: Forwarder; readonly mqtt: Forwarder }
  /** The containers of pods that run now, without sandboxes and those of init. */
  running(): readonly ObservedContainer[]
  join(token: string): Promise<void>
  /** Is from now on whoever this is. */
  take(identity: Identity): void
  start(): Promise<void>
  stop(): Promise<void>
  /** kill -9: its link breaks, its files and its containers stay as they are at this moment. */
  crash(): void
  close(): Promise<void>
}

export interface DeviceOptions {
  images: readonly string[]
  config?: Partial<AgentConfig>
}

/** A quarter of every wait: as fast as a lucky device, and never all at once. */
const RANDOM = { ...systemRandom, float: () => systemRandom.float() / 4 }

export async function createDevice(
  name: string,
  { dir, process, log, options }: { dir: string; process: HubProcess; log: Log; options: DeviceOptions },
): Promise<Device> {
  const dataDir = join(dir, name)
  mkdirSync(dataDir, { recursive: true })
  const runtime = createFakeRuntime({ clock: systemClock, images: options.images })
  for (const image of options.images) runtime.images.pullable(image)
  const links = {
    api: await startForwarder(() => process.apiPort),
    mqtt: await startForwarder(() => process.mqttPort),
  }
  const crashed: Agent[] = []
  let running: { agent: Agent; tether: Tether } | undefined
  let identity: Identity | undefined
  const whoIs = (): Identity => {
    if (identity) return identity
    const found = readIdentity(dataDir)
    if (found.kind !== 'member') throw new Error(`${name} has not joined`)
    return (identity = found.identity)
  }

  /** The way that this device knows leads through its own forwarders. */
  const take = (given: Identity) => {
    const hub = { host: '127.0.0.1', apiPort: links.api.port, mqttPort: links.mqtt.port }
    saveIdentity(dataDir, { ...given, hub })
  }

  return {
    name,
    runtime,
    dataDir,
    links,
    get agent() {
      return running?.agent
    },
    get identity() {
      return whoIs()
    },
    running: () =>
      runtime.containers().filter(({ state, identity: { role } }) => state === 'running' && role === 'app'),
    async join(text) {
      const token = parseJoinToken(text)
      if (!token) throw new Error('not a join token')
      const joined = await joinHub({ token, dir: dataDir, facts: facts({ hostname: name }), nodeName: name })
      take(joined)
    },
    take,
    async start() {
      const tether = tetheredTo(runtime)
      const agent = createAgent({
        config: configOf(dataDir, options.config),
        identity: whoIs(),
        facts: facts({ hostname: name }),
        runtimes: [tether.runtime],
        clock: systemClock,
        random: RANDOM,
        log: log.child({ on: name }),
      })
      running = { agent, tether }
      await agent.start()
    },
    async stop() {
      const stopping = running
      running = undefined
      await stopping?.agent.stop()
      stopping?.tether.cut()
    },
    crash() {
      if (!running) return
      const { agent, tether } = running
      running = undefined
      for (const link of Object.values(links)) link.reset()
      tether.cut()
      // Its link would try again; the rest of it holds only files that have been moved away from the name.
      void agent.link.stop()
      crashed.push(agent)
      const grave = `${dataDir}.crashed-${crashed.length}`
      cpSync(dataDir, `${dataDir}.next`, { recursive: true, filter: (path) => !path.endsWith('-shm') })
      renameSync(dataDir, grave)
      renameSync(`${dataDir}.next`, dataDir)
    },
    async close() {
      // Closing a database removes its log by name: the one that has the name goes first.
      await running?.agent.stop()
      running = undefined
      for (const agent of crashed) await agent.stop()
      for (const link of Object.values(links)) await link.close()
      removeMemoryFolders(dataDir)
    },
  }
}

const configOf = (dataDir: string, config: Partial<AgentConfig> = {}): AgentConfig => ({
  ...resolveSettings(agentSettings, { flags: {}, environment: {}, readFile: String }).values,
  ...config,
  dataDir,
})

interface Tether {
  runtime: Runtime
  cut(): void
}

/** What a dead process asks of its runtime reaches it no more, and it hears nothing either. */
function tetheredTo(runtime: FakeRuntime): Tether {
  const unlisten: (() => void)[] = []
  let isCut = false
  const own: Partial<Runtime> = {
    onEvent(listener) {
      const end = runtime.onEvent((event) => isCut || listener(event))
      unlisten.push(end)
      return end
    },
    // The runtime is not the agent's to stop.
    stop: () => unlisten.splice(0).forEach((end) => end()),
  }
  const tethered = new Proxy<Runtime>(runtime, {
    get(target, key, receiver) {
      const value: unknown = Reflect.get(own, key) ?? Reflect.get(target, key, receiver)
      if (typeof value !== 'function' || key in own) return value
      return (...args: unknown[]): unknown => {
        if (isCut) return Promise.reject(new RuntimeUnavailable('this process has been killed'))
        return Reflect.apply(value, target, args)
      }
    },
  })
  return { runtime: tethered, cut: () => void (isCut = true) }
}
