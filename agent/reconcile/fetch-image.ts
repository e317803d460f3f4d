// fetch-image.ts - the step that gets a container its image: in the background, told in upstream's words
import { ImageError, RuntimeUnavailable, type PullProgress } from '../runtime/runtime.ts'
import type { ExecutorDeps, StepContext } from './step-context.ts'
import { failed } from './failure.ts'
import { pullPolicyOf, type FetchedImage } from './images.ts'
import type { Step } from './step.ts'
import type { Failure } from './pod-memory.ts'
import { credentialsFor } from './pull-secrets.ts'

type FetchImage = Extract<Step, { do: 'fetchImage' }>

/** A report each on a link that the pull needs for itself; a pull that is over before is never told. */
const PROGRESS_TOLD_EVERY_MS = 10_000

/** Returns at once; a pull may take hours, and the rest of the pod is looked after meanwhile. */
export function fetchImage(deps: ExecutorDeps, step: FetchImage, context: StepContext): void {
  const { container } = step
  const { memory, pod } = context
  const image = container.spec.image ?? ''
  const before = failureOf(context, container.name, image)
  memory.images.set(container.name, { image, kind: 'pulling', ...(before && { failure: before }) })
  const beganMs = deps.clock.monoMs()
  const request = {
    runtime: context.runtime,
    image,
    policy: pullPolicyOf(image, container.spec.imagePullPolicy),
    isRepeat: step.isRepeat,
    credentials: credentialsFor(image, pod, context.config),
    signal: context.signal,
    onPull: () =>
      deps.events.record(pod, {
        severity: 'Normal',
        reason: 'Pulling',
        message: `Pulling image "${image}"`,
        container,
      }),
    onProgress: tellProgress(deps, image, container.name, context),
  }
  void deps.images.fetch(request).then(
    (fetched) => {
      memory.images.set(container.name, { image, kind: 'ready', info: fetched.info })
      const message = pulledMessage(image, fetched, deps.clock.monoMs() - beganMs)
      deps.events.record(pod, { severity: 'Normal', reason: 'Pulled', message, container })
      context.poke()
    },
    (error: unknown) => {
      if (context.signal.aborted || error instanceof RuntimeUnavailable) {
        // Nothing is known about the image: it is asked for again when the runtime answers.
        memory.images.delete(container.name)
        if (error instanceof RuntimeUnavailable) return context.lostRuntime(error)
      } else {
        memory.images.set(container.name, {
          image,
          kind: 'failed',
          failure: imageFailure(deps, step, context, { error, image, before }),
        })
      }
      context.poke()
    },
  )
}

function tellProgress({ clock }: ExecutorDeps, image: string, name: string, { memory, poke }: StepContext) {
  let toldAtMs = clock.monoMs()
  return (progress: PullProgress) => {
    const nowMs = clock.monoMs()
    const state = memory.images.get(name)
    if (nowMs - toldAtMs < PROGRESS_TOLD_EVERY_MS || state?.kind !== 'pulling' || state.image !== image) return
    toldAtMs = nowMs
    memory.images.set(name, { ...state, progress })
    poke()
  }
}

function failureOf({ memory }: StepContext, name: string, image: string): Failure | undefined {
  const state = memory.images.get(name)
  return state && state.image === image && state.kind !== 'ready' ? state.failure : undefined
}

function pulledMessage(image: string, { how, despite }: FetchedImage, tookMs: number): string {
  const took = `${(tookMs / 1000).toFixed(3).replace(/\.?0+$/, '')}s`
  if (how === 'pulled') return `Successfully pulled image "${image}" in ${took} (${took} including waiting)`
  const present = `Container image "${image}" already present on machine`
  return despite === undefined ? present : `${present}; the registry could not be asked: ${despite}`
}

interface Refused {
  error: unknown
  image: string
  before: Failure | undefined
}

/** First ErrImagePull with what was said; when it fails again the word is ImagePullBackOff, as upstream. */
function imageFailure(
  deps: ExecutorDeps,
  { container }: FetchImage,
  { pod }: StepContext,
  { error, image, before }: Refused,
): Failure {
  const words = error instanceof Error ? error.message : String(error)
  const reason = error instanceof ImageError ? error.reason : 'ErrImagePull'
  if (!before) {
    const about =
      reason === 'ErrImageNeverPull' || reason === 'InvalidImageName'
        ? words
        : `Failed to pull image "${image}": ${words}`
    deps.events.record(pod, { severity: 'Warning', reason: 'Failed', message: about, container })
    deps.events.record(pod, { severity: 'Warning', reason: 'Failed', message: `Error: ${reason}`, container })
    return failed(reason, words, before, deps.clock)
  }
  if (reason === 'ErrImageNeverPull' || reason === 'InvalidImageName') return failed(reason, words, before, deps.clock)
  const message = `Back-off pulling image "${image}": ${reason}: ${words}`
  if (before.count === 1) {
    const backOff = `Back-off pulling image "${image}"`
    deps.events.record(pod, { severity: 'Normal', reason: 'BackOff', message: backOff, container })
    deps.events.record(pod, { severity: 'Warning', reason: 'Failed', message: 'Error: ImagePullBackOff', container })
  }
  return failed('ImagePullBackOff', message, before, deps.clock)
}
