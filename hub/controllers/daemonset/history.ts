// history.ts - the ControllerRevisions of a DaemonSet: what `rollout history` lists and `rollout undo` patches back
import { canonicalJson, templateHash, withoutEmpty } from '../../../shared/hash.ts'
import { apiVersionOf } from '../../../shared/kinds/kind.ts'
import { CONTROLLER_REVISION } from '../../../shared/kinds/controller-revision.ts'
import { DAEMON_SET } from '../../../shared/kinds/daemon-set.ts'
import type { ControllerRevision, DaemonSet, NewObject, Pod } from '../../../shared/kinds/object.ts'
import { ROLLOUT_ANNOTATION } from '../../../shared/last-known.ts'
import { controllerReference } from '../claim.ts'
import { REVISION_HASH_LABEL } from './view.ts'

export type HistoryStep =
  | { do: 'create'; revision: NewObject<ControllerRevision> }
  | { do: 'renumber'; revision: ControllerRevision; to: number }
  | { do: 'delete'; revision: ControllerRevision }

const LAST_APPLIED = 'kubectl.kubernetes.io/last-applied-configuration'
const HISTORY_DEFAULT = 10

/** A strategic patch: `$patch: replace` makes undo take the whole template instead of merging into it. */
export const revisionData = (daemonSet: DaemonSet) => ({
  spec: { template: { ...daemonSet.spec.template, $patch: 'replace' } },
})

export const findCurrent = (
  daemonSet: DaemonSet,
  revisions: readonly ControllerRevision[],
): ControllerRevision | undefined => {
  const wanted = formOf(daemonSet.spec.template, () => revisionData(daemonSet))
  return revisions.find(({ data }) => data && formOf(data, () => data) === wanted)
}

/** Asked several times in each reconcile; what is stored is never changed in place. */
const forms = new WeakMap<object, string>()

function formOf(of: object, data: () => unknown): string {
  const form = forms.get(of) ?? canonicalJson(withoutEmpty(data()))
  forms.set(of, form)
  return form
}

export const hashOf = (revision: ControllerRevision): string =>
  revision.metadata.labels?.[REVISION_HASH_LABEL] ?? revision.metadata.name

/** The current template has a revision, and it is the highest one. */
export function planHistory(daemonSet: DaemonSet, revisions: readonly ControllerRevision[]): HistoryStep[] {
  const highest = Math.max(0, ...revisions.map(({ revision }) => revision))
  const current = findCurrent(daemonSet, revisions)
  if (!current) return [{ do: 'create', revision: newRevision(daemonSet, highest + 1) }]
  const isHighest =
    current.revision === highest && !revisions.some((other) => other !== current && other.revision === highest)
  return isHighest ? [] : [{ do: 'renumber', revision: current, to: highest + 1 }]
}

function newRevision(daemonSet: DaemonSet, revision: number): NewObject<ControllerRevision> {
  const { name, namespace, annotations = {} } = daemonSet.metadata
  const hash = templateHash(daemonSet.spec.template, daemonSet.status?.collisionCount ?? 0)
  const { [LAST_APPLIED]: _applied, [ROLLOUT_ANNOTATION]: _rollout, ...copied } = annotations
  return {
    apiVersion: apiVersionOf(CONTROLLER_REVISION),
    kind: CONTROLLER_REVISION.kind,
    metadata: {
      name: `${name}-${hash}`,
      ...(namespace && { namespace }),
      labels: { ...daemonSet.spec.template.metadata?.labels, [REVISION_HASH_LABEL]: hash },
      annotations: copied,
      ownerReferences: [controllerReference(DAEMON_SET, daemonSet)],
    },
    data: revisionData(daemonSet),
    revision,
  }
}

/** Old revisions beyond the limit, lowest first; never one that a pod still runs. */
export function planHistoryCleanup(
  daemonSet: DaemonSet,
  revisions: readonly ControllerRevision[],
  pods: readonly Pod[],
): HistoryStep[] {
  const inUse = new Set(pods.map(({ metadata }) => metadata.labels?.[REVISION_HASH_LABEL]))
  const current = findCurrent(daemonSet, revisions)
  const unused = revisions.filter((revision) => revision !== current && !inUse.has(hashOf(revision)))
  const excess = unused.length - (daemonSet.spec.revisionHistoryLimit ?? HISTORY_DEFAULT)
  return unused
    .toSorted((a, b) => a.revision - b.revision)
    .slice(0, Math.max(0, excess))
    .map((revision) => ({ do: 'delete', revision }))
}
