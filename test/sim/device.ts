// device.ts - one device: disk and engine that stay, agents that come and go, power that fails
import { createAgent, type Agent } from '../../agent/agent.ts'
import type { Connect } from '../../agent/link/wire.ts'
import { agentSettings, type AgentConfig } from '../../agent/config.ts'
import { resolveSettings } from '../../shared/settings.ts'
import type { NodeFacts } from '../../shared/protocol/messages.ts'
import type { Damage, Loss } from './agent-damage.ts'
import type { AgentDisk } from './agent-disk.ts'
import type { Chance } from './chance.ts'
import type { Daemon } from './daemon.ts'
import type { SimFence } from './fence.ts'
import type { LifeClock, MachineClock } from './machine-clock.ts'
import type { Rules } from './rules.ts'
import { HUB_KEY_PEM } from './signing.ts'
import type { Timeline } from './timeline.ts'
import type { Trace } from './trace.ts'

export interface Device {
  readonly name: string
  readonly disk: AgentDisk
  readonly daemon: Daemon
  readonly clock: MachineClock
  readonly isOn: boolean
  readonly agent: Agent | undefined
  /** How many processes of the agent there have been. */
  readonly lives: number
  startAgent(): void
  /** The agent alone dies; what it runs goes on. Somebody starts it again after a while. */
  crashAgent(downMs: number, damage?: Damage): void
  restartAgent(downMs: number): void
  cutPower(cut: { downMs: number; containersGone: boolean; damage?: Damage }): void
  /** Everything that was to come back after a while comes back now. */
  heal(): void
}

export interface DeviceDeps {
  name: string
  timeline: Timeline
  chance: Chance
  trace: Trace
  rules: Rules
  disk: AgentDisk
  daemon: Daemon
  fence: SimFence
  clock: MachineClock
  journalEntriesMax: number
  connectOf(life: LifeClock): Connect
  /** Its end of every connection is gone; after a power cut nobody says so. */
  disconnected(isPowerLoss: boolean): void
  onLife(): void
  /** It has read what was on the disk. */
  onRead(): void
  onPowerLoss(): void
  onLoss(loss: Loss): void
}

const DEFAULTS = resolveSettings(agentSettings, {
  flags: {},
  environment: {},
  readFile: () => '',
}).values

export function createDevice(deps: DeviceDeps): Device {
  const { name, timeline, chance, trace, rules, disk, daemon, clock } = deps
  const config: AgentConfig = { ...DEFAULTS, dataDir: `/nowhere/${name}`, journalEntries: deps.journalEntriesMax }
  let current: { agent: Agent; life: LifeClock } | undefined
  let isOn = true
  let lives = 0
  /** What heals counts as another moment: what was planned before does not happen twice. */
  let plan = 0

  function startAgent(): void {
    if (current || !isOn) return
    const life = clock.life()
    const isAlive = () => !life.isDead
    lives++
    const agent = createAgent({
      config,
      identity: identityOf(name),
      facts: factsOf(name),
      runtimes: [daemon.facade(life)],
      clock: life,
      random: chance.branch(),
      log: trace.log(name),
      connect: deps.connectOf(life),
      fence: deps.fence.port,
      disk: disk.open(isAlive),
      sampler: {
        sample: async () => ({ cpu: 0, mem: 0, disk: 0, load: 0, up: 0 }),
        headroom: async () => ({ memoryAvailableBytes: 2e9, diskAvailableBytes: 2e10, diskTotalBytes: 4e10 }),
      },
    })
    current = { agent, life }
    trace.note(name, 'the agent starts', { lives })
    deps.onLife()
    const starting = Promise.resolve(agent.start())
    if (isAlive()) deps.onRead()
    starting.catch((error: unknown) => {
      if (life.isDead) return
      if (!disk.isFull) rules.broken('an agent starts', `${name}: ${String(error)}`)
      // As a service manager does it.
      crashAgent(AGAIN_MS)
    })
  }

  function end(isPowerLoss: boolean): void {
    current?.life.kill()
    current = undefined
    deps.disconnected(isPowerLoss)
  }

  function later(ms: number, run: () => void): void {
    const mine = ++plan
    timeline.after(ms, () => {
      if (mine === plan) run()
    })
  }

  const lose = (damage: Damage) => deps.onLoss(disk.damage(damage))

  function crashAgent(downMs: number, damage?: Damage): void {
    if (!current) return
    trace.note(name, 'the agent crashes', damage)
    end(false)
    if (damage) lose(damage)
    later(downMs, startAgent)
  }

  function powerOn(): void {
    isOn = true
    trace.note(name, 'power is back')
    disk.disarm()
    deps.fence.boot()
    timeline.after(chance.heavyTailMs(ENGINE_BOOT_MS), () => {
      if (isOn) daemon.comeUp()
    })
    timeline.after(chance.heavyTailMs(AGENT_BOOT_MS), startAgent)
  }

  return {
    name,
    disk,
    daemon,
    clock,
    get isOn() {
      return isOn
    },
    get agent() {
      return current?.agent
    },
    get lives() {
      return lives
    },
    startAgent,
    crashAgent,
    restartAgent(downMs) {
      const ending = current
      if (!ending) return
      trace.note(name, 'the agent is stopped')
      const stopped = () => {
        if (current !== ending) return
        end(false)
        later(downMs, startAgent)
      }
      Promise.resolve(ending.agent.stop()).then(stopped, (error: unknown) => {
        rules.broken('an agent stops', `${name}: ${String(error)}`)
      })
    },
    cutPower({ downMs, containersGone, damage }) {
      if (!isOn) return
      trace.note(name, 'the power is cut', { containersGone, damage })
      isOn = false
      end(true)
      daemon.losePower(containersGone)
      deps.onPowerLoss()
      if (damage) lose(damage)
      later(downMs, powerOn)
    },
    heal() {
      plan++
      disk.isFull = false
      disk.disarm()
      if (!isOn) powerOn()
      else {
        if (!daemon.isUp) daemon.comeUp()
        startAgent()
      }
    },
  }
}

const AGAIN_MS = 2_000
const ENGINE_BOOT_MS = 3_000
const AGENT_BOOT_MS = 2_000

const identityOf = (nodeName: string) => ({
  nodeName,
  hub: { host: 'hub', apiPort: 6443, mqttPort: 8883 },
  ca: '-----BEGIN CERTIFICATE-----',
  certificate: '-----BEGIN CERTIFICATE-----',
  key: '-----BEGIN PRIVATE KEY-----',
  signingKeys: [HUB_KEY_PEM],
})

export const factsOf = (hostname: string): NodeFacts => ({
  hostname,
  machineId: hostname,
  bootId: 'boot',
  os: 'linux',
  osImage: 'sim',
  kernel: '6.1',
  architecture: 'amd64',
  cpus: 4,
  memoryBytes: 4 * 1024 ** 3,
  diskBytes: 40 * 1024 ** 3,
  addresses: [{ type: 'InternalIP', address: '192.0.2.1' }],
})
