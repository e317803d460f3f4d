// round.ts - some minutes of bad luck in small pieces: a few random steps, then quiet, then everything has to be as it is wanted
import { sleep, systemClock } from '../../shared/clock.ts'
import { NODE } from '../../shared/kinds/node.ts'
import type { Chance } from '../sim/chance.ts'
import { eventually } from '../support/eventually.ts'
import { overlap, spans } from '../support/spans.ts'
import { unsaid } from './disks.ts'
import { fault, heal, healDisks, sickDisks } from './faults.ts'
import type { Fleet } from './fleet.ts'
import { allOf, different, moved, remade, takePicture, unrest, type Picture } from './picture.ts'
import { stopUnknown } from './restore.ts'
import type { User } from './user.ts'
import type { Writer } from './writer.ts'

export interface RoundDeps {
  fleet: Fleet
  user: User
  writer: Writer
  chance: Chance
  /** Where the singleton says when it lives. */
  singletonFile: string
  tell(line: string): void
  /** Somebody does not want to see more. */
  stopping: AbortSignal
}

const STEPS_MIN = 3
const STEPS_MAX = 8
/**
 * Some steps meet what the last one began, some its consequences (a device is lost after some 6 s), and a few come when
 * leases have ended and what runs only once goes on elsewhere. Each as often as it is listed.
 */
const AT_ONCE = [0, 500] as const
const SOON = [500, 6_000] as const
const LATE = [15_000, 45_000] as const
const PAUSES_MS: readonly (readonly [minMs: number, maxMs: number])[] = [
  AT_ONCE,
  AT_ONCE,
  AT_ONCE,
  SOON,
  SOON,
  SOON,
  SOON,
  LATE,
]
/** A program that neither starts nor ends within this hangs, however busy the machine is. */
const STEP_WITHIN_MS = 120_000
/** A lease of 10 s ends after 26 s, a spare that is not ready is given 60 s, and the machine is busy. */
const QUIET_WITHIN_MS = 240_000
/** Two beats and what follows from them. */
const REST_MS = 3_000
/** A look at everything takes a while itself. */
const LOOK_EVERY_MS = 500

/** Answers what is when all is quiet; throws what is wrong. */
export async function playRound(deps: RoundDeps, before: Picture): Promise<Picture> {
  const { fleet, user, writer, chance, tell, stopping } = deps
  user.takeTouched()
  fleet.ended.clear()
  fleet.ailed.clear()
  fleet.wasRestored = false
  for (let steps = chance.between(STEPS_MIN, STEPS_MAX); steps > 0; steps--) {
    stopping.throwIfAborted()
    tell(await inTime(chance.is(0.4) && fleet.hubIs === 'up' ? user.act() : fault(fleet, writer, chance)))
    await sleep(systemClock, chance.between(...chance.pick(PAUSES_MS)))
  }
  stopping.throwIfAborted()
  await inTime(heal(fleet))
  await complaints(deps)
  healDisks(fleet)
  tell('everything is healed')
  return quiet(deps, before)
}

/** Disks come last: that a device has no room, or may not write, is said by one that does everything else. */
async function complaints({ fleet, tell }: RoundDeps): Promise<void> {
  const sick = sickDisks(fleet)
  if (sick.size === 0) return
  const look = async () => {
    const silent = unsaid((await allOf(fleet.client, [NODE])).list(NODE), sick)
    if (silent !== undefined) throw new Error(silent)
  }
  await eventually(look, QUIET_WITHIN_MS, LOOK_EVERY_MS)
  tell(`everything but the disks is healed, and their nodes say so: ${[...sick.keys()].join(', ')}`)
}

export async function quiet({ fleet, user, writer, singletonFile, tell }: RoundDeps, before?: Picture) {
  const said = await eventually(() => user.forgotten().then((wrong) => ({ wrong })), QUIET_WITHIN_MS, LOOK_EVERY_MS)
  if (said.wrong !== undefined) throw new Error(said.wrong)
  await eventually(() => user.insist(), QUIET_WITHIN_MS, LOOK_EVERY_MS)
  const picture = await atRest(fleet)
  const wrong =
    (await writer.lost()) ??
    (await user.forgotten()) ??
    overlap(spans(singletonFile)) ??
    (before && (remade(before, picture, fleet.ended) ?? moved(before, picture, user.takeTouched())))
  if (wrong !== undefined) throw new Error(wrong)
  const containers = picture.devices.reduce((sum, device) => sum + device.running().length, 0)
  tell(`quiet: ${containers} containers run, ${writer.acknowledged} writes are kept`)
  return picture
}

/** Not only at one lucky moment: what is on its way still would show. */
function atRest(fleet: Fleet): Promise<Picture> {
  let since: { picture: Picture; ms: number } | undefined
  return eventually(
    async () => {
      if (fleet.wasRestored) await stopUnknown(fleet)
      const picture = await takePicture(fleet)
      const ms = systemClock.monoMs()
      const why = unrest(picture) ?? (since && different(since.picture, picture))
      if (why !== undefined || !since) since = why === undefined ? { picture, ms } : undefined
      if (why !== undefined) throw new Error(`no rest within ${QUIET_WITHIN_MS / 1000} s: ${why}`)
      return since && ms - since.ms >= REST_MS ? picture : false
    },
    QUIET_WITHIN_MS,
    LOOK_EVERY_MS,
  )
}

async function inTime<T>(step: Promise<T>): Promise<T> {
  const timeout = new AbortController()
  const late = sleep(systemClock, STEP_WITHIN_MS, timeout.signal).then(() => {
    if (!timeout.signal.aborted) throw new Error(`a step has not ended within ${STEP_WITHIN_MS / 1000} s`)
  })
  try {
    // The second one only ever throws, or comes when the first one has ended.
    return await Promise.race([step, late.then(() => step)])
  } finally {
    timeout.abort()
  }
}
