// plan.ts - the next steps of a Deployment: which ReplicaSets to create, renumber, resize and forget
import { templateHash } from '../../../shared/hash.ts'
import type { Deployment, NewObject, ReplicaSet } from '../../../shared/kinds/object.ts'
import { apiVersionOf } from '../../../shared/kinds/kind.ts'
import { DEPLOYMENT } from '../../../shared/kinds/deployment.ts'
import { REPLICA_SET } from '../../../shared/kinds/replica-set.ts'
import { controllerReference } from '../claim.ts'
import { newestAnnotations, REVISION, revisionOf, sizeAnnotations } from './annotations.ts'
import { isScalingEvent, planScaling } from './proportional.ts'
import { newestSize, planRollout } from './rolling.ts'
import { boundsOf, isInUse, isRolling, TEMPLATE_HASH_LABEL, type DeploymentView, type SetView } from './view.ts'

export type Annotations = Readonly<Record<string, string>>

export type DeploymentStep =
  | { do: 'create'; set: NewObject<ReplicaSet> }
  /** Revision, change cause and minReadySeconds of the newest ReplicaSet. */
  | { do: 'refresh'; set: ReplicaSet; annotations: Annotations; minReadySeconds: number }
  | { do: 'scale'; set: ReplicaSet; from: number; to: number; annotations: Annotations }
  | { do: 'delete'; set: ReplicaSet }

/** Makes sure that a ReplicaSet for the wanted template is there and carries the highest revision. */
export function planRevision(view: DeploymentView): DeploymentStep[] {
  const { deployment, newest, old } = view
  if (deployment.metadata.deletionTimestamp) return []
  const revision = Math.max(0, ...old.map(({ set }) => revisionOf(set))) + 1
  if (newest) {
    const annotations = newestAnnotations(deployment, newest.set, revision)
    return [{ do: 'refresh', set: newest.set, annotations, minReadySeconds: deployment.spec.minReadySeconds ?? 0 }]
  }
  const mayCreate = !deployment.spec.paused && !isScalingEvent(view)
  const mustWait = !isRolling(deployment) && (old.some(isInUse) || view.oldPodsRunning > 0)
  return mayCreate && !mustWait ? [{ do: 'create', set: newReplicaSet(view, revision) }] : []
}

export function newReplicaSet(view: DeploymentView, revision: number): NewObject<ReplicaSet> {
  const { deployment } = view
  const { template, selector, minReadySeconds } = deployment.spec
  const hash = templateHash(template, deployment.status?.collisionCount ?? 0)
  const labels = { ...template.metadata?.labels, [TEMPLATE_HASH_LABEL]: hash }
  return {
    apiVersion: apiVersionOf(REPLICA_SET),
    kind: REPLICA_SET.kind,
    metadata: {
      name: `${deployment.metadata.name}-${hash}`,
      ...(deployment.metadata.namespace && { namespace: deployment.metadata.namespace }),
      labels,
      annotations: {
        ...newestAnnotations(deployment, undefined, revision),
        ...sizeAnnotations(view.desired, boundsOf(view).maxSurge),
      },
      ownerReferences: [controllerReference(DEPLOYMENT, deployment)],
    },
    spec: {
      replicas: newestSize(view, 0),
      ...(minReadySeconds !== undefined && { minReadySeconds }),
      selector: { ...selector, matchLabels: { ...selector.matchLabels, [TEMPLATE_HASH_LABEL]: hash } },
      template: { ...template, metadata: { ...template.metadata, labels } },
    },
  }
}

/** Paused, or resized by somebody: only sizes move. Otherwise the rollout goes on. */
export function planSizes(view: DeploymentView): DeploymentStep[] {
  const { deployment, desired } = view
  if (deployment.metadata.deletionTimestamp) return []
  const scalings = deployment.spec.paused || isScalingEvent(view) ? planScaling(view) : planRollout(view)
  const annotations = sizeAnnotations(desired, boundsOf(view).maxSurge)
  const steps = scalings.map(({ view: { set, wanted }, to }): DeploymentStep => ({
    do: 'scale',
    set,
    from: wanted,
    to,
    annotations,
  }))
  return steps.filter((step) => step.do !== 'scale' || step.from !== step.to || lacks(step.set, step.annotations))
}

const lacks = (set: ReplicaSet, annotations: Annotations) =>
  Object.entries(annotations).some(([key, value]) => set.metadata.annotations?.[key] !== value)

const HISTORY_DEFAULT = 10
const UNLIMITED = 2 ** 31 - 1

/** Old revisions beyond the limit, lowest first; never one that still has pods. */
export function planCleanup(view: DeploymentView): DeploymentStep[] {
  const { deployment, old } = view
  const limit = deployment.spec.revisionHistoryLimit ?? HISTORY_DEFAULT
  if (limit === UNLIMITED || deployment.metadata.deletionTimestamp) return []
  const kept = old.filter(({ set }) => !set.metadata.deletionTimestamp)
  return kept
    .toSorted((a, b) => revisionOf(a.set) - revisionOf(b.set))
    .slice(0, Math.max(0, kept.length - limit))
    .filter(isUnused)
    .map(({ set }) => ({ do: 'delete', set }))
}

const isUnused = ({ set, wanted, active }: SetView) => wanted === 0 && active === 0 && (set.status?.replicas ?? 0) === 0

/** `kubectl rollout` compares the Deployment's own revision with those of its ReplicaSets. */
export function withRevision(deployment: Deployment, view: DeploymentView): Deployment {
  const revision = view.newest?.set.metadata.annotations?.[REVISION]
  if (!revision || deployment.metadata.annotations?.[REVISION] === revision) return deployment
  const annotations = { ...deployment.metadata.annotations, [REVISION]: revision }
  return { ...deployment, metadata: { ...deployment.metadata, annotations } }
}
