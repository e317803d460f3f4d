// status.ts - the status of a Deployment: counts, and the conditions by which `kubectl rollout status` judges it
import type { Deployment, DeploymentCondition, DeploymentStatus } from '../../../shared/kinds/object.ts'
import { findCondition, keepingTransition, withCondition, withoutCondition } from '../conditions.ts'
import { nonZero } from '../non-zero.ts'
import { rolloutText, withRollout, type Rollout } from '../rollout.ts'
import { isScalingEvent } from './proportional.ts'
import { allSets, boundsOf, sum, type DeploymentView } from './view.ts'

export interface StatusInput {
  view: DeploymentView
  /** Raised when the name of a new ReplicaSet was taken by another template. */
  collisionCount: number
  /** The newest ReplicaSet was made in this very step. */
  created: boolean
  rollout: Rollout
  /** Since the Progressing condition last moved; undefined when there is none. */
  stalledMs: number | undefined
  now: string
}

const NO_DEADLINE = 2 ** 31 - 1

export const progressDeadlineMs = (deployment: Deployment): number | undefined => {
  const seconds = deployment.spec.progressDeadlineSeconds
  return seconds === undefined || seconds === NO_DEADLINE ? undefined : seconds * 1000
}

export function deploymentStatus(input: StatusInput): DeploymentStatus {
  const { view, collisionCount } = input
  const { deployment, desired, newest } = view
  const sets = allSets(view)
  const total = sum(sets, ({ wanted }) => wanted)
  const available = sum(sets, (set) => set.available)
  const counts = nonZero({
    replicas: sum(sets, ({ active }) => active),
    updatedReplicas: newest?.active ?? 0,
    readyReplicas: sum(sets, ({ ready }) => ready),
    availableReplicas: available,
    unavailableReplicas: Math.max(0, Math.max(total, desired) - available),
    collisionCount,
  })
  const isPausedOrResized = Boolean(deployment.spec.paused) || isScalingEvent(view)
  const conditions = withAvailable(
    pauseConditions(input, deployment.status?.conditions ?? []),
    view,
    available,
    input.now,
  )
  return {
    ...(deployment.metadata.generation !== undefined && { observedGeneration: deployment.metadata.generation }),
    ...counts,
    conditions: withRollout(
      withFailure(isPausedOrResized ? conditions : withProgress(input, conditions, counts), view),
      input.rollout,
      { now: input.now, ...(deployment.spec.paused && { held: 'Paused' }) },
    ),
  }
}

function withAvailable(conditions: DeploymentCondition[], view: DeploymentView, available: number, now: string) {
  const isEnough = available >= view.desired - boundsOf(view).maxUnavailable
  return withCondition(conditions, {
    type: 'Available',
    status: isEnough ? 'True' : 'False',
    lastUpdateTime: now,
    lastTransitionTime: now,
    reason: isEnough ? 'MinimumReplicasAvailable' : 'MinimumReplicasUnavailable',
    message: isEnough ? 'Deployment has minimum availability.' : 'Deployment does not have minimum availability.',
  })
}

const progressing = (status: string, reason: string, message: string, now: string): DeploymentCondition => ({
  type: 'Progressing',
  status,
  lastUpdateTime: now,
  lastTransitionTime: now,
  reason,
  message,
})

/** A pause stops the deadline's clock, a resume starts it anew; a rollout that already timed out stays so. */
function pauseConditions(
  { view: { deployment }, now }: StatusInput,
  conditions: DeploymentCondition[],
): DeploymentCondition[] {
  const current = findCondition(conditions, 'Progressing')
  if (progressDeadlineMs(deployment) === undefined || current?.reason === 'ProgressDeadlineExceeded') return conditions
  const wasPaused = current?.reason === 'DeploymentPaused'
  if (deployment.spec.paused && !wasPaused)
    return withCondition(conditions, progressing('Unknown', 'DeploymentPaused', 'Deployment is paused', now))
  if (!deployment.spec.paused && wasPaused)
    return withCondition(conditions, progressing('Unknown', 'DeploymentResumed', 'Deployment is resumed', now))
  return conditions
}

type Counts = Pick<DeploymentStatus, 'replicas' | 'updatedReplicas' | 'readyReplicas' | 'availableReplicas'>

