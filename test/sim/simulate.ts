// simulate.ts - one run: trouble for a while, then everything is healed, then the fleet must come to rest as people want it
import { checkBounds } from './bounds.ts'
import { missing } from './convergence.ts'
import { FAULTS, type Options } from './options.ts'
import type { Failure } from './rules.ts'
import { createTrace } from './trace.ts'
import { TROUBLES } from './trouble.ts'
import { createWorld, type World } from './world.ts'

export interface Outcome {
  failure: Failure | undefined
  /** The last things that happened. */
  lines: readonly string[]
  events: number
  virtualMs: number
}

const MINUTE_MS = 60_000
/** The longest waits of the product: five minutes of crash back-off, and what comes before and after it. */
const HEALS_WITHIN_MS = 12 * MINUTE_MS
const LOOK_EVERY_MS = 1_000
/** What is right stays right: so many looks in a row. */
const LOOKS_AT_REST = 3
const BACKUP_EVERY_MS = 4_000
const BOUNDS_EVERY_MS = 5_000

export async function simulate(options: Options, listener?: (line: string) => void): Promise<Outcome> {
  const trace = createTrace(listener)
  const world = createWorld(options, trace)
  const { timeline, rules, hubRules, leaseRules, sites } = world
  let isAtRest = false

  const unhandled = (error: unknown) =>
    rules.broken('no error goes unhandled', error instanceof Error ? (error.stack ?? error.message) : String(error))
  process.on('unhandledRejection', unhandled)
  world.hub.start()
  plan(world, () => (isAtRest = true))
  try {
    await timeline.run(() => {
      hubRules.check()
      leaseRules.check()
      for (const site of sites) site.rules.check()
      return isAtRest || rules.failure !== undefined
    })
  } catch (error) {
    unhandled(error)
  } finally {
    process.off('unhandledRejection', unhandled)
  }
  return { failure: rules.failure, lines: trace.lines(), events: timeline.events, virtualMs: timeline.nowMs }
}

function plan(world: World, atRest: () => void): void {
  const { timeline, options, chance, hub, hubDisk, sites, user } = world
  let isTroubled = true
  /** As chance has it, so many times a minute. */
  const often = (perMinute: number, run: () => void) => {
    const next = () => {
      timeline.after((-Math.log(1 - chance.float()) * MINUTE_MS) / perMinute, () => {
        if (!isTroubled) return
        run()
        next()
      })
    }
    if (perMinute > 0) next()
  }
  for (const fault of FAULTS) {
    often(options.faults[fault] ?? 0, () => {
      if (world.isEnrolled) TROUBLES[fault](world, chance.pick(sites))
    })
  }
  often(options.userActionsPerMinute, () => {
    if (hub.core && world.isEnrolled) user.act(hub.core)
  })
  const keepBackups = () => {
    if (!isTroubled) return
    if (world.isEnrolled) world.backups.push(hubDisk.backup())
    timeline.after(BACKUP_EVERY_MS, keepBackups)
  }
  if (options.faults['hub restore'] || options.faults['hub silent restore'])
    timeline.after(BACKUP_EVERY_MS, keepBackups)
  const lookAtBounds = () => {
    checkBounds(world)
    timeline.after(BOUNDS_EVERY_MS, lookAtBounds)
  }
  lookAtBounds()
  timeline.after(options.troubleMs, () => {
    isTroubled = false
    heal(world)
    waitForRest(world, atRest)
  })
}

function heal({ trace, network, hub, sites }: World): void {
  trace.note('world', 'everything is healed')
  network.healAll()
  hub.heal()
  for (const { device, programs } of sites) {
    Object.assign(device.daemon.rates, { pullFails: 0, startFails: 0, answerLost: 0, eventLost: 0 })
    programs.heal()
    device.heal()
  }
}

function waitForRest(world: World, atRest: () => void): void {
  const { timeline, rules, hub, user, journalRules, trace } = world
  const deadlineMs = timeline.nowMs + HEALS_WITHIN_MS
  let looks = 0
  let said = ''
  let isGivenBack = false
  const look = () => {
    const { core } = hub
    if (core && world.isEnrolled && !isGivenBack) {
      isGivenBack = true
      user.heal(core)
    }
    if (core && world.isEnrolled) user.recover(core)
    const wrong = world.isEnrolled ? missing(world) : ['devices are not let in yet']
    looks = wrong.length === 0 ? looks + 1 : 0
    if (core && looks === LOOKS_AT_REST) {
      user.check(core)
      journalRules.check(core)
      return atRest()
    }
    if (timeline.nowMs >= deadlineMs)
      return rules.broken('the fleet comes to rest once everything is healed', wrong.join('; '))
    const now = wrong.join('; ')
    if (now !== said) trace.note('world', 'waits', wrong.slice(0, 3))
    said = now
    timeline.after(LOOK_EVERY_MS, look)
  }
  timeline.after(LOOK_EVERY_MS, look)
}
