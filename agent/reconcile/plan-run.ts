// plan-run.ts - what a pod that is to run needs next: volumes, sandbox, init containers in order, then the rest at once
import type { ObservedContainer } from '../runtime/runtime.ts'
import { hasAppBegun, isInitDone, outcomeOf, type ContainerView, type PodView } from './life.ts'
import { doing, NOTHING, together, waitUntil, type Network, type Plan, type PlanInput } from './step.ts'
import { stopContainer } from './plan-stop.ts'
import type { StopReason } from './pod-memory.ts'
import { graceMsOf, hasPostStart, needsSandbox, usesHostNetwork, type PodContainer } from './pod-shape.ts'
import { crashDelayMs } from './restart.ts'

export function planRun(view: PodView, input: PlanInput): Plan {
  const tidy = clearLeftovers(view, input)
  if (outcomeOf(view) !== 'unfinished') return together([tidy, windDown(view, input)])
  const volumes = planVolumes(input)
  if (volumes) return together([tidy, volumes, keepRunning(view, input)])
  const sandbox = planSandbox(view, input)
  if (sandbox) return together([tidy, sandbox])
  const init = planInit(view, input)
  if (!init.isPassed) return together([tidy, ...init.plans])
  const rest = view.containers.filter(({ container }) => container.role !== 'init')
  const holder = rest.findIndex((one) => holdsUp(one, input))
  const hasTurn = ({ life }: ContainerView, at: number) => life.kind !== 'never' || holder < 0 || at <= holder
  return together([tidy, ...init.plans, ...rest.filter(hasTurn).map((one) => planContainer(one, view, input))])
}

/** Those after it in the spec start once its hook has ended, as upstream; one that cannot start holds nobody up. */
function holdsUp({ container, life }: ContainerView, { memory }: PlanInput): boolean {
  if (!hasPostStart(container)) return false
  if (life.kind === 'running') return memory.postStarts.get(life.at.id) === 'running'
  const isStuck = memory.failures.has(container.name) || memory.images.get(container.name)?.kind === 'failed'
  return (life.kind === 'never' || life.kind === 'created') && !isStuck
}

function clearLeftovers(view: PodView, input: PlanInput): Plan {
  const graceMs = graceMsOf(view.pod)
  const surplus = needsSandbox(view.pod)
    ? view.sandbox.others
    : [view.sandbox.current ?? [], view.sandbox.others].flat()
  return together([
    ...view.leftovers.map((at) =>
      at.state === 'running'
        ? stopContainer({ at, why: 'leftover', graceMs }, input)
        : doing({ do: 'remove', id: at.id }),
    ),
    ...surplus.map(({ id }) => doing({ do: 'remove', id })),
  ])
}

/** All is done: whoever only served the others stops, the ended containers stay for their logs. */
function windDown(view: PodView, input: PlanInput): Plan {
  const running = view.containers.filter(({ life }) => life.kind === 'running')
  const last = running.at(-1)
  if (last) return stop(last, 'pod', view, input)
  const { current } = view.sandbox
  return current && view.leftovers.length === 0 ? doing({ do: 'remove', id: current.id }) : NOTHING
}

/** Undefined when they are there. */
export function planVolumes({ memory, nowMonoMs }: PlanInput): Plan | undefined {
  const { volumes } = memory
  if (volumes.kind === 'ready' && !volumes.isStale) return undefined
  if (volumes.kind === 'failed' && nowMonoMs < volumes.failure.retryAtMonoMs)
    return waitUntil(volumes.failure.retryAtMonoMs)
  return doing({ do: 'prepareVolumes' })
}

/** While something of the pod is missing, what runs is still looked after: stops that were begun go on, the dead stay down. */
function keepRunning(view: PodView, input: PlanInput): Plan {
  return together(view.containers.map((one) => (isWrong(one, input) ? planContainer(one, view, input) : NOTHING)))
}

/** Undefined when the network that the containers share is there, or none is needed. */
function planSandbox(view: PodView, input: PlanInput): Plan | undefined {
  if (!needsSandbox(view.pod)) return undefined
  const { current, nextAttempt } = view.sandbox
  if (current?.state === 'running') return undefined
  const stranded = view.containers.filter(({ life }) => life.kind === 'running')
  // What runs in a network that is gone cannot be reached any more, and cannot be moved to another.
  if (stranded.length > 0) return together(stranded.map((one) => stop(one, 'sandbox', view, input)))
  if (current?.state === 'created') return retryable('', input) ?? doing({ do: 'start', id: current.id })
  if (current) return doing({ do: 'remove', id: current.id })
  return retryable('', input) ?? doing({ do: 'makeSandbox', attempt: nextAttempt })
}

/** One after another; a sidecar lets the next one go when it has started, and is kept alive from then on. */
function planInit(view: PodView, input: PlanInput): { isPassed: boolean; plans: Plan[] } {
  const plans: Plan[] = []
  for (const one of view.containers.filter(({ container }) => container.role === 'init')) {
    if (one.container.isSidecar) {
      plans.push(planContainer(one, view, input))
      const { life } = one
      const hasStarted = life.kind === 'running' && input.probe(life.at.id).started
      if (!hasStarted && !hasAppBegun(view)) return { isPassed: false, plans }
    } else if (!isInitDone(view, one)) {
      return { isPassed: false, plans: [...plans, planContainer(one, view, input)] }
    }
  }
  return { isPassed: true, plans }
}

