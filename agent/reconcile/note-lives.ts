// note-lives.ts - writes down that containers run or have ended: in memory when, in the cache how
import type { Clock } from '../../shared/clock.ts'
import type { Cache } from '../cache/cache.ts'
import type { ObservedContainer } from '../runtime/runtime.ts'
import type { Events, PodEvent } from './events.ts'
import type { PodMemory } from './pod-memory.ts'
import { containersOf, namespaceOf, restartPolicyOf, type PodContainer } from './pod-shape.ts'
import type { Target } from './step-context.ts'
import { afterExit, crashDelayMs, exitCodeOf, exitReason, isNoted, mayRunAgain, newHistory } from './restart.ts'

export interface NoteDeps {
  clock: Clock
  cache: Pick<Cache, 'histories' | 'saveHistory'>
  events: Events
  target: Pick<Target, 'pod' | 'intent'>
  observed: readonly ObservedContainer[]
  memory: PodMemory
  /** What is found ended now ended while nobody looked. */
  isExcused: boolean
}

export function noteLives(deps: NoteDeps): void {
  const { clock, observed, memory } = deps
  for (const one of observed) {
    if (one.identity.role === 'sandbox') continue
    if (one.state === 'running' && !memory.starts.has(one.id)) memory.starts.set(one.id, clock.monoMs())
    if (hasEnded(one)) noteEnd(one, deps)
  }
}

/** One that was made and could not start counts as ended. */
const hasEnded = ({ state, error }: ObservedContainer) =>
  state === 'exited' || (state === 'created' && error !== undefined)

function noteEnd(one: ObservedContainer, { clock, cache, events, target, memory, isExcused }: NoteDeps): void {
  const { podUid, container: name } = one.identity
  const history = cache.histories(podUid).find(({ container }) => container === name)
  const isNews = !isNoted(history, one) && one.identity.attempt >= (history?.attempt ?? 0)
  const isFirstSight = !memory.exits.has(one.id)
  if (!isFirstSight && !isNews) return
  const why = memory.stops.get(one.id)?.why
  const isNotItsFault = (isExcused && isNews) || (why !== undefined && why !== 'unhealthy' && why !== 'postStart')
  if (isFirstSight) memory.exits.set(one.id, isNotItsFault ? Number.NEGATIVE_INFINITY : clock.monoMs())
  if (!isNews) return

  const { pod, intent } = target
  const container = containersOf(pod).find((candidate) => candidate.name === name)
  const willRestart = intent === 'run' && container !== undefined && mayRunAgain(restartPolicyOf(pod, container), one)
  // Of one that ran before this process did only a part was seen: too little, never too much.
  const startedMs = memory.starts.get(one.id)
  const ran = startedMs === undefined ? {} : { ranMs: clock.monoMs() - startedMs }
  const next = afterExit(history ?? newHistory(podUid, name), one, { ...ran, isExcused: isNotItsFault, willRestart })
  cache.saveHistory(next)
  // What we stop ourselves is told when it begins, as "Killing".
  if (why === undefined) events.record(pod, exitEvent(one, container))
  if (!willRestart || isNotItsFault || crashDelayMs(next.crashes) === 0 || !container) return
  const about = `${pod.metadata.name}_${namespaceOf(pod)}(${podUid})`
  const message = `Back-off restarting failed container ${name} in pod ${about}`
  events.record(pod, { severity: 'Warning', reason: 'BackOff', message, container })
}

/** Not one of upstream's: what happened while nobody could see it is told in order, and the status keeps only the last. */
function exitEvent(one: ObservedContainer, container: PodContainer | undefined): PodEvent {
  const exitCode = exitCodeOf(one)
  return {
    severity: exitCode === 0 ? 'Normal' : 'Warning',
    reason: 'Exited',
    message: `Container ${one.identity.container} ended with exit code ${exitCode} (${exitReason(one)})`,
    ...(container && { container }),
  }
}
