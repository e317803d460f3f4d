// options.ts - what a seed stands for: how large the fleet is, what it runs, and what goes wrong how often
import {
  ON_DISCONNECT_CHOICES,
  ON_RECONNECT_CHOICES,
  type OnDisconnect,
  type OnReconnect,
} from '../../shared/disconnect-policy.ts'
import { createChance, type Chance } from './chance.ts'

export const FAULTS = [
  'hub crash',
  'hub power loss',
  'hub restart',
  'hub slow disk',
  'hub disk error',
  'hub restore',
  'hub silent restore',
  'hub wall jump',
  'agent crash',
  'agent restart',
  'power loss',
  'cut while writing',
  'disk damage',
  'disk full',
  'wall jump',
  'engine restart',
  'engine crash',
  'link drop',
  'partition',
  'one way up',
  'one way down',
  'failing link',
  'half open',
  'slow link',
  'replay',
  'forged state',
  'forged status',
] as const
export type Fault = (typeof FAULTS)[number]

export const BEHAVIOURS = ['steady', 'crashing', 'slow', 'stubborn', 'sick', 'double', 'brief'] as const
export type Behaviour = (typeof BEHAVIOURS)[number]

export interface Policy {
  onDisconnect: OnDisconnect
  onReconnect: OnReconnect
  lostAfterSeconds: number
  isSingleton: boolean
}

export interface Workload {
  kind: 'deployment' | 'daemonset' | 'pod'
  name: string
  replicas: number
  behaviour: Behaviour
  policy: Policy
}

export interface Options {
  seed: number
  nodes: number
  workloads: readonly Workload[]
  /** How long things go wrong, before everything is healed. */
  troubleMs: number
  /** Each kind of trouble, in times a minute over the whole fleet. */
  faults: Readonly<Partial<Record<Fault, number>>>
  /** Of what goes down or is cut off, this share is so for minutes, not seconds. */
  longOutages: number
  userActionsPerMinute: number
  beatEveryMs: number
  tolerationMs: number
  latencyMs: number
  fsyncMs: number
  duplicateRate: number
  lossRate: number
  pullFails: number
  startFails: number
  answerLost: number
  eventLost: number
  /** 0.01: clocks run up to one in a hundred too fast or too slow. */
  drift: number
  journalEntriesMax: number
}

/** Not every kind of trouble at once: what one fault hides, another seed without it shows. */
const FAULT_SHARE = 0.3
/** Others have few kinds, and much of each: some bugs want two faults close together ... */
const FEW = 3
/** ... and some kinds make each other worse. */
const THEMES: readonly (readonly Fault[])[] = [
  ['hub wall jump', 'wall jump', 'partition', 'agent crash'],
  ['hub crash', 'hub power loss', 'hub slow disk', 'hub disk error'],
  ['disk full', 'cut while writing', 'disk damage', 'agent crash'],
  ['hub restore', 'agent crash', 'partition', 'power loss'],
  ['hub silent restore', 'hub crash', 'partition', 'agent crash'],
  ['one way up', 'one way down', 'half open', 'slow link', 'link drop'],
  ['engine restart', 'engine crash', 'agent crash', 'agent restart'],
  ['replay', 'forged state', 'forged status', 'link drop'],
]

const LONG: readonly (readonly Fault[])[] = [
  ['agent crash', 'partition', 'hub crash'],
  ['agent crash', 'engine restart', 'partition'],
  ['failing link', 'one way up', 'slow link'],
  ['failing link', 'agent crash', 'hub restart'],
  ['hub crash', 'hub restart', 'partition'],
  ['power loss', 'half open', 'slow link'],
  ['hub wall jump', 'partition', 'power loss'],
  ['hub power loss', 'partition', 'agent crash'],
]

/**
 * Small fleets, short trouble and much of it: what is found takes few devices and comes soon, and a seed that is cheap
 * makes room for another. What takes long to go wrong (a device that is cut off and dead until its work has moved) has
 * its own few.
 */
const LONG_SHARE = 0.05
/** What the hub forgets may run where it does not look: devices away for long, and a hub that is set back meanwhile. */
const SET_BACK_SHARE = 0.04

export function optionsOf(seed: number): Options {
  const chance = createChance(seed).branch()
  const share = chance.float()
  const options = mostOptions(seed, chance, share < LONG_SHARE)
  const isSetBack = share >= LONG_SHARE && share < LONG_SHARE + SET_BACK_SHARE
  return isSetBack ? { ...options, ...setBack(chance) } : options
}

