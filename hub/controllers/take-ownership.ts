// take-ownership.ts - carries out a claim: adopts what matches and has no controller, lets go what matches no longer
import type { Kind } from '../../shared/kinds/kind.ts'
import type { KubeObject, LabelSelector } from '../../shared/kinds/object.ts'
import { matchesSelector } from '../../shared/selectors.ts'
import { isUnknownToHub, UNKNOWN_ANNOTATION } from '../../shared/recovery.ts'
import type { Objects } from '../store/objects.ts'
import { adopted, claim, controllerOf, controllerReference, released } from './claim.ts'
import type { Orphans } from './orphans.ts'

export interface Ownership<O extends KubeObject, T extends KubeObject> {
  objects: Objects
  ownerKind: Kind<O>
  kind: Kind<T>
  orphans: Orphans<T>
}

/**
 * Whether there is a place for something that the hub had lost and found again. Without such a place it is left alone:
 * an owner from an older copy of the hub would delete what is more than it knows of.
 */
export type HasPlace<T extends KubeObject> = (found: T, mine: readonly T[]) => boolean

/** Answers what the owner has afterwards. */
export function takeOwnership<O extends KubeObject, T extends KubeObject>(
  { objects, ownerKind, kind, orphans }: Ownership<O, T>,
  owner: O,
  selector: LabelSelector | undefined,
  hasPlace: HasPlace<T> = () => false,
): readonly T[] {
  const { namespace, uid } = owner.metadata
  const candidates = [...objects.by(kind, 'controllerUid', uid), ...orphans.in(namespace)]
  const { mine, adopt, release } = claim(owner, (labels) => matchesSelector(selector, labels), candidates)
  const reference = controllerReference(ownerKind, owner)
  const taken: T[] = []
  for (const candidate of adopt) {
    if (isUnknownToHub(candidate) && !hasPlace(candidate, [...mine, ...taken])) continue
    const now = objects.modify(kind, namespace, candidate.metadata.name, (current) =>
      controllerOf(current) ? undefined : adopted(withoutMark(current), reference),
    )
    if (now && controllerOf(now)?.uid === uid) taken.push(now)
  }
  for (const { metadata } of release)
    objects.modify(kind, namespace, metadata.name, (current) => released(current, uid))
  return [...mine, ...taken]
}

function withoutMark<T extends KubeObject>(object: T): T {
  const { [UNKNOWN_ANNOTATION]: _, ...annotations } = object.metadata.annotations ?? {}
  return { ...object, metadata: { ...object.metadata, annotations } }
}

/** The keys of the owners of one kind that a change of a dependent concerns: its controllers, or those that could adopt it. */
export function ownersOf<O extends KubeObject & { spec: { selector?: LabelSelector } }>(
  objects: Objects,
  ownerKind: Kind<O>,
  dependents: readonly (KubeObject | undefined)[],
): string[] {
  return dependents.flatMap((dependent) => {
    if (!dependent) return []
    const { namespace, labels } = dependent.metadata
    const controller = controllerOf(dependent)
    if (controller) return controller.kind === ownerKind.kind ? [`${namespace}/${controller.name}`] : []
    return objects
      .list(ownerKind, namespace)
      .filter((owner) => matchesSelector(owner.spec.selector, labels))
      .map((owner) => `${namespace}/${owner.metadata.name}`)
  })
}
