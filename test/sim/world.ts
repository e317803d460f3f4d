// world.ts - everything of one run, wired: the hub, its devices, the network between them, the people, and the rules that must hold
import { createChance, type Chance } from './chance.ts'
import { enrolAll } from './enrol.ts'
import { createHubDisk, type DiskImage, type HubDisk } from './hub-disk.ts'
import { createHubProcess, type HubProcess } from './hub-process.ts'
import { createHubRules, type HubRules } from './hub-rules.ts'
import { createJournalRules, type JournalRules } from './journal-rules.ts'
import { createLeaseRules, type LeaseRules } from './lease-rules.ts'
import { createMachineClock, type MachineClock } from './machine-clock.ts'
import { createNetwork, type Network } from './network.ts'
import type { Options } from './options.ts'
import { createRules, type Rules } from './rules.ts'
import { createSessionRules, type SessionRules } from './session-rules.ts'
import { createSignedStates, type SignedStates } from './signed-states.ts'
import { createSimPki } from './signing.ts'
import { createSingletonRules, type SingletonRules } from './singleton-rules.ts'
import { createSite, type Site } from './site.ts'
import { createTimeline, type Timeline } from './timeline.ts'
import type { Trace } from './trace.ts'
import { createUser, type User } from './user.ts'

export interface World {
  readonly options: Options
  readonly chance: Chance
  readonly timeline: Timeline
  readonly trace: Trace
  readonly rules: Rules
  readonly network: Network
  readonly hub: HubProcess
  readonly hubDisk: HubDisk
  readonly hubClock: MachineClock
  readonly hubRules: HubRules
  readonly journalRules: JournalRules
  readonly leaseRules: LeaseRules
  readonly sessionRules: SessionRules
  readonly sites: readonly Site[]
  readonly user: User
  readonly signed: SignedStates
  readonly singletons: SingletonRules
  /** Messages that somebody has recorded on the way down. */
  readonly recorded: { node: string; payload: Buffer }[]
  /** Of the hub's disk. */
  readonly backups: DiskImage[]
  readonly isEnrolled: boolean
}

const START_WALL_MS = Date.UTC(2026, 10, 20, 12)

export function createWorld(options: Options, trace: Trace): World {
  const chance = createChance(options.seed)
  const timeline = createTimeline({ trace })
  const rules = createRules(() => timeline.nowMs)
  const network = createNetwork({ ...options, timeline, chance: chance.branch() })
  const rate = () => 1 + options.drift * (2 * chance.float() - 1)
  const machine = (startWallMs = START_WALL_MS) => createMachineClock({ timeline, rate: rate(), startWallMs })
  const hubDisk = createHubDisk({ timeline, chance: chance.branch(), fsyncMs: options.fsyncMs })
  const signed = createSignedStates({ rules, disk: hubDisk })
  const singletons = createSingletonRules({ options, rules })
  const journalRules = createJournalRules({ rules, disk: hubDisk })
  const leaseRules = createLeaseRules({ timeline, rules })
  const sessionRules = createSessionRules({ rules })
  const names = Array.from({ length: options.nodes }, (_, index) => `node-${index + 1}`)
  const recorded: World['recorded'] = []
  let isEnrolled = false

  const hubRules = createHubRules({
    options,
    timeline,
    rules,
    trace,
    disk: hubDisk,
    nodes: names,
    onPodMade: singletons.made,
    isRunning: (node, podUid) =>
      sites
        .find(({ device }) => device.name === node)
        ?.device.daemon.containers()
        .some(
          ({ state, identity }) => state === 'running' && identity.role !== 'sandbox' && identity.podUid === podUid,
        ) ?? false,
  })
  const onForced = (podUid: string, podName: string) => {
    hubRules.allowForced(podUid)
    singletons.excuse(podName)
  }
  const user = createUser({ options, chance: chance.branch(), rules, trace, onForced })
  const hubClock = machine()
  const pki = createSimPki(signed.signer)
  const hub = createHubProcess({
    options,
    timeline,
    chance: chance.branch(),
    trace,
    rules,
    disk: hubDisk,
    clock: hubClock,
    pki,
    onReady(life) {
      hubRules.begin(life)
      journalRules.begin(life.core)
      if (isEnrolled) return user.check(life.core)
      enrolAll(life.core, { names, pki, clock: hubClock.life(), log: trace.log('hub') }).then(
        () => {
          isEnrolled = true
          user.applyAll(life.core)
          for (const { device } of sites) device.startAgent()
        },
        (error: unknown) => rules.broken('devices are let in', String(error)),
      )
    },
    onEnd({ core }) {
      hubRules.end()
      journalRules.ended(core)
    },
    onHeard(node, what) {
      hubRules.heard(node)
      if (what === 'beat') leaseRules.beat(node)
      const connection = hub.life?.broker.connectionOf(node)
      const session = hub.core?.fleet.session(node)
      if (connection && session !== undefined) sessionRules.heard(node, connection.id, session)
    },
    onClosed: hubRules.closed,
  })

  const sites = names.map((name) =>
    createSite(name, {
      ...{
        options,
        chance,
        timeline,
        trace,
        rules,
        network,
        hub,
        hubRules,
        journalRules,
        leaseRules,
        sessionRules,
        singletons,
        signed,
        recorded,
      },
      clock: machine(chance.is(0.1) ? 0 : START_WALL_MS),
    }),
  )
  return {
    options,
    chance,
    timeline,
    trace,
    rules,
    network,
    hub,
    hubDisk,
    hubClock,
    hubRules,
    journalRules,
    leaseRules,
    sessionRules,
    sites,
    user,
    signed,
    singletons,
    recorded,
    backups: [],
    get isEnrolled() {
      return isEnrolled
    },
  }
}
