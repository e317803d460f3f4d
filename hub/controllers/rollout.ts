// rollout.ts - how far a newest template has come: what became of each of its pods, as counts, words and a condition; pure
import type { Pod } from '../../shared/kinds/object.ts'
import { QUEUED, ROLLOUT, wasReady } from '../../shared/last-known.ts'
import { findCondition, keepingTransition, withoutCondition, type Condition } from './conditions.ts'
import { hasFinished, podCondition } from './pod-state.ts'

export type Progress = 'updated' | 'failed' | 'queued' | 'starting' | 'unplaced'

export interface Rollout {
  /** Of the newest template. An updated one whose device went away afterwards is still updated. */
  updated: number
  failed: number
  queued: number
  unplaced: number
  /** Still to be replaced, made or started on devices that are there. */
  toGo: number
}

const FAILED_WAITS = new Set([
  'CrashLoopBackOff',
  'ImagePullBackOff',
  'ErrImagePull',
  'ErrImageNeverPull',
  'InvalidImageName',
  'CreateContainerConfigError',
  'CreateContainerError',
  'RunContainerError',
])

/** Between two tries a container that crashes runs for a moment: it has failed all the same until it is ready. */
export function isFailing(pod: Pod): boolean {
  const statuses = [...(pod.status?.initContainerStatuses ?? []), ...(pod.status?.containerStatuses ?? [])]
  return (
    pod.status?.phase === 'Failed' ||
    statuses.some(({ ready, restartCount, state, lastState }) => {
      if (FAILED_WAITS.has(state?.waiting?.reason ?? '')) return true
      const ended = state?.terminated ?? (restartCount > 0 ? lastState?.terminated : undefined)
      return !ready && ended !== undefined && ended.exitCode !== 0
    })
  )
}

export function progressOf(pod: Pod, { isAway, isAvailable }: { isAway: boolean; isAvailable: boolean }): Progress {
  if (isAvailable || (isAway && wasReady(pod))) return 'updated'
  if (isFailing(pod)) return 'failed'
  if (isAway) return 'queued'
  return pod.spec.nodeName ? 'starting' : 'unplaced'
}

/** What `progressOf` reads of a pod itself: when this stays the same, the pod has not moved. */
export const progressMark = (pod: Pod): string =>
  [pod.spec.nodeName, wasReady(pod), isFailing(pod), hasFinished(pod), podCondition(pod, QUEUED)?.status].join(' ')

/** `wanted`: how many of the newest template there are to be. */
export function rolloutOf(progress: readonly Progress[], wanted: number): Rollout {
  const count = (kind: Progress) => progress.filter((each) => each === kind).length
  const [updated, failed, queued, unplaced] = [count('updated'), count('failed'), count('queued'), count('unplaced')]
  return { updated, failed, queued, unplaced, toGo: Math.max(0, wanted - updated - failed - queued - unplaced) }
}

/** "37 updated, 1 failed, 5 offline (queued)". */
export function rolloutText({ updated, failed, queued, unplaced, toGo }: Rollout): string {
  const parts = [
    [failed, 'failed'],
    [queued, 'offline (queued)'],
    [unplaced, 'without a device'],
    [toGo, 'to go'],
  ] as const
  return [`${updated} updated`, ...parts.flatMap(([many, what]) => (many > 0 ? [`${many} ${what}`] : []))].join(', ')
}

/** What a person should see without asking for conditions; undefined when all goes as it should. */
export const rolloutNote = (rollout: Rollout): string | undefined =>
  rollout.failed > 0 || rollout.queued > 0 ? rolloutText(rollout) : undefined

/**
 * True: every device that is there has the newest template, and those that are away get it when they return.
 * `held` says why nothing moves although there is something to do.
 */
export function withRollout(
  conditions: readonly Condition[],
  rollout: Rollout,
  { held, now }: { held?: string; now: string },
): Condition[] {
  const { failed, queued, unplaced, toGo } = rollout
  const isDone = failed + unplaced + toGo === 0
  const status = isDone ? 'True' : 'False'
  const reason = isDone ? (queued > 0 ? 'OfflineQueued' : 'Complete') : failed > 0 ? 'Failed' : (held ?? 'Progressing')
  const current = findCondition(conditions, ROLLOUT)
  const message = rolloutText(rollout)
  if (current?.status === status && current.reason === reason && current.message === message) return [...conditions]
  const next = { type: ROLLOUT, status, reason, message, lastTransitionTime: now }
  return [...withoutCondition(conditions, ROLLOUT), keepingTransition(current, next)]
}

/** Metadata, for `kubectl describe`, which shows no messages of conditions; equal to its argument when nothing changes. */
export function withRolloutNote<T extends { metadata: { annotations?: Readonly<Record<string, string>> } }>(
  object: T,
  annotation: string,
  note: string | undefined,
): T {
  const { [annotation]: before, ...others } = object.metadata.annotations ?? {}
  if (before === note) return object
  const annotations = note === undefined ? others : { ...others, [annotation]: note }
  return { ...object, metadata: { ...object.metadata, annotations } }
}
