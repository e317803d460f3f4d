// node-conditions.ts - what the device says about its own health, in the kubelet's words; pure
import { rfc3339 } from '../../shared/clock.ts'
import { diskAvailableMinBytes } from '../../shared/disk-pressure.ts'
import type { NodeCondition } from '../../shared/kinds/object.ts'
import { runtimeCondition } from '../../shared/node-selection.ts'
import type { HeldRevision, StoreHealth } from '../cache/cache.ts'

/** What is left of what a device runs out of; absent: nobody could measure it. */
export interface Headroom {
  memoryAvailableBytes?: number
  diskAvailableBytes?: number
  diskTotalBytes?: number
  pidsAvailable?: number
}

/** The kubelet's threshold for eviction. */
const MEMORY_AVAILABLE_MIN_BYTES = 100 * 1024 * 1024
/** The kubelet has none by default; with fewer a device cannot even be repaired. */
const PIDS_AVAILABLE_MIN = 200
/** Said to be over with so much more only: what moves around one number would come and go all day, and the hub's taints with it. */
const OVER_WITH_FACTOR = 1.2

export interface ConditionsInput {
  headroom: Headroom
  /** Runtimes that do not answer, with what was said. */
  unavailable: readonly { name: string; error: string }[]
  store: StoreHealth
  held: HeldRevision
  /** Messages that changed nothing, and a number that two states have; in words, absent when there is none lately. */
  messages: { refused?: string; conflict?: string }
  previous: readonly NodeCondition[]
  wallMs: number
}

export function nodeConditions(input: ConditionsInput): NodeCondition[] {
  const { headroom, store, previous, wallMs } = input
  const { memoryAvailableBytes, pidsAvailable } = headroom
  const wasTrue = (type: string) => previous.some((one) => one.type === type && one.status === 'True')
  const isMemoryLow = isBelow(memoryAvailableBytes, MEMORY_AVAILABLE_MIN_BYTES, wasTrue('MemoryPressure'))
  const isDiskLow = isBelow(
    headroom.diskAvailableBytes,
    diskAvailableMinBytes(headroom.diskTotalBytes ?? 0),
    wasTrue('DiskPressure'),
  )
  const arePidsLow = isBelow(pidsAvailable, PIDS_AVAILABLE_MIN, wasTrue('PIDPressure'))
  const wanted: NodeCondition[] = [
    pressure('MemoryPressure', isMemoryLow, ['KubeletHasInsufficientMemory', 'KubeletHasSufficientMemory'], 'memory'),
    diskPressure(isDiskLow, headroom, store),
    pressure('PIDPressure', arePidsLow, ['KubeletHasInsufficientPID', 'KubeletHasSufficientPID'], 'PID'),
    runtimeUnavailable(input.unavailable),
    readOnly(store, input.held),
    rebuilt(store),
    condition(
      'MessagesRefused',
      input.messages.refused !== undefined,
      ['MessagesDoubtful', 'MessagesGenuine'],
      input.messages.refused ?? 'what comes from the hub is genuine',
    ),
    condition(
      'StateConflict',
      input.messages.conflict !== undefined,
      ['TwoStatesOneNumber', 'NumbersUnique'],
      input.messages.conflict ?? 'every state has a number of its own',
    ),
    ...input.unavailable.map(doesNotAnswer),
  ]
  return wanted.map((one) => {
    const before = previous.find(({ type }) => type === one.type)
    const isSame = before?.status === one.status && before.lastTransitionTime !== undefined
    return { ...one, lastTransitionTime: isSame ? before.lastTransitionTime : rfc3339(wallMs) }
  })
}

function condition(type: string, isTrue: boolean, [yes, no]: [string, string], message: string): NodeCondition {
  const status = isTrue ? 'True' : 'False'
  return { type, status, reason: isTrue ? yes : no, message: message.slice(0, MESSAGE_MAX) }
}

function runtimeUnavailable(unavailable: ConditionsInput['unavailable']): NodeCondition {
  const isDown = unavailable.length > 0
  const said = unavailable.map(({ name, error }) => `${name}: ${error}`).join('; ')
  return condition(
    'RuntimeUnavailable',
    isDown,
    ['RuntimeDown', 'RuntimeAnswers'],
    isDown ? said : 'every runtime answers',
  )
}

/** Of each runtime by itself: no pod that needs it is sent here meanwhile, others are. */
const doesNotAnswer = ({ name, error }: { name: string; error: string }): NodeCondition =>
  condition(runtimeCondition(name), false, ['RuntimeAnswers', 'RuntimeDown'], error)

/** Whole percents: a message that changed with every block would be sent with every block. */
function diskPressure(
  isLow: boolean,
  { diskAvailableBytes, diskTotalBytes = 0 }: Headroom,
  { trouble }: StoreHealth,
): NodeCondition {
  const isStoreFull = trouble?.kind === 'full'
  const percent = Math.floor((100 * (diskAvailableBytes ?? 0)) / Math.max(1, diskTotalBytes))
  const left = diskAvailableBytes === undefined ? '' : `: ${percent} % of ${gibibytes(diskTotalBytes)} left`
  const store = isStoreFull ? `; the agent's own store finds no room (${trouble.message})` : ''
  const reasons: [string, string] = ['KubeletHasDiskPressure', 'KubeletHasNoDiskPressure']
  const isTrue = isLow || isStoreFull
  return condition(
    'DiskPressure',
    isTrue,
    reasons,
    isTrue ? `kubelet has disk pressure${left}${store}` : 'kubelet has no disk pressure',
  )
}

const gibibytes = (bytes: number) => `${(bytes / 1024 ** 3).toFixed(1)} GiB`

function readOnly({ place, trouble, onDisk }: StoreHealth, held: HeldRevision): NodeCondition {
  const isTrue = place === 'memory' && trouble?.kind !== 'full'
  const isAhead = held.epoch !== onDisk.epoch || held.revision !== onDisk.revision
  const ahead = isAhead
    ? `; revision ${held.epoch}/${held.revision} is in memory only, the disk has ${onDisk.epoch}/${onDisk.revision}`
    : ''
  const message = isTrue
    ? `the agent's disk takes nothing (${trouble?.message ?? 'no reason was given'}), what it keeps is in memory${ahead}`
    : "the agent's disk can be written"
  return condition('ReadOnlyFS', isTrue, ['DiskRefuses', 'DiskTakesWrites'], message)
}

/** Until the hub has confirmed what is held; the time is the device's own. */
function rebuilt({ rebuilt: damage }: StoreHealth): NodeCondition {
  const message = damage
    ? `since ${rfc3339(damage.atMs)}, not confirmed by the hub yet: ${damage.why}`
    : 'the store is as it was written'
  return condition('StoreRebuilt', damage !== undefined, ['StoreDamaged', 'StoreWhole'], message)
}

const MESSAGE_MAX = 1024
const isBelow = (value: number | undefined, min: number, wasBelow: boolean) =>
  value !== undefined && value < (wasBelow ? min * OVER_WITH_FACTOR : min)

function pressure(type: string, isLow: boolean, reasons: [string, string], what: string): NodeCondition {
  return condition(type, isLow, reasons, `kubelet has ${isLow ? 'insufficient' : 'sufficient'} ${what} available`)
}
