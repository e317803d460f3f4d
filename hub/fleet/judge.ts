// judge.ts - looks at each node when something or time may have changed how it is, and writes down what it finds
import type { Clock } from '../../shared/clock.ts'
import { NODE } from '../../shared/kinds/node.ts'
import type { Node, NodeCondition } from '../../shared/kinds/object.ts'
import type { Log } from '../../shared/log.ts'
import { referenceTo, type EventRecorder } from '../store/events.ts'
import type { Objects } from '../store/objects.ts'
import type { Outcome } from '../store/reconcile-loop.ts'
import type { BeatEvery } from './beat-every.ts'
import { HUB_COMPONENT } from './components.ts'
import { createExcuses } from './excuses.ts'
import { judgeNode, limitsFor, NODE_STATES, type Judgement, type NodeLife, type NodeState } from './node-state.ts'
import {
  isUnknown,
  judgeConditions,
  markNode,
  SINCE_ANNOTATION,
  STATE_ANNOTATION,
  writtenLastHeardMs,
  type Verdict,
} from './node-status.ts'
import { markPodsNotReady } from './pod-readiness.ts'
import { writtenWitness, type Witness, type Witnessed } from './witness.ts'

export interface JudgeDeps {
  objects: Objects
  events: Pick<EventRecorder, 'record'>
  clock: Clock
  log: Log
  beatEveryMs: BeatEvery
  /** Its link stands and it says nothing: a new session makes it tell everything anew. */
  hangUp(node: string): void
  /** How long the machine of the hub has been asleep in all: the monotonic clock stood still then. */
  sleptMs?(): number
}

/** What the API, pages and metrics show of a node. */
export type NodeView = Pick<Verdict, 'state' | 'sinceWallMs' | 'lastHeardWallMs' | 'lastWitness'>

export interface Judge {
  start(): void
  /** The hub itself keeps devices waiting now: their silence says nothing about them. */
  excuse(): void
  heard(node: string, by: Exclude<Witnessed, 'link broke'>, session?: number): void
  /** The will of a session; of an older one it says nothing. True when it counts. */
  linkLost(node: string, session: number): boolean
  reportedReady(node: string, ready: Pick<NodeCondition, 'type' | 'status' | 'reason' | 'message'> | undefined): boolean
  forget(node: string): void
  view(node: Node): NodeView
  lastHeardWallMs(node: string): number | undefined
  reconcile(node: string): Outcome
}

interface Known {
  life: NodeLife
  /** Monotonic. */
  witness?: { what: Witnessed; atMs: number }
  /** Judged to be lost, and not heard of since: no later excuse of the hub brings it back. */
  isLost?: boolean
  /** When it was to be looked at next. */
  dueMs?: number
  session?: number
  ready?: Pick<NodeCondition, 'type' | 'status' | 'reason' | 'message'>
}

