// site.ts - one device of a run, wired: its disk, engine and fence, its end of the network, and the rules that watch it
import type { ObservedContainer } from '../../agent/runtime/runtime.ts'
import type { Loss } from './agent-damage.ts'
import { createAgentDisk } from './agent-disk.ts'
import type { Chance } from './chance.ts'
import { createDaemon } from './daemon.ts'
import { createDevice, type Device } from './device.ts'
import { createDeviceRules, type DeviceRules } from './device-rules.ts'
import { createSimFence } from './fence.ts'
import type { HubProcess } from './hub-process.ts'
import type { HubRules } from './hub-rules.ts'
import type { JournalRules } from './journal-rules.ts'
import type { LeaseRules } from './lease-rules.ts'
import type { MachineClock } from './machine-clock.ts'
import { createNeighbours } from './neighbours.ts'
import type { Network } from './network.ts'
import type { Options } from './options.ts'
import type { Rules } from './rules.ts'
import type { SessionRules } from './session-rules.ts'
import type { SignedStates } from './signed-states.ts'
import { createSilence } from './silence.ts'
import type { SingletonRules } from './singleton-rules.ts'
import type { Timeline } from './timeline.ts'
import type { Trace } from './trace.ts'
import { createWire } from './wire.ts'
import { createPrograms, IMAGES, type Programs } from './workloads.ts'

/** A device with everything that the run knows about it. */
export interface Site {
  readonly device: Device
  readonly rules: DeviceRules
  readonly programs: Programs
}

export interface SiteDeps {
  options: Options
  chance: Chance
  timeline: Timeline
  trace: Trace
  rules: Rules
  network: Network
  hub: HubProcess
  hubRules: HubRules
  journalRules: JournalRules
  leaseRules: LeaseRules
  sessionRules: SessionRules
  singletons: SingletonRules
  signed: SignedStates
  recorded: { node: string; payload: Buffer }[]
  clock: MachineClock
}

/** Enough to find an old one, not enough to fill the memory. */
const RECORDED_MAX = 60

export function createSite(name: string, deps: SiteDeps): Site {
  const { options, chance, timeline, trace, rules, network, hub, hubRules } = deps
  const { journalRules, leaseRules, sessionRules, singletons, signed, recorded, clock } = deps
  const silence = createSilence(() => timeline.nowMs)
  const programs = createPrograms({ timeline, chance: chance.branch() })
  const disk = createAgentDisk({
    chance: chance.branch(),
    onJournalAdded: (row) => journalRules.added(name, row),
    onJournalAcked: (upTo) => journalRules.acked(name, upTo),
    onLoss: (loss) => lost(loss),
  })
  const siteRules: DeviceRules = createDeviceRules({
    node: name,
    device: () => device,
    timeline,
    rules,
    signed,
    silenceMs: silence.longestMs,
    isLost: hubRules.isLost,
    isSick(id) {
      const spec = daemon.specOf(id)
      return spec !== undefined && programs.isSick(spec)
    },
  })
  const podOf = ({ identity }: ObservedContainer) =>
    siteRules.held?.pods.find(({ metadata }) => metadata.uid === identity.podUid)
  const engineClock = clock.life()
  const daemon = createDaemon({
    timeline,
    chance: chance.branch(),
    clock: engineClock,
    behaviourOf: programs.behaviourOf,
    images: IMAGES,
    neighbours: createNeighbours({ node: name, wallMs: clock.wallMs }),
    events: {
      started(container) {
        trace.note(name, `runs ${container.id}`, container.identity.pod)
        siteRules.engine.started(container)
        singletons.started(name, container)
        leaseRules.started(name, container, podOf(container))
      },
      ended(container, cause) {
        trace.note(name, `${container.id} has ended: ${cause}`, container.identity.pod)
        siteRules.engine.ended(container, cause)
        singletons.ended(name, container)
        leaseRules.ended(name, container)
      },
      ordered(what, container) {
        trace.note(name, `${what} to ${container.id}`, container.identity.pod)
        siteRules.engine.ordered(what, container)
      },
      touched: siteRules.engine.touched,
    },
  })
  Object.assign(daemon.rates, options)
  const fence = createSimFence({
    clock: engineClock,
    isOn: () => device.isOn,
    isAgentAlive: () => device.agent !== undefined,
    kill(id, signal) {
      trace.note(name, `the fence sends ${signal} to ${id}`)
      daemon.fell(id, signal)
    },
  })
  const device: Device = createDevice({
    name,
    timeline,
    chance: chance.branch(),
    trace,
    rules,
    disk,
    daemon,
    fence,
    clock,
    journalEntriesMax: options.journalEntriesMax,
    connectOf: (life) =>
      createWire({
        network,
        node: name,
        life,
        reach: (circuit, attempt) => hub.life?.broker.accept(circuit, attempt) ?? 'connection refused',
        onAck: silence.broken,
        onState(payload) {
          recorded.push({ node: name, payload })
          if (recorded.length > RECORDED_MAX) recorded.shift()
        },
      }),
    disconnected(isPowerLoss) {
      for (const circuit of network.circuits(name)) {
        if (isPowerLoss) circuit.goSilent()
        else circuit.close('up', 'connection reset')
      }
    },
    onLife: siteRules.agentStarted,
    onRead() {
      const damaged = disk.settled()
      if (damaged !== undefined)
        rules.broken('damage is noticed and mended', `${name} goes on with ${damaged} as it is`)
      siteRules.agentRead()
    },
    // The last write may not have come through, and with it what it counted.
    onPowerLoss: () => siteRules.forgot(false),
    onLoss: lost,
  })
  /** Nobody is held to what the device cannot know any more. */
  function lost({ isTotal, hasHistories, journal }: Loss): void {
    if (isTotal || hasHistories) siteRules.forgot(isTotal)
    if (isTotal) sessionRules.excuse(name)
    if (journal === 'all') journalRules.excuse(name)
    else journalRules.lost(name, journal)
  }
  return { device, rules: siteRules, programs }
}
