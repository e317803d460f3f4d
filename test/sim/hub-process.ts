// hub-process.ts - the hub's machine: its disk stays, processes of the real core come and go on it
import { createHubCore, type HubCore } from '../../hub/core.ts'
import { hubSettings } from '../../hub/config.ts'
import type { Pki } from '../../hub/fleet/pki.ts'
import type { UpTopic } from '../../shared/protocol/topics.ts'
import { resolveSettings } from '../../shared/settings.ts'
import { createSimBroker, type SimBroker } from './broker.ts'
import type { Chance } from './chance.ts'
import type { HubDisk } from './hub-disk.ts'
import type { LifeClock, MachineClock } from './machine-clock.ts'
import type { Options } from './options.ts'
import type { Rules } from './rules.ts'
import { fingerprintOf } from './signing.ts'
import type { Timeline } from './timeline.ts'
import type { Trace } from './trace.ts'

/** One process of the hub, from its start to its end. */
export interface HubLife {
  readonly core: HubCore
  readonly clock: LifeClock
  readonly broker: SimBroker
  readonly startedMs: number
  /** Its start has come to its end: it serves. */
  isReady: boolean
}

export interface HubProcess {
  readonly life: HubLife | undefined
  /** The one that serves, if one does. */
  readonly core: HubCore | undefined
  start(): void
  crash(end: { isPowerLoss: boolean; downMs: number }): void
  restart(downMs: number): void
  heal(): void
}

export interface HubProcessDeps {
  options: Options
  timeline: Timeline
  chance: Chance
  trace: Trace
  rules: Rules
  disk: HubDisk
  clock: MachineClock
  pki: Pki
  onReady(life: HubLife): void
  onEnd(life: HubLife): void
  onHeard(node: string, what: UpTopic): void
  onClosed(node: string): void
}

const DEFAULTS = resolveSettings(hubSettings, { flags: {}, environment: {}, readFile: () => '' }).values
const WHO = 'hub'
/** A service manager waits a little before it starts a program again that has ended by itself. */
const AGAIN_MS = 3_000

export function createHubProcess(deps: HubProcessDeps): HubProcess {
  const { options, timeline, chance, trace, rules, disk } = deps
  const config = { ...DEFAULTS, beatEvery: options.beatEveryMs, unreachableToleration: options.tolerationMs }
  let life: HubLife | undefined
  let plan = 0

  function start(): void {
    if (life) return
    const clock = deps.clock.life()
    const isAlive = () => !clock.isDead
    const broker = createSimBroker({ ...deps, chance: chance.branch(), isAlive, fingerprintOf })
    const core = createHubCore({
      config,
      journal: disk.open(isAlive),
      broker,
      pki: deps.pki,
      clock,
      random: chance.branch(),
      log: trace.log(WHO),
      onFatal(error) {
        trace.note(WHO, 'fatal', error)
        if (isAlive()) crash({ isPowerLoss: false, downMs: AGAIN_MS })
      },
    })
    const mine: HubLife = { core, clock, broker, startedMs: timeline.nowMs, isReady: false }
    life = mine
    trace.note(WHO, 'the hub starts')
    Promise.resolve(core.start()).then(
      () => {
        if (clock.isDead) return
        mine.isReady = true
        deps.onReady(mine)
      },
      (error: unknown) => {
        if (isAlive()) rules.broken('the hub starts', String(error instanceof Error ? error.stack : error))
      },
    )
  }

  function later(ms: number, run: () => void): void {
    const mine = ++plan
    timeline.after(ms, () => {
      if (mine === plan) run()
    })
  }

  function crash({ isPowerLoss, downMs }: { isPowerLoss: boolean; downMs: number }): void {
    if (!life) return
    trace.note(WHO, isPowerLoss ? 'the hub loses power' : 'the hub crashes')
    const ended = life
    life = undefined
    ended.clock.kill()
    ended.broker.crash(isPowerLoss)
    disk.crash()
    deps.onEnd(ended)
    later(downMs, start)
  }

  return {
    get life() {
      return life
    },
    get core() {
      return life?.isReady ? life.core : undefined
    },
    start,
    crash,
    restart(downMs) {
      const ending = life
      if (!ending?.isReady) return
      trace.note(WHO, 'the hub is stopped')
      ending.isReady = false
      const stopped = () => {
        if (life !== ending) return
        ending.clock.kill()
        life = undefined
        deps.onEnd(ending)
        later(downMs, start)
      }
      Promise.resolve(ending.core.stop()).then(stopped, (error: unknown) => {
        if (life === ending) rules.broken('the hub stops', String(error))
      })
    },
    heal() {
      disk.slowMs = 0
      disk.failsNext = false
      // A process that was about to stop is left to it; the next one starts at once.
      plan++
      if (!life) start()
      else if (!life.isReady)
        later(AGAIN_MS, () => (life && !life.isReady ? crash({ isPowerLoss: false, downMs: 0 }) : start()))
    },
  }
}