export function createJudge(deps: JudgeDeps): Judge {
  const { objects, clock } = deps
  const known = new Map<string, Known>()
  // How long the hub excuses itself does not depend on who waited: the rhythm of a device without a profile.
  const excuses = createExcuses(limitsFor(deps.beatEveryMs('')))
  let hubStartedMs = clock.monoMs()

  const of = (name: string): Known => {
    const found = known.get(name) ?? { life: { hubStartedMs } }
    known.set(name, found)
    return found
  }
  /** Monotonic moments become dates only here, for people. */
  const wallOf = (monoMs: number): number => clock.wallMs() - (clock.monoMs() - monoMs)

  /** Of an earlier life of the hub only what it wrote down is left, which is a little older. */
  const lastHeardWallMsOf = (node: Node, { life: { lastHeardMs } }: Known): number | undefined =>
    lastHeardMs === undefined ? writtenLastHeardMs(node) : wallOf(lastHeardMs)

  function judge(node: Node): Judgement & { known: Known } {
    const before = stateOf(node)
    const it = known.get(node.metadata.name) ?? { life: { hubStartedMs } }
    const excused = it.isLost ? {} : { excusedUntilMs: excuses.untilMs() }
    const life = { ...it.life, ...excused, ...(before && { before }) }
    return { ...judgeNode(life, clock.monoMs(), limitsFor(deps.beatEveryMs(node.metadata.name))), known: it }
  }

  /** The one answer to how a node is, for all who show it. */
  function look(node: Node): { verdict: Verdict; lookAgainMs?: number; known: Known } {
    const { state, sinceMs, lookAgainMs, known: it } = judge(node)
    const lastHeardWallMs = lastHeardWallMsOf(node, it)
    const lastWitness = lastWitnessOf(node, it)
    const verdict = {
      state,
      ...(sinceMs !== undefined && { sinceWallMs: wallOf(sinceMs) }),
      ...(lastHeardWallMs !== undefined && { lastHeardWallMs }),
      ...(lastWitness && { lastWitness }),
      ...(it.ready && { reportedReady: it.ready }),
    }
    return { verdict, ...(lookAgainMs !== undefined && { lookAgainMs }), known: it }
  }

  function lastWitnessOf(node: Node, { witness }: Known): Witness | undefined {
    if (witness) return { what: witness.what, atWallMs: wallOf(witness.atMs) }
    const atWallMs = writtenLastHeardMs(node)
    return writtenWitness(node) ?? (atWallMs === undefined ? undefined : { what: 'beat', atWallMs })
  }

  function reconcile(name: string): Outcome {
    const node = objects.get(NODE, undefined, name)
    if (!node) return void known.delete(name)
    excuses.woke(of(name).dueMs, clock.monoMs())
    excuses.slept(deps.sleptMs?.() ?? 0, clock.monoMs())
    const { verdict, lookAgainMs, known: it } = look(node)
    const { state, lastHeardWallMs } = verdict
    const before = stateOf(node)
    const wallMs = clock.wallMs()
    objects.modify(NODE, undefined, name, (current) => judgeConditions(current, verdict, wallMs), {
      subresource: 'status',
    })
    objects.modify(NODE, undefined, name, (current) => markNode(current, verdict, wallMs))
    if (state !== before) tell(node, before, state)
    it.dueMs = lookAgainMs ?? Infinity
    if (isUnknown(state)) {
      it.isLost = true
      markPodsNotReady(deps, { node: name, nowWallMs: wallMs, lastHeardWallMs })
      deps.hangUp(name)
    }
    return lookAgainMs === undefined ? undefined : { againAfterMs: Math.max(1, lookAgainMs - clock.monoMs()) }
  }

  function tell(node: Node, from: NodeState | undefined, to: NodeState): void {
    deps.log.info({ node: node.metadata.name, from, to }, 'node state changed')
    const isReady = !isUnknown(to)
    if (from === undefined ? !isReady : isUnknown(from) !== isReady) return
    const reason = isReady ? 'NodeReady' : 'NodeNotReady'
    const message = `Node ${node.metadata.name} status is now: ${reason}`
    deps.events.record({ about: referenceTo(node), severity: 'Normal', reason, message, component: HUB_COMPONENT })
  }

  return {
    start: () => void (hubStartedMs = clock.monoMs()),
    excuse: () => excuses.note(clock.monoMs()),
    heard(name, by, session) {
      const it = of(name)
      const { linkLostMs: _, ...life } = it.life
      it.isLost = false
      it.life = { ...life, lastHeardMs: clock.monoMs() }
      it.witness = { what: by, atMs: clock.monoMs() }
      if (session !== undefined) it.session = session
    },
    linkLost(name, session) {
      const it = known.get(name)
      if (it?.session !== session) return false
      it.life = { ...it.life, linkLostMs: clock.monoMs() }
      it.witness = { what: 'link broke', atMs: clock.monoMs() }
      return true
    },
    reportedReady(name, ready) {
      const it = of(name)
      const isNews = JSON.stringify(it.ready) !== JSON.stringify(ready)
      if (ready) it.ready = ready
      else delete it.ready
      return isNews
    },
    forget: (name) => void known.delete(name),
    view(node) {
      const { reportedReady: _, ...view } = look(node).verdict
      const writtenMs = Date.parse(node.metadata.annotations?.[SINCE_ANNOTATION] ?? '')
      const isWritten = stateOf(node) === view.state && !Number.isNaN(writtenMs)
      return isWritten ? { ...view, sinceWallMs: writtenMs } : view
    },
    lastHeardWallMs(name) {
      const node = objects.get(NODE, undefined, name)
      return node && lastHeardWallMsOf(node, known.get(name) ?? { life: { hubStartedMs } })
    },
    reconcile,
  }
}

const stateOf = (node: Node): NodeState | undefined =>
  NODE_STATES.find((state) => state === node.metadata.annotations?.[STATE_ANNOTATION])
