// execute.ts - carries out one step of a plan; what it learns goes to the pod's memory, what happened to the journal
import type { Pod } from '../../shared/kinds/object.ts'
import type { ContainerHistory } from '../cache/cache.ts'
import { RuntimeUnavailable } from '../runtime/runtime.ts'
import { sandboxSpec } from './container-spec.ts'
import { failed } from './failure.ts'
import { fetchImage } from './fetch-image.ts'
import { hasPreStop, runPreStop } from './hooks.ts'
import { notStarted } from './not-started.ts'
import { rehearse, specFor } from './rehearse.ts'
import type { Step } from './step.ts'
import type { ExecutorDeps, StepContext } from './step-context.ts'
import { hasPostStart, type PodContainer } from './pod-shape.ts'
import { beginPostStart } from './post-start.ts'
import { newHistory } from './restart.ts'
import { VolumeError } from './volume-content.ts'

export interface Executor {
  /** Answers the containers to look at again. Throws RuntimeUnavailable, and what nobody expected. */
  execute(step: Step, context: StepContext): Promise<string[]>
}

export function createExecutor(deps: ExecutorDeps): Executor {
  return {
    async execute(step, context) {
      const { runtime } = context
      switch (step.do) {
        case 'prepareVolumes':
          return prepareVolumes(deps, context)
        case 'cleanVolumes':
          deps.volumes.clean(context.pod.metadata.uid)
          context.memory.volumes = { kind: 'cleaned' }
          return []
        case 'fetchImage':
          fetchImage(deps, step, context)
          return []
        case 'rehearse':
          rehearse(deps, step, context)
          return []
        case 'makeSandbox':
          return makeSandbox(deps, step.attempt, context)
        case 'make':
          return make(deps, step, context)
        case 'start':
          return startOne(deps, step.id, step.container, context)
        case 'beginStop':
          beginStop(deps, step, context)
          return []
        case 'terminate':
          note(context, step.id, { terminatedAtMonoMs: deps.clock.monoMs() })
          await runtime.signalContainer(step.id, 'SIGTERM')
          return [step.id]
        case 'kill':
          noteKill(deps, step, context)
          await runtime.signalContainer(step.id, 'SIGKILL')
          return [step.id]
        case 'remove':
          await runtime.removeContainer(step.id, { force: true })
          return [step.id]
      }
    },
  }
}

function prepareVolumes({ volumes, node, events, clock }: ExecutorDeps, context: StepContext): string[] {
  const { pod, memory, config, podIp } = context
  try {
    volumes.prepare(pod, { pod, config, node, podIp })
    memory.volumes = { kind: 'ready' }
  } catch (error) {
    if (!(error instanceof VolumeError)) throw error
    const before = memory.volumes.kind === 'failed' ? memory.volumes.failure : undefined
    const failure = failed('FailedMount', error.message, before, clock)
    // What was mounted once stays: a ConfigMap that went away must not keep a container from its restart.
    memory.volumes = memory.volumes.kind === 'ready' ? { kind: 'ready' } : { kind: 'failed', failure }
    if (before?.message !== error.message)
      events.record(pod, { severity: 'Warning', reason: 'FailedMount', message: error.message })
  }
  return []
}

async function makeSandbox(
  { starts, events, clock }: ExecutorDeps,
  attempt: number,
  context: StepContext,
): Promise<string[]> {
  const { pod, runtime, memory } = context
  try {
    const id = await starts.run(() => runtime.createSandbox(sandboxSpec(pod, attempt)))
    await starts.run(() => runtime.startContainer(id))
    memory.failures.delete('')
    return [id]
  } catch (error) {
    if (error instanceof RuntimeUnavailable) throw error
    const message = `Failed to create pod sandbox: ${messageOf(error)}`
    const before = memory.failures.get('')
    memory.failures.set('', failed('FailedCreatePodSandBox', message, before, clock))
    if (before?.message !== message)
      events.record(pod, { severity: 'Warning', reason: 'FailedCreatePodSandBox', message })
    return []
  }
}

type Make = Extract<Step, { do: 'make' }>

