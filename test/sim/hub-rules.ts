// hub-rules.ts - what must hold at the hub: it serves only what is durable, judges only by what it heard, deletes only what has stopped
import type { HubCore } from '../../hub/core.ts'
import { STATE_ANNOTATION } from '../../hub/fleet/node-status.ts'
import type { Change, Unwatch } from '../../hub/store/store.ts'
import { DISCONNECTED, disconnectPolicyOf } from '../../shared/disconnect-policy.ts'
import { NODE } from '../../shared/kinds/node.ts'
import type { Node, Pod } from '../../shared/kinds/object.ts'
import { POD } from '../../shared/kinds/pod.ts'
import { isRuntimeCondition } from '../../shared/node-selection.ts'
import { resourceName } from '../../shared/kinds/kind.ts'
import type { HubDisk } from './hub-disk.ts'
import type { HubLife } from './hub-process.ts'
import type { Options } from './options.ts'
import type { Rules } from './rules.ts'
import type { Timeline } from './timeline.ts'
import type { Trace } from './trace.ts'

export interface HubRules {
  /** A process of the hub serves from now on. */
  begin(life: HubLife): void
  end(): void
  /** A word of the device has come in. */
  heard(node: string): void
  closed(node: string): void
  /** After every event. */
  check(): void
  /** Somebody has accepted that the hub knows less than before. */
  restored(): void
  /** The hub forgets what came after this revision; these are what devices were told to run. */
  lost(heldUids: readonly string[], revision: number): void
  /** Forgotten, and the hub has not heard of it since. */
  isLost(podUid: string): boolean
  /** People may take a pod away without waiting for its device. */
  allowForced(podUid: string): void
}

export interface HubRulesDeps {
  options: Options
  timeline: Timeline
  rules: Rules
  trace: Trace
  disk: HubDisk
  nodes: readonly string[]
  isRunning(node: string, podUid: string): boolean
  onPodMade(podUid: string, epoch: number): void
}

/** Written by a device about pods that are not its own; nobody else uses the word. */
export const FORGED_REASON = 'Forged'

/** Clocks differ by this much at most. */
const DRIFT = 0.97
const BEATS_TO_LATE = 2.5
const BEATS_TO_LEASE = 4
const BEATS_OF_GRACE = 1.5
/** A slow disk holds back what the hub does about it. */
const MOVES_WITHIN_MS = 30_000
/** An agent that starts knows of its engine only what it has asked: the hub's loops may never see the moment in between. */
const BLINK_MS = 100
/** What was decided is told when the disk has it. */
const TOLD_WITHIN_MS = 3_000
const LOOK_EVERY_MS = 5_000
/** Timers of the hub's own loops come a moment after what they are about. */
const SLACK_MS = 50