function planContainer(one: ContainerView, view: PodView, input: PlanInput): Plan {
  const { life, container, specHash } = one
  switch (life.kind) {
    case 'running': {
      const why = isWrong(one, input)
      return why ? stop(one, why, view, input) : NOTHING
    }
    case 'created':
      if (life.at.identity.specHash !== specHash) return doing({ do: 'remove', id: life.at.id })
      return retryable(container.name, input) ?? doing({ do: 'start', id: life.at.id, container })
    case 'never':
      return make(one, view, input)
    case 'ended':
      return life.willRestart ? restart(one, life.at, view, input) : NOTHING
  }
}

/** Why a running container may not go on; undefined for one that matches. */
function isWrong({ life, specHash }: ContainerView, { memory, probe }: PlanInput): StopReason | undefined {
  if (life.kind !== 'running') return undefined
  const begun = memory.stops.get(life.at.id)
  if (begun) return begun.why
  if (life.at.identity.specHash !== specHash) return 'changed'
  if (memory.postStarts.get(life.at.id) === 'failed') return 'postStart'
  return probe(life.at.id).live ? undefined : 'unhealthy'
}

function restart(one: ContainerView, at: ObservedContainer | undefined, view: PodView, input: PlanInput): Plan {
  if (!at) return make(one, view, input)
  const wasStopped = input.memory.stops.get(at.id)?.why
  // We stopped it, or what crashed was made from something else: the new one has not failed yet.
  const isOurs =
    wasStopped === 'changed' ||
    wasStopped === 'sandbox' ||
    wasStopped === 'lease' ||
    at.identity.specHash !== one.specHash
  const seenMs = input.memory.exits.get(at.id) ?? input.nowMonoMs
  const fromMs = seenMs + (isOurs ? 0 : crashDelayMs(one.history?.crashes ?? 0))
  return input.nowMonoMs < fromMs ? waitUntil(fromMs) : make(one, view, input)
}

function make(one: ContainerView, view: PodView, input: PlanInput): Plan {
  const { container, specHash, nextAttempt: attempt } = one
  const network = networkFor(container, view)
  const target = targetOf(container, view)
  if (!network || target === 'not running') return NOTHING
  const waiting = retryable(container.name, input)
  if (waiting) return waiting
  return planImage(one, input) ?? doing({ do: 'make', container, attempt, specHash, network, ...target })
}

/** Undefined when it is there. */
export function planImage(
  { container, specHash, history }: ContainerView,
  { memory, nowMonoMs }: PlanInput,
): Plan | undefined {
  const image = memory.images.get(container.name)
  const fetch = doing({ do: 'fetchImage', container, isRepeat: history?.specHash === specHash })
  if (image?.image !== container.spec.image) return fetch
  switch (image?.kind) {
    case undefined:
      return fetch
    case 'pulling':
      return NOTHING
    case 'failed':
      return nowMonoMs < image.failure.retryAtMonoMs ? waitUntil(image.failure.retryAtMonoMs) : fetch
    case 'ready':
      return undefined
  }
}

/** Undefined: what it should share a network with does not run yet. */
function networkFor(container: PodContainer, view: PodView): Network | undefined {
  if (usesHostNetwork(view.pod)) return { kind: 'host' }
  const { current } = view.sandbox
  if (needsSandbox(view.pod)) return current?.state === 'running' ? { kind: 'shared', withId: current.id } : undefined
  if (container.role !== 'ephemeral') return { kind: 'own' }
  const main = view.containers.find((one) => one.container.role === 'app')?.life
  return main?.kind === 'running' ? { kind: 'shared', withId: main.at.id } : undefined
}

/** What `kubectl debug --target` asks for. */
function targetOf({ target: name }: PodContainer, view: PodView): { processesOf?: string } | 'not running' {
  if (name === undefined) return {}
  const target = view.containers.find(({ container }) => container.name === name)?.life
  return target?.kind === 'running' ? { processesOf: target.at.id } : 'not running'
}

export const retryable = (name: string, { memory, nowMonoMs }: PlanInput): Plan | undefined => {
  const failure = memory.failures.get(name)
  return failure && nowMonoMs < failure.retryAtMonoMs ? waitUntil(failure.retryAtMonoMs) : undefined
}

function stop({ life, container }: ContainerView, why: StopReason, view: PodView, input: PlanInput): Plan {
  if (life.kind !== 'running') return NOTHING
  const probeGrace = why === 'unhealthy' ? unhealthyGraceSeconds(container, input, life.at.id) : undefined
  const graceMs = probeGrace === undefined ? graceMsOf(view.pod) : probeGrace * 1000
  return stopContainer({ at: life.at, container, why, graceMs }, input)
}

function unhealthyGraceSeconds({ spec }: PodContainer, { probe }: PlanInput, id: string): number | undefined {
  const failed = probe(id).failed
  const chosen = failed === 'startup' ? spec.startupProbe : spec.livenessProbe
  return chosen?.terminationGracePeriodSeconds
}
