// pod-worker.ts - the loop of one pod: look, plan, do, look again; never two rounds at once
import { rfc3339, type Clock, type Timer } from '../../shared/clock.ts'
import { exponentialMs } from '../../shared/backoff.ts'
import type { Pod, PodStatus } from '../../shared/kinds/object.ts'
import type { Log } from '../../shared/log.ts'
import type { Cache } from '../cache/cache.ts'
import { RuntimeUnavailable, type Runtime } from '../runtime/runtime.ts'
import type { ActiveDeadlines, DeadlineView } from './active-deadline.ts'
import type { Events } from './events.ts'
import type { Executor } from './execute.ts'
import type { Guard } from './guard.ts'
import { noteLives } from './note-lives.ts'
import { outcomeOf, viewOf } from './life.ts'
import type { Observer } from './observer.ts'
import { awaitedBy, type Order } from './order.ts'
import { planPod } from './plan.ts'
import { forgetGone, newMemory } from './pod-memory.ts'
import { needsSandbox } from './pod-shape.ts'
import { podIpOf, podStatus } from './pod-status.ts'
import type { Prober } from './probes.ts'
import { whoToAsk } from './who-to-ask.ts'
import type { Plan, PlanInput } from './step.ts'
import type { Target } from './step-context.ts'

export interface PodWorkerDeps {
  clock: Clock
  log: Log
  cache: Pick<Cache, 'histories' | 'saveHistory'>
  events: Events
  executor: Executor
  guard: Guard
  observer: Observer
  prober: Prober
  deadlines: ActiveDeadlines
  hostIp: string | undefined
  bootId?: string
  canAsk(runtime: Runtime): boolean
  isOver: Order['isOver']
  nameOf(podUid: string): string
  lostRuntime(runtime: Runtime, error: Error): void
  onStatus(status: PodStatus, isStopped: boolean): void
}

export interface PodWorker {
  setTarget(target: Target): void
  /** It was told to stop, and nothing of it runs any more. */
  hasEnded(): boolean
  poke(): void
  /** What ended while nobody looked is not the containers' fault. */
  excuse(): void
  stop(): Promise<void>
}

/** A plan that never comes to rest is a mistake of ours or of the runtime; it must not burn the device's battery. */
const ROUNDS_MAX = 20
const PAUSE_MS = 5_000
/** After something that nobody expected. */
const RETRY = { baseMs: 1_000, maxMs: 60_000 }