export function createHubRules(deps: HubRulesDeps): HubRules {
  const { options, timeline, rules, disk, trace } = deps
  const { beatEveryMs } = options
  let life: HubLife | undefined
  let unwatch: Unwatch | undefined
  let lastRevision = 0
  let toldRevision = 0
  let highestEpoch = 0
  let nextLookMs = 0
  const states = new Map<string, string | undefined>()
  const heardMs = new Map<string, number>()
  const unreachableMs = new Map<string, number>()
  const whyUnreachable = new Map<string, string | undefined>()
  /** What it was before, from when to when. */
  const ended = new Map<string, { why: string | undefined; sinceMs: number; atMs: number }>()
  /** How long it was so the last time. */
  const lastForMs = new Map<string, number>()
  const forced = new Set<string>()
  const lost = new Set<string>()
  const addedAt = new Map<string, number>()

  function begin(next: HubLife): void {
    life = next
    heardMs.clear()
    const { store } = next.core
    const { epoch } = store.identity
    if (epoch < highestEpoch) rules.broken('epochs never go back at the hub', `${epoch} after ${highestEpoch}`)
    if (store.revision < toldRevision)
      rules.broken(
        'revisions never go back at the hub',
        `it starts at ${store.revision} and has told of ${toldRevision}`,
      )
    highestEpoch = epoch
    states.clear()
    look(next.core, () => {})
    unwatch = store.watchAll(store.revision, told)
  }

  /** As every client of the API hears it. */
  function told(change: Change): void {
    const { revision, type, kind, object } = change
    trace.note('hub', `${type} ${resourceName(kind)} ${object.metadata.name}`, revision)
    if (revision > disk.image.meta.revision)
      rules.broken(
        'nothing is told before it is durable',
        `${revision} is told, the disk is at ${disk.image.meta.revision}`,
      )
    if (revision <= toldRevision) rules.broken('revisions are told in order', `${revision} after ${toldRevision}`)
    toldRevision = Math.max(toldRevision, revision)
    if (resourceName(kind) === resourceName(POD)) toldPod(change as Change<Pod>)
  }

  function toldPod({ type, revision, object, previous }: Change<Pod>): void {
    const { uid, name, deletionTimestamp } = object.metadata
    if (type === 'ADDED') {
      lost.delete(uid)
      addedAt.set(uid, revision)
      if (life) deps.onPodMade(uid, life.core.store.identity.epoch)
    }
    const { nodeName } = object.spec
    if (previous?.spec.nodeName !== undefined && type !== 'DELETED' && previous.spec.nodeName !== nodeName)
      rules.broken('a pod never moves', `${name} goes from ${previous.spec.nodeName} to ${nodeName}`)
    if (type === 'DELETED' && nodeName !== undefined && !forced.has(uid) && deps.isRunning(nodeName, uid))
      rules.broken('a pod is there until its device has stopped it', `${name} is gone and still runs on ${nodeName}`)
    if (object.status?.reason === FORGED_REASON)
      rules.broken('a device speaks only for its own pods', `${name} on ${nodeName} says what another device said`)
    const isEvicted = object.status?.conditions?.some(({ reason }) => reason === 'DeletionByTaintManager') ?? false
    if (isEvicted && deletionTimestamp !== undefined && previous?.metadata.deletionTimestamp === undefined)
      moved(object)
    const isAside = (pod: Pod | undefined) => pod?.status?.conditions?.some((one) => one.type === DISCONNECTED) ?? false
    if (type !== 'DELETED' && isAside(object) && previous && !isAside(previous)) moved(object)
  }

  /** Taken away, or put aside for a spare. */
  function moved(pod: Pod): void {
    const { metadata, spec } = pod
    const { name } = metadata
    const { nodeName } = spec
    if (disconnectPolicyOf(pod).onDisconnect === 'wait')
      rules.broken('what is to wait for its device waits', `${name} of ${nodeName} is given up`)
    const sinceMs = unreachableMs.get(nodeName ?? '')
    // It is told when the disk has it; by then the device may be back.
    const nowForMs = sinceMs === undefined ? 0 : timeline.nowMs - sinceMs
    const forMs = nowForMs < TOLD_WITHIN_MS ? Math.max(nowForMs, lastForMs.get(nodeName ?? '') ?? 0) : nowForMs
    if (forMs < options.tolerationMs * DRIFT)
      rules.broken('no work moves on a blink', `${name} is taken from ${nodeName} after ${forMs} ms`)
  }

  /** Reads the states as they are in memory: what is told comes when the disk has it. */
  function look(
    core: HubCore,
    changed: (node: string, state: string | undefined, before: string | undefined) => void,
  ): void {
    lastRevision = core.store.revision
    for (const name of deps.nodes) {
      const node = core.store.get(NODE, undefined, name)
      const state = node?.metadata.annotations?.[STATE_ANNOTATION]
      const before = states.get(name)
      states.set(name, state)
      if (state !== before) changed(name, state, before)
      const why = whyAway(node)
      const sinceMs = unreachableMs.get(name)
      if (why === whyUnreachable.get(name)) continue
      const last = ended.get(name)
      const wasBlink = last !== undefined && last.why === why && timeline.nowMs - last.atMs < BLINK_MS
      if (sinceMs !== undefined) {
        lastForMs.set(name, timeline.nowMs - sinceMs)
        ended.set(name, { why: whyUnreachable.get(name), sinceMs, atMs: timeline.nowMs })
      }
      whyUnreachable.set(name, why)
      if (why === undefined) unreachableMs.delete(name)
      else unreachableMs.set(name, wasBlink ? last.sinceMs : timeline.nowMs)
    }
  }

  function judged(node: string, state: string | undefined, before: string | undefined): void {
    if (!life) return
    trace.note('hub', `${node} is ${state}`, { before })
    const upMs = timeline.nowMs - life.startedMs
    const silentMs = timeline.nowMs - (heardMs.get(node) ?? life.startedMs)
    const isConnected = life.broker.connectionOf(node) !== undefined
    const wrong = (why: string) =>
      rules.broken('a node is judged by what was heard of it', `${node} is ${state} (was ${before}): ${why}`)
    if (state === 'Unreachable' || state === 'Dead') {
      if (upMs < BEATS_TO_LEASE * beatEveryMs * DRIFT) wrong(`the hub itself is up for ${upMs} ms`)
      if (silentMs < BEATS_OF_GRACE * beatEveryMs * DRIFT) wrong(`it spoke ${silentMs} ms ago`)
    }
    const isUnspoken = silentMs < BEATS_TO_LATE * beatEveryMs * DRIFT - SLACK_MS
    if (state !== 'Online' && isUnspoken && isConnected && heardMs.has(node) && !wills.has(node))
      wrong(`it is connected and spoke ${silentMs} ms ago`)
  }

  /** A device that is lost for long enough loses what may be replaced. */
  function checkMoved({ objects }: HubCore, startedMs: number): void {
    for (const [node, sinceMs] of unreachableMs) {
      const forMs = timeline.nowMs - Math.max(sinceMs, startedMs)
      if (forMs < options.tolerationMs / DRIFT + MOVES_WITHIN_MS) continue
      const stays = objects.by(POD, 'nodeName', node).find(shouldHaveMoved)
      if (stays)
        rules.broken('work moves when its device is lost', `${stays.metadata.name} is on ${node}, lost for ${forMs} ms`)
    }
  }

  /** Nodes whose newest connection has ended, until they speak again. */
  const wills = new Set<string>()

  return {
    begin,
    end() {
      unwatch?.()
      unwatch = undefined
      life = undefined
      wills.clear()
    },
    heard(node) {
      heardMs.set(node, timeline.nowMs)
      wills.delete(node)
    },
    closed: (node) => void wills.add(node),
    check() {
      const core = life?.core
      if (!life || !core) return
      if (core.store.revision !== lastRevision) look(core, judged)
      if (!life.isReady || timeline.nowMs < nextLookMs) return
      nextLookMs = timeline.nowMs + LOOK_EVERY_MS
      checkMoved(core, life.startedMs)
    },
    restored() {
      toldRevision = 0
      highestEpoch = 0
    },
    lost(heldUids, revision) {
      for (const uid of heldUids) if ((addedAt.get(uid) ?? 0) > revision) lost.add(uid)
    },
    isLost: (podUid) => lost.has(podUid),
    allowForced: (podUid) => void forced.add(podUid),
  }
}

/** It is not heard of, or its engine is not: each has its own time. */
function whyAway(node: Node | undefined): string | undefined {
  if (node?.spec.taints?.some(({ effect }) => effect === 'NoExecute')) return 'device'
  const isSilent = node?.status?.conditions?.some((one) => isRuntimeCondition(one) && one.status === 'False')
  return isSilent ? 'engine' : undefined
}

function shouldHaveMoved(pod: Pod): boolean {
  const { metadata, status } = pod
  const { onDisconnect, isSingleton } = disconnectPolicyOf(pod)
  const isOfReplicaSet = metadata.ownerReferences?.some(({ kind }) => kind === 'ReplicaSet') ?? false
  const hasEnded = status?.phase === 'Succeeded' || status?.phase === 'Failed'
  const isAside = status?.conditions?.some(({ type }) => type === DISCONNECTED) ?? false
  return (
    onDisconnect === 'replace' &&
    !isSingleton &&
    isOfReplicaSet &&
    !hasEnded &&
    !isAside &&
    metadata.deletionTimestamp === undefined
  )
}