function mostOptions(seed: number, chance: Chance, isLong: boolean): Options {
  const nodes = chance.pick(isLong ? [2, 2, 3] : [1, 1, 2, 2, 2, 3])
  return {
    seed,
    nodes,
    workloads: isLong ? [chance.is(0.5) ? singleton(chance) : movable(chance, nodes)] : workloadsOf(chance, nodes),
    troubleMs: (isLong ? chance.between(80, 200) : chance.between(8, 30)) * 1000,
    faults: isLong ? rates(chance.pick(LONG), () => chance.pick([1.5, 3])) : faultsOf(chance),
    longOutages: isLong ? 0.5 : 0.2,
    userActionsPerMinute: isLong ? chance.between(1, 8) : chance.between(4, 16),
    beatEveryMs: chance.pick(isLong ? [2_000, 5_000] : [2_000, 5_000, 10_000]),
    tolerationMs: chance.pick([5_000, 10_000, 30_000]),
    latencyMs: chance.pick([2, 20, 60, 300]),
    fsyncMs: chance.pick([1, 5, 40]),
    duplicateRate: chance.pick([0, 0.02, 0.2]),
    lossRate: chance.pick([0, 0, 0.05]),
    pullFails: chance.pick([0, 0, 0.3]),
    startFails: chance.pick([0, 0, 0.1]),
    answerLost: chance.pick([0, 0, 0.02]),
    eventLost: chance.pick([0, 0.02, 0.3]),
    drift: chance.pick([0, 0.01]),
    journalEntriesMax: chance.pick([100, 1_000]),
  }
}

/** Away until its work has moved, back after the hub has forgotten that, and then as long again as a lease lasts. */
const setBack = (chance: Chance): Partial<Options> => ({
  nodes: chance.pick([2, 2, 2, 3]),
  workloads: [singleton(chance, [10])],
  troubleMs: chance.between(220, 300) * 1000,
  faults: {
    [chance.pick<Fault>(['hub restore', 'hub restore', 'hub restore', 'hub silent restore'])]: 0.6,
    partition: 1,
    'agent crash': 1,
  },
  longOutages: 0.8,
  userActionsPerMinute: chance.pick([0, 0, 3]),
  beatEveryMs: 2_000,
  tolerationMs: 5_000,
})

const PLAIN = { onDisconnect: 'replace', onReconnect: 'keep-replacement' } as const

const singleton = (chance: Chance, lostAfterSeconds = [10, 60]): Workload => ({
  kind: 'deployment',
  name: 'work-1',
  replicas: 1,
  behaviour: chance.pick(['slow', 'stubborn', 'stubborn']),
  policy: {
    ...PLAIN,
    lostAfterSeconds: chance.pick(lostAfterSeconds),
    isSingleton: true,
  },
})

const movable = (chance: Chance, nodes: number): Workload => ({
  kind: 'deployment',
  name: 'work-1',
  replicas: nodes,
  behaviour: chance.pick(['steady', 'slow', 'stubborn']),
  policy: { ...PLAIN, lostAfterSeconds: 10, isSingleton: false },
})

/** What stops everything for long comes more seldom than the rest; what does harm only at the right moment, more often. */
const FACTORS: Partial<Record<Fault, number>> = {
  'hub restore': 0.4,
  'hub silent restore': 0.4,
  'hub disk error': 0.4,
  'half open': 0.4,
  'one way up': 2,
  'one way down': 2,
  'hub wall jump': 4,
  'wall jump': 4,
}

const rates = (faults: readonly Fault[], perMinute: () => number): Options['faults'] =>
  Object.fromEntries(faults.map((fault) => [fault, perMinute() * (FACTORS[fault] ?? 1)]))

function faultsOf(chance: Chance): Options['faults'] {
  if (chance.is(0.3)) {
    const few = Array.from({ length: FEW }, () => chance.pick(FAULTS))
    return rates(few, () => chance.pick([6, 12]))
  }
  if (chance.is(0.5)) return rates(chance.pick(THEMES), () => chance.pick([4, 8]))
  const some = FAULTS.filter(() => chance.is(FAULT_SHARE))
  return rates(some, () => chance.pick([1.5, 4, 8]))
}

function workloadsOf(chance: Chance, nodes: number): Workload[] {
  return Array.from({ length: chance.pick([1, 1, 2, 3]) }, (_, index) => ({
    ...kindOf(chance, nodes),
    name: `work-${index + 1}`,
    behaviour: chance.pick(['steady', ...BEHAVIOURS]),
  }))
}

function kindOf(chance: Chance, nodes: number): Pick<Workload, 'kind' | 'replicas' | 'policy'> {
  const isSingleton = chance.is(0.3)
  const kind = isSingleton ? 'deployment' : chance.pick(['deployment', 'deployment', 'daemonset', 'pod'] as const)
  const isPlain = chance.is(0.5)
  return {
    kind,
    replicas: isSingleton ? 1 : chance.between(1, nodes + 1),
    policy: {
      onDisconnect: isPlain || isSingleton ? 'replace' : chance.pick(ON_DISCONNECT_CHOICES),
      onReconnect: isPlain ? 'keep-replacement' : chance.pick(ON_RECONNECT_CHOICES),
      lostAfterSeconds: chance.pick([10, 20, 60]),
      isSingleton,
    },
  }
}
