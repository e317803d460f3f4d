// life.ts - where each container of a pod stands, read from what is observed and what is remembered
import type { Pod } from '../../shared/kinds/object.ts'
import type { ContainerHistory } from '../cache/cache.ts'
import type { ObservedContainer } from '../runtime/runtime.ts'
import { repeatedAfterBoot } from './cold-boot.ts'
import type { PodMemoryView } from './pod-memory.ts'
import { containersOf, restartPolicyOf, type PodContainer } from './pod-shape.ts'
import { exitCodeOf, exitReason, mayRestart, mayRunAgain } from './restart.ts'
import { specHashOf } from './spec-hash.ts'

export type Life =
  | { kind: 'never' }
  | { kind: 'created'; at: ObservedContainer }
  | { kind: 'running'; at: ObservedContainer }
  | { kind: 'ended'; at?: ObservedContainer; exitCode: number; reason: string; willRestart: boolean }

export interface ContainerView {
  container: PodContainer
  specHash: string
  life: Life
  history: ContainerHistory | undefined
  /** The one before, kept for `logs --previous`. */
  previous?: ObservedContainer
  /** Number for the next one. */
  nextAttempt: number
}

export interface PodView {
  pod: Pod
  containers: readonly ContainerView[]
  /** It ran before the device was switched off, and begins from its init containers. */
  startsAnew: boolean
  sandbox: { current?: ObservedContainer; others: readonly ObservedContainer[]; nextAttempt: number }
  /** Of ours and of this pod, and no longer good for anything. */
  leftovers: readonly ObservedContainer[]
}

export interface PodFacts {
  pod: Pod
  /** stop, fail: nothing of it is started again. hold: nothing of it may run now. prepare: nothing of it may run yet. */
  intent: 'run' | 'hold' | 'prepare' | 'stop' | 'fail'
  observed: readonly ObservedContainer[]
  histories: readonly ContainerHistory[]
  memory: PodMemoryView
  /** Of the device, now; without it no pod begins anew. */
  bootId?: string
}

export function viewOf({ pod, intent, observed, histories, memory, bootId }: PodFacts): PodView {
  const inPod = observed.filter((one) => one.identity.podUid === pod.metadata.uid)
  const kept = new Set<string>()
  const containers = containersOf(pod).map((container) => {
    const specHash = specHashOf(pod, container)
    const own = inPod.filter(({ identity }) => identity.role !== 'sandbox' && identity.container === container.name)
    const current = currentOf(own, specHash)
    const previous = current && previousOf(own, current)
    for (const one of [current, previous]) if (one) kept.add(one.id)
    const history = histories.find((one) => one.container === container.name)
    const life = lifeOf(pod, container, { intent, current, history, memory })
    const attempts = [history?.attempt ?? -1, ...own.map(({ identity }) => identity.attempt)]
    const nextAttempt = Math.max(...attempts) + 1
    return { container, specHash, life, history, nextAttempt, ...(previous && { previous }) }
  })
  const sandboxes = inPod.filter(({ identity }) => identity.role === 'sandbox').toSorted(bestFirst)
  const [current, ...others] = sandboxes
  for (const one of sandboxes) kept.add(one.id)
  const nextAttempt = Math.max(-1, ...sandboxes.map(({ identity }) => identity.attempt)) + 1
  const view: PodView = {
    pod,
    containers,
    startsAnew: false,
    sandbox: { ...(current && { current }), others, nextAttempt },
    leftovers: inPod.filter((one) => !kept.has(one.id)),
  }
  const mayBegin = bootId !== undefined && !isLast(intent) && outcomeOf(view) === 'unfinished'
  const repeated = mayBegin ? repeatedAfterBoot(containers, bootId) : undefined
  return repeated ? { ...view, startsAnew: true, containers: containers.map((one) => again(one, repeated)) } : view
}

function again(one: ContainerView, names: ReadonlySet<string>): ContainerView {
  const { life, container } = one
  return life.kind === 'ended' && names.has(container.name) ? { ...one, life: { ...life, willRestart: true } } : one
}

