// find-container.ts - which container a call is about: by the pod's uid and the name in its spec, the newest attempt
import type { Clock } from '../../../shared/clock.ts'
import { FAILURE, type AnswerStream } from '../../../shared/protocol/calls.ts'
import { RuntimeUnavailable, type ObservedContainer, type Runtime } from '../runtime.ts'
import { CallFailure } from './call-failure.ts'

/** What every answer works with. */
export interface CallContext {
  runtimes: readonly Runtime[]
  podName(uid: string): string
  stream: AnswerStream
  signal: AbortSignal
  clock: Clock
}

export interface Target {
  podUid: string
  container: string
}

export interface FoundContainer {
  runtime: Runtime
  container: ObservedContainer
}

/** All attempts of one container, newest first. One runtime that does not answer hides nothing of the others. */
export async function attemptsOf(
  { podUid, container }: Target,
  runtimes: readonly Runtime[],
): Promise<FoundContainer[]> {
  const found = await containersOf(podUid, runtimes)
  return found
    .filter((each) => each.container.identity.container === container && each.container.identity.role !== 'sandbox')
    .toSorted((a, b) => b.container.identity.attempt - a.container.identity.attempt)
}

export async function runningContainer(target: Target, context: CallContext): Promise<FoundContainer> {
  const [newest] = await attemptsOf(target, context.runtimes)
  if (!newest) throw noContainer(target, context)
  if (newest.container.state !== 'running') throw notRunning(target, newest.container, context)
  return newest
}

/** Where the pod's network is: its sandbox, or any container that runs. */
export async function networkOf(podUid: string, context: CallContext): Promise<FoundContainer> {
  const running = (await containersOf(podUid, context.runtimes)).filter((each) => each.container.state === 'running')
  const found = running.find((each) => each.container.identity.role === 'sandbox') ?? running[0]
  if (found) return found
  throw new CallFailure(FAILURE.badRequest, `no container of pod ${context.podName(podUid)} is running on this node`)
}

async function containersOf(podUid: string, runtimes: readonly Runtime[]): Promise<FoundContainer[]> {
  const answers = await Promise.allSettled(runtimes.map((runtime) => runtime.list()))
  const found = answers.flatMap((answer, index) => {
    const runtime = runtimes[index]
    if (answer.status === 'rejected' || !runtime) return []
    return answer.value.filter((each) => each.identity.podUid === podUid).map((container) => ({ runtime, container }))
  })
  const failure = answers.find((answer) => answer.status === 'rejected')
  // Not found where somebody did not answer means "cannot know", not "is not there".
  if (found.length === 0 && failure) throw asError(failure.reason)
  return found
}

const asError = (reason: unknown): Error => (reason instanceof Error ? reason : new RuntimeUnavailable(String(reason)))

export const noContainer = ({ podUid, container }: Target, context: CallContext): CallFailure =>
  new CallFailure(
    FAILURE.notFound,
    `container "${container}" of pod ${context.podName(podUid)} is not on this node: not made yet, or removed already`,
  )

function notRunning({ podUid, container }: Target, observed: ObservedContainer, context: CallContext): CallFailure {
  const state =
    observed.state === 'exited' ? `exited with code ${observed.exitCode ?? 'unknown'}` : 'has not started yet'
  return new CallFailure(
    FAILURE.badRequest,
    `container "${container}" of pod ${context.podName(podUid)} is not running: it ${state}`,
  )
}