export function createPodWorker(podUid: string, deps: PodWorkerDeps): PodWorker {
  const { clock, log, cache, observer, prober } = deps
  const memory = newMemory()
  let target: Target | undefined
  let status: PodStatus | undefined
  let isExcused = true
  let adopted: ReadonlySet<string> | undefined
  let abort = new AbortController()
  let wake: Timer | undefined
  let busy: Promise<void> | undefined
  let again = false
  let stopped = false
  let ended = false
  let failures = 0
  let deadline: DeadlineView = { isOver: false }

  const awaited = (pod: Pod) => {
    const hasBegun = observer.ofPod(podUid).length > 0 || cache.histories(podUid).length > 0
    return awaitedBy(pod, { hasBegun, isOver: deps.isOver })
  }
  const intentOf = ({ pod, intent }: Target): PlanInput['intent'] => {
    if (intent === 'stop') return 'stop'
    if (deadline.isOver) return 'fail'
    if (awaited(pod) !== undefined) return 'prepare'
    return deps.guard.mayRun(pod) ? 'run' : 'hold'
  }
  const inputOf = (now: Target): PlanInput => ({
    pod: now.pod,
    intent: intentOf(now),
    observed: observer.ofPod(podUid),
    histories: cache.histories(podUid),
    memory,
    ...(deps.bootId !== undefined && { bootId: deps.bootId }),
    probe: prober.result,
    nowMonoMs: clock.monoMs(),
    ...(!deadline.isOver && deadline.atMonoMs !== undefined && { deadlineAtMonoMs: deadline.atMonoMs }),
  })
  const wakeAt = (atMonoMs: number) => {
    wake?.cancel()
    wake = clock.after(Math.max(0, atMonoMs - clock.monoMs()), poke)
  }
  const look = (now: Target) => {
    const observed = observer.ofPod(podUid)
    adopted ??= new Set(observed.filter(({ state }) => state === 'running').map(({ id }) => id))
    const unended = observed.filter(({ state, identity }) => state !== 'exited' && identity.role !== 'sandbox')
    if (now.runtime)
      deps.guard.sees(
        now.pod,
        now.runtime.name,
        unended.map(({ id }) => id),
      )
    forgetGone(memory, new Set(observed.map(({ id }) => id)))
    noteLives({ ...deps, target: now, observed, memory, isExcused })
    isExcused = false
    const isUnfinished = () => outcomeOf(viewOf(inputOf(now))) === 'unfinished'
    if (now.intent === 'run' && awaited(now.pod) === undefined) deadline = deps.deadlines.look(now.pod, isUnfinished)
    prober.watch(now.pod, whoToAsk({ target: now, observed, memory, adopted }))
  }
  const publish = (now: Target, plan: Plan | undefined) => {
    const input = inputOf(now)
    const first = Math.min(clock.wallMs(), ...input.observed.map(({ createdAtMs }) => createdAtMs))
    const previous = status ?? { ...now.pod.status, startTime: now.pod.status?.startTime ?? rfc3339(first) }
    const problem = now.runtime ? undefined : noRuntime(now.pod)
    const before = awaited(now.pod)
    status = podStatus({
      ...{ ...input, hostIp: deps.hostIp, wallMs: clock.wallMs(), previous },
      ...(problem && { problem }),
      ...(before !== undefined && { awaited: deps.nameOf(before) }),
    })
    ended = now.intent === 'stop' && input.observed.every(({ state }) => state !== 'running')
    const isStopped = now.intent === 'stop' && plan?.steps.length === 0 && input.observed.length === 0
    deps.onStatus(status, isStopped)
  }
  const carryOut = async (plan: Plan, now: Target, runtime: Runtime) => {
    const input = inputOf(now)
    const view = viewOf(input)
    const sandboxId = needsSandbox(now.pod) ? view.sandbox.current?.id : undefined
    const context = {
      ...now,
      runtime,
      memory,
      podIp: podIpOf(view, deps.hostIp),
      networkId: sandboxId,
      signal: abort.signal,
      poke,
      lostRuntime: (error: Error) => deps.lostRuntime(runtime, error),
    }
    observer.touch(podUid)
    const results = await Promise.allSettled(plan.steps.map((step) => deps.executor.execute(step, context)))
    const ids = results.flatMap((result) => (result.status === 'fulfilled' ? result.value : []))
    await observer.refresh(runtime, ids)
    observer.touch(podUid)
    const reasons = results.flatMap((result): unknown[] => (result.status === 'rejected' ? [result.reason] : []))
    const first = reasons.find((reason) => reason instanceof RuntimeUnavailable) ?? reasons[0]
    if (first !== undefined) throw first
  }
  const round = async () => {
    for (let count = 0; count < ROUNDS_MAX; count++) {
      const now = target
      if (!now || stopped) return
      if (!now.runtime) return publish(now, { steps: [] })
      if (!deps.canAsk(now.runtime)) return
      look(now)
      const plan = planPod(inputOf(now))
      publish(now, plan)
      if (plan.steps.length === 0) return plan.wakeAtMonoMs === undefined ? wake?.cancel() : wakeAt(plan.wakeAtMonoMs)
      await carryOut(plan, now, now.runtime)
    }
    log.warn({ podUid }, 'a pod does not come to rest')
    wakeAt(clock.monoMs() + PAUSE_MS)
  }
  const run = async () => {
    do {
      again = false
      try {
        await round()
        failures = 0
      } catch (error) {
        if (error instanceof RuntimeUnavailable && target?.runtime) return deps.lostRuntime(target.runtime, error)
        if (failures === 0) log.error({ podUid, error }, 'a round of a pod failed')
        return wakeAt(clock.monoMs() + exponentialMs(failures++, RETRY))
      }
    } while (again && !stopped)
  }
  function poke() {
    again = true
    if (stopped || busy) return
    busy = run().finally(() => {
      busy = undefined
      // Somebody called between the last look and now.
      if (again && failures === 0 && target?.runtime && deps.canAsk(target.runtime)) poke()
    })
  }

  return {
    setTarget(next) {
      if (next.intent === 'stop' && target?.intent !== 'stop') abort.abort()
      if (next.intent === 'run' && abort.signal.aborted) abort = new AbortController()
      // A new state may bring what was missing: it is tried at once.
      if (target && target.config !== next.config) retryConfig()
      target = next
      ended &&= next.intent === 'stop'
    },
    hasEnded: () => ended,
    poke,
    excuse: () => void (isExcused = true),
    async stop() {
      stopped = true
      wake?.cancel()
      abort.abort()
      prober.forget(podUid)
      await busy
    },
  }

  function retryConfig() {
    for (const [name, failure] of memory.failures)
      if (failure.reason === 'CreateContainerConfigError') memory.failures.delete(name)
    for (const name of memory.rehearsals.keys()) memory.rehearsals.set(name, 'stale')
    // Files of ConfigMaps and Secrets are written anew; what did not change stays.
    if (memory.volumes.kind === 'ready') memory.volumes = { kind: 'ready', isStale: true }
    if (memory.volumes.kind === 'failed') memory.volumes = { kind: 'none' }
  }
}

const noRuntime = (pod: Pod) => ({
  reason: 'FailedCreatePodSandBox',
  message: `this device has no runtime "${pod.spec.runtimeClassName ?? 'docker'}"`,
})