/** One that runs and matches is never given up for a newer one that does not. */
function currentOf(own: readonly ObservedContainer[], specHash: string): ObservedContainer | undefined {
  const matching = own.filter((one) => one.state === 'running' && one.identity.specHash === specHash)
  const newestAttempt = (one: readonly ObservedContainer[]) =>
    one.toSorted((a, b) => b.identity.attempt - a.identity.attempt || bestFirst(a, b))[0]
  return newestAttempt(matching) ?? newestAttempt(own)
}

const previousOf = (own: readonly ObservedContainer[], current: ObservedContainer) =>
  own
    .filter((one) => one.state === 'exited' && one.identity.attempt < current.identity.attempt)
    .toSorted((a, b) => b.identity.attempt - a.identity.attempt)[0]

const RANK = { running: 0, created: 1, exited: 2 } as const
/** By number, not by time: a wall clock that was set in between would make the younger one the older. */
const bestFirst = (a: ObservedContainer, b: ObservedContainer) =>
  RANK[a.state] - RANK[b.state] || a.identity.attempt - b.identity.attempt || (a.id < b.id ? -1 : 1)

interface LifeDeps {
  intent: PodFacts['intent']
  current: ObservedContainer | undefined
  history: ContainerHistory | undefined
  memory: PodMemoryView
}

/** What a container of which nothing is left ended with, when nobody saw its end; upstream's word and number. */
const UNKNOWN = { exitCode: 137, reason: 'ContainerStatusUnknown' }

function lifeOf(pod: Pod, container: PodContainer, { intent, current, history, memory }: LifeDeps): Life {
  const policy = isLast(intent) ? 'Never' : restartPolicyOf(pod, container)
  if (!current) {
    if (!history || history.attempt < 0) return { kind: 'never' }
    const end = history.last && (history.last.attempt ?? history.attempt) === history.attempt ? history.last : UNKNOWN
    return { kind: 'ended', exitCode: end.exitCode, reason: end.reason, willRestart: mayRestart(policy, end.exitCode) }
  }
  if (current.state === 'running') return { kind: 'running', at: current }
  if (current.state === 'created' && current.error === undefined) return { kind: 'created', at: current }
  const exitCode = exitCodeOf(current)
  // Stopped by us to be made anew: the policy is about ends of its own.
  const stopped = memory.stops.get(current.id)?.why
  const isRemade = stopped === 'changed' || stopped === 'lease'
  const willRestart = !isLast(intent) && (isRemade || mayRunAgain(policy, current))
  return { kind: 'ended', at: current, exitCode, reason: exitReason(current), willRestart }
}

/** Whatever its policy says. */
const isLast = (intent: PodFacts['intent']): boolean => intent === 'stop' || intent === 'fail'

export type PodOutcome = 'unfinished' | 'succeeded' | 'failed'

/** Whether the pod has done what it was for. */
export function outcomeOf(view: PodView): PodOutcome {
  const init = view.containers.filter(({ container }) => container.role === 'init' && !container.isSidecar)
  const apps = view.containers.filter(({ container }) => container.role === 'app')
  if (init.some(({ life }) => isEnded(life) && life.exitCode !== 0) && !hasAppBegun(view)) return 'failed'
  if (apps.length === 0 || !apps.every(({ life }) => isEnded(life))) return 'unfinished'
  return apps.every(({ life }) => life.kind === 'ended' && life.exitCode === 0) ? 'succeeded' : 'failed'
}

const isEnded = (life: Life): life is Extract<Life, { kind: 'ended' }> => life.kind === 'ended' && !life.willRestart

/** An app container that was ever made shows that all init containers had done their work. */
export const hasAppBegun = ({ containers, startsAnew }: PodView): boolean =>
  !startsAnew &&
  containers.some(
    ({ container, life }) => container.role === 'app' && (('at' in life && life.at !== undefined) || isEnded(life)),
  )

export const isInitDone = (view: PodView, { life }: ContainerView): boolean =>
  hasAppBegun(view) || (life.kind === 'ended' && life.exitCode === 0 && !life.willRestart)
