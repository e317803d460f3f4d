// surplus.ts - which owners have more pods of what may run only once than they want: after a loss the lost and the found one are both there; pure over a reader
import { isSingleton } from '../../shared/disconnect-policy.ts'
import { DEPLOYMENT } from '../../shared/kinds/deployment.ts'
import type { Kind } from '../../shared/kinds/kind.ts'
import type { Deployment, OwnerReference, Pod, ReplicaSet } from '../../shared/kinds/object.ts'
import { POD } from '../../shared/kinds/pod.ts'
import { REPLICA_SET } from '../../shared/kinds/replica-set.ts'
import { STATEFUL_SET, type StatefulSet } from '../../shared/kinds/stateful-set.ts'
import { matchesSelector } from '../../shared/selectors.ts'
import type { Reader } from '../store/store.ts'

type Owner = Deployment | ReplicaSet | StatefulSet

export interface Surplus {
  owner: Owner
  /** All that may still run: what was told to go counts until it is gone. */
  pods: readonly Pod[]
}

/**
 * In one history there never are: the next one is made when the last one is gone. Only what may run only once is
 * counted, since all else may have more for a rollout, which does not go on while a recovery waits. Of a Deployment the
 * pods of all its ReplicaSets count together, and pods of its labels that have no owner: somebody has said that they
 * are known, and their own ReplicaSet is lost.
 */
export function surplusOf(reader: Reader): Surplus[] {
  const byOwner = new Map<string, { owner: Owner; pods: Pod[] }>()
  for (const pod of reader.list(POD)) {
    const owner = isSingleton(pod) && !hasEnded(pod) ? ownerOf(reader, pod) : undefined
    if (!owner) continue
    const found = byOwner.get(owner.metadata.uid) ?? { owner, pods: [] }
    found.pods.push(pod)
    byOwner.set(owner.metadata.uid, found)
  }
  return [...byOwner.values()].filter(({ owner: { spec }, pods }) => pods.length > Math.max(1, spec.replicas ?? 1))
}

const hasEnded = ({ status }: Pod) => status?.phase === 'Succeeded' || status?.phase === 'Failed'

const controllerOf = ({ metadata }: Pod | ReplicaSet): OwnerReference | undefined =>
  metadata.ownerReferences?.find(({ controller }) => controller)

/** Whoever would make the next one of it. */
function ownerOf(reader: Reader, pod: Pod): Owner | undefined {
  const { namespace } = pod.metadata
  const controller = controllerOf(pod)
  if (!controller) return ownersIn(reader, namespace).find(({ spec }) => matches(spec.selector, pod))
  if (controller.kind === STATEFUL_SET.kind) return lookUp(reader, STATEFUL_SET, namespace, controller)
  if (controller.kind !== REPLICA_SET.kind) return undefined
  const set = lookUp(reader, REPLICA_SET, namespace, controller)
  return (set && lookUp(reader, DEPLOYMENT, namespace, controllerOf(set))) ?? set
}

function lookUp<T extends Owner>(
  reader: Reader,
  kind: Kind<T>,
  namespace: string | undefined,
  reference: OwnerReference | undefined,
): T | undefined {
  const found = reference && reader.get(kind, namespace, reference.name)
  return found?.metadata.uid === reference?.uid ? found : undefined
}

const ownersIn = (reader: Reader, namespace: string | undefined): Owner[] => [
  ...reader.list(DEPLOYMENT, namespace),
  ...reader.list(STATEFUL_SET, namespace),
  ...reader.list(REPLICA_SET, namespace).filter((set) => !controllerOf(set)),
]

const matches = (selector: Owner['spec']['selector'], { metadata }: Pod): boolean =>
  matchesSelector(selector, metadata.labels)
