// rebalance.ts - moves pods by itself to devices that came back or joined: one at a time, so many an hour, only when it is asked to
import { NODE } from '../../shared/kinds/node.ts'
import type { Node, Pod } from '../../shared/kinds/object.ts'
import { POD } from '../../shared/kinds/pod.ts'
import { StatusError } from '../../shared/kinds/status-error.ts'
import { outcomeOf, uidsOf } from '../../shared/rebalance-outcome.ts'
import { planRebalance, type Move } from '../../shared/rebalance.ts'
import { createReconcileLoop, type Outcome, type ReconcileLoop } from '../store/reconcile-loop.ts'
import { watchInto } from '../store/watch-into.ts'
import type { ControllerDeps } from './deps.ts'
import { isOffline } from './node-state.ts'

export interface RebalanceDeps extends ControllerDeps {
  /** As the Eviction API does it: throws when a disruption budget forbids it. */
  evict(pod: Pod): void
  movesPerHour: number
}

const FLEET = 'fleet'
const HOUR_MS = 3_600_000
/** A device that comes and goes is no place to move to. */
export const STEADY_AFTER_MS = 5 * 60_000
/** Also without news: room appears when pods end. */
const LOOK_EVERY_MS = 5 * 60_000
const POLL_EVERY_MS = 5_000
/** After this nobody waits for the replacement any more, and its group is left alone for an hour. */
const MOVE_WITHIN_MS = 10 * 60_000

interface UnderWay {
  move: Move
  before: ReadonlySet<string>
  sinceMs: number
}

export function createRebalance(deps: RebalanceDeps): ReconcileLoop {
  const { store, objects, clock, stopwatch, recordEvent } = deps
  let underWay: UnderWay | undefined
  /** When the moves of the last hour began. */
  let moves: readonly number[] = []
  /** Groups that are left alone: why, and until when. */
  const resting = new Map<string, { why: string; untilMs: number }>()

  function reconcile(): Outcome {
    if (underWay && !isOver(underWay)) return { againAfterMs: POLL_EVERY_MS }
    underWay = undefined
    const nowMs = clock.monoMs()
    moves = moves.filter((atMs) => nowMs - atMs < HOUR_MS)
    for (const [uid, { untilMs }] of resting) if (untilMs <= nowMs) resting.delete(uid)
    const [oldest] = moves
    if (oldest !== undefined && moves.length >= deps.movesPerHour) return { againAfterMs: oldest + HOUR_MS - nowMs }
    const nodes = objects.list(NODE)
    const steady = nodes.filter((node) => onlineMs(node) >= STEADY_AFTER_MS)
    const pods = objects.list(POD)
    const skip = new Map([...resting].map(([uid, { why }]) => [uid, why]))
    const [next] = planRebalance({ nodes: steady, pods }, { max: 1, skip }).moves
    if (!next) return { againAfterMs: LOOK_EVERY_MS }
    begin(next, pods)
    return { againAfterMs: POLL_EVERY_MS }
  }

  /** How long the device has been here without a break, on the hub's own clock. */
  function onlineMs(node: Node): number {
    const ready = node.status?.conditions?.find(({ type }) => type === 'Ready')
    const mark = isOffline(node) || ready?.status !== 'True' ? undefined : 'online'
    return stopwatch.elapsedMs(`online ${node.metadata.uid}`, mark, ready?.lastTransitionTime) ?? 0
  }

  function begin(move: Move, pods: readonly Pod[]): void {
    const pod = objects.get(POD, move.namespace, move.pod)
    if (pod?.metadata.uid !== move.podUid) return
    try {
      deps.evict(pod)
    } catch (error) {
      if (!(error instanceof StatusError)) throw error
      return rest(move, error.message)
    }
    const nowMs = clock.monoMs()
    moves = [...moves, nowMs]
    underWay = { move, before: uidsOf(pods, move.groupUid), sinceMs: nowMs }
    recordEvent(pod, 'Normal', 'Rebalanced', `moved away from ${move.from}: ${move.why}`)
    deps.log.info({ pod: `${move.namespace}/${move.pod}`, from: move.from, why: move.why }, 'a pod is moved')
  }

  function isOver({ move, before, sinceMs }: UnderWay): boolean {
    const outcome = outcomeOf(move, before, objects.list(POD))
    if (outcome === 'came back') rest(move, 'the scheduler brings its pods back to where they were')
    if (outcome !== 'under way') return true
    const isLate = clock.monoMs() - sinceMs >= MOVE_WITHIN_MS
    if (isLate) rest(move, 'the replacement does not get ready')
    return isLate
  }

  const rest = ({ groupUid }: Move, why: string): void =>
    void resting.set(groupUid, { why, untilMs: clock.monoMs() + HOUR_MS })

  return createReconcileLoop({
    name: 'rebalance',
    clock,
    log: deps.log,
    random: deps.random,
    watch: [
      watchInto(store, NODE, ({ type, object, previous }) => {
        if (type === 'DELETED') stopwatch.forget(`online ${object.metadata.uid}`)
        return !previous || isOffline(previous) !== isOffline(object) ? [FLEET] : []
      }),
    ],
    reconcile,
  })
}