function withProgress(input: StatusInput, conditions: DeploymentCondition[], counts: Counts): DeploymentCondition[] {
  const { view, now } = input
  const { deployment, newest, desired } = view
  if (progressDeadlineMs(deployment) === undefined) return withoutCondition(conditions, 'Progressing')
  const who = newest ? `ReplicaSet "${newest.set.metadata.name}"` : `Deployment "${deployment.metadata.name}"`
  if (input.created && newest)
    return withCondition(
      conditions,
      progressing('True', 'NewReplicaSetCreated', `Created new replica set "${newest.set.metadata.name}"`, now),
    )
  const current = findCondition(conditions, 'Progressing')
  const { replicas = 0, updatedReplicas = 0, availableReplicas = 0 } = counts
  // Done once is done: losing a pod afterwards is no new rollout.
  if (current?.reason === 'NewReplicaSetAvailable' && replicas === updatedReplicas) return conditions
  if (updatedReplicas === desired && replicas === desired && availableReplicas === desired && newest)
    return withCondition(
      conditions,
      progressing('True', 'NewReplicaSetAvailable', `${who} has successfully progressed.`, now),
    )
  if (hasMoved(deployment.status ?? {}, counts)) {
    const moved = progressing('True', 'ReplicaSetUpdated', `${who} is progressing.`, now)
    return withoutCondition(conditions, 'Progressing').concat(keepingTransition(current, moved))
  }
  if (!current && newest)
    return withCondition(
      conditions,
      progressing('True', 'FoundNewReplicaSet', `Found new replica set "${newest.set.metadata.name}"`, now),
    )
  if (hasTimedOut(input, current))
    return withCondition(
      conditions,
      progressing('False', 'ProgressDeadlineExceeded', `${who} has timed out progressing${reasonOf(input)}.`, now),
    )
  return conditions
}

/** A rollout that only waits for devices to come back is no fault of the new version: people have to see that. */
const reasonOf = ({ rollout }: StatusInput) => (rollout.queued > 0 ? `: ${rolloutText(rollout)}` : '')

function hasMoved(before: Counts, after: Counts): boolean {
  const { replicas = 0, updatedReplicas = 0, readyReplicas = 0, availableReplicas = 0 } = after
  return (
    updatedReplicas > (before.updatedReplicas ?? 0) ||
    replicas - updatedReplicas < (before.replicas ?? 0) - (before.updatedReplicas ?? 0) ||
    readyReplicas > (before.readyReplicas ?? 0) ||
    availableReplicas > (before.availableReplicas ?? 0)
  )
}

function hasTimedOut({ view, stalledMs }: StatusInput, current: DeploymentCondition | undefined): boolean {
  const deadlineMs = progressDeadlineMs(view.deployment)
  if (!current || deadlineMs === undefined || current.reason === 'NewReplicaSetAvailable') return false
  return current.reason === 'ProgressDeadlineExceeded' || (stalledMs !== undefined && stalledMs >= deadlineMs)
}

/** What keeps a ReplicaSet from making pods is shown where people look first. The newest one's failure matters most. */
function withFailure(conditions: DeploymentCondition[], view: DeploymentView): DeploymentCondition[] {
  const others = withoutCondition(conditions, 'ReplicaFailure')
  for (const { set } of [view.newest, ...view.old].filter((found) => found !== undefined)) {
    const failure = findCondition(set.status?.conditions, 'ReplicaFailure')
    if (failure?.status === 'True')
      return others.concat({ ...failure, lastUpdateTime: failure.lastTransitionTime ?? deploymentTime(view) })
  }
  return others
}

const deploymentTime = ({ deployment }: DeploymentView) => deployment.metadata.creationTimestamp

/** When to look again although nothing changes: the deadline of a rollout that is under way. */
export function nextDeadlineInMs(
  deployment: Deployment,
  status: DeploymentStatus,
  stalledMs: number | undefined,
): number | undefined {
  const deadlineMs = progressDeadlineMs(deployment)
  const current = findCondition(status.conditions, 'Progressing')
  const isUnderWay =
    current?.status !== 'False' && current?.reason !== 'NewReplicaSetAvailable' && !deployment.spec.paused
  if (!current || deadlineMs === undefined || !isUnderWay) return undefined
  return Math.max(0, deadlineMs - (stalledMs ?? 0))
}