async function make(deps: ExecutorDeps, step: Make, context: StepContext): Promise<string[]> {
  const { pod, runtime, memory } = context
  const { container } = step
  const image = memory.images.get(container.name)
  if (image?.kind !== 'ready') return []
  try {
    const spec = specFor(deps, { ...step, image: image.info }, context)
    const id = await deps.starts.run(() => runtime.createContainer(spec))
    // Saved before it starts: what may run is on record.
    deps.cache.saveHistory(madeHistory(deps, step, pod))
    memory.images.delete(container.name)
    deps.events.record(pod, {
      severity: 'Normal',
      reason: 'Created',
      message: `Created container: ${container.name}`,
      container,
    })
    return [id, ...(await startOne(deps, id, container, context))]
  } catch (error) {
    if (error instanceof RuntimeUnavailable) throw error
    // Looked for again before the next try, as upstream: while the pod waited its turn somebody may have tidied up.
    memory.images.delete(container.name)
    return notStarted(deps, error, container, context)
  }
}

/** What is made from something else has not crashed yet. */
function madeHistory(
  { cache, bootId }: ExecutorDeps,
  { container, attempt, specHash }: Make,
  pod: Pod,
): ContainerHistory {
  const { uid } = pod.metadata
  const before = cache.histories(uid).find((one) => one.container === container.name) ?? newHistory(uid, container.name)
  const crashes = before.specHash === specHash ? before.crashes : 0
  return { ...before, attempt, restarts: attempt, specHash, crashes, ...(bootId !== undefined && { bootId }) }
}

async function startOne(
  deps: ExecutorDeps,
  id: string,
  container: PodContainer | undefined,
  context: StepContext,
): Promise<string[]> {
  const { pod, runtime, memory } = context
  try {
    const isStarted = await deps.starts.run(async () => {
      // Asked last of all: it may have waited its turn for long.
      if (!deps.guard.mayRun(pod)) return false
      deps.guard.hold(pod, runtime.name, id)
      await runtime.startContainer(id)
      return true
    })
    if (!isStarted) return [id]
    memory.failures.delete(container?.name ?? '')
    if (container)
      deps.events.record(pod, {
        severity: 'Normal',
        reason: 'Started',
        message: `Started container ${container.name}`,
        container,
      })
    if (container && hasPostStart(container)) beginPostStart(deps, id, container, context)
  } catch (error) {
    if (error instanceof RuntimeUnavailable) throw error
    if (!container) throw error
    notStarted(deps, error, container, context)
  }
  return [id]
}

type BeginStop = Extract<Step, { do: 'beginStop' }>

function beginStop({ clock, events }: ExecutorDeps, step: BeginStop, context: StepContext): void {
  const { pod, memory, runtime } = context
  const { id, name, why, graceMs, container } = step
  const hasHook = container !== undefined && hasPreStop({ container })
  memory.stops.set(id, { why, graceMs, begunAtMonoMs: clock.monoMs(), hook: hasHook ? 'running' : 'none' })
  const message = killingMessage(name, why)
  events.record(pod, { severity: 'Normal', reason: 'Killing', message, ...(container && { container }) })
  if (!hasHook) return
  const target = { runtime, container, id, networkId: context.networkId ?? id }
  // It never throws; what it answers is told, and the stop goes on either way.
  void runPreStop(target, graceMs, clock).then((problem) => {
    note(context, id, { hook: 'done' })
    if (problem !== undefined)
      events.record(pod, {
        severity: 'Warning',
        reason: 'FailedPreStopHook',
        message: `PreStopHook failed: ${problem}`,
        container,
      })
    context.poke()
  })
}

const killingMessage = (name: string, why: BeginStop['why']) =>
  why === 'unhealthy'
    ? `Container ${name} failed liveness probe, will be restarted`
    : why === 'postStart'
      ? `Container ${name} failed its postStart hook, will be killed`
      : why === 'changed'
        ? `Container ${name} definition changed, will be restarted`
        : why === 'lease'
          ? `Stopping container ${name}: it may run only once, and the hub has not been heard for too long`
          : `Stopping container ${name}`

function noteKill({ clock }: ExecutorDeps, { id, why }: Extract<Step, { do: 'kill' }>, context: StepContext) {
  const nowMs = clock.monoMs()
  if (!context.memory.stops.has(id))
    context.memory.stops.set(id, { why, graceMs: 0, begunAtMonoMs: nowMs, hook: 'none' })
  note(context, id, { killedAtMonoMs: nowMs })
}

function note(
  { memory }: StepContext,
  id: string,
  change: { hook?: 'done'; terminatedAtMonoMs?: number; killedAtMonoMs?: number },
) {
  const progress = memory.stops.get(id)
  if (progress) memory.stops.set(id, { ...progress, ...change })
}

const messageOf = (error: unknown) => (error instanceof Error ? error.message : String(error))
