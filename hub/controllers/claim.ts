// claim.ts - whose is what: which objects an owner has, may adopt, and must let go, by selector and controller reference
import type { Kind } from '../../shared/kinds/kind.ts'
import { apiVersionOf } from '../../shared/kinds/kind.ts'
import type { KubeObject, OwnerReference } from '../../shared/kinds/object.ts'

export interface Claim<T extends KubeObject> {
  mine: readonly T[]
  adopt: readonly T[]
  release: readonly T[]
}

export const controllerOf = (object: KubeObject): OwnerReference | undefined =>
  object.metadata.ownerReferences?.find((reference) => reference.controller)

export const controllerReference = (kind: Kind, owner: KubeObject): OwnerReference => ({
  apiVersion: apiVersionOf(kind),
  kind: kind.kind,
  name: owner.metadata.name,
  uid: owner.metadata.uid,
  controller: true,
  blockOwnerDeletion: true,
})

/** An owner that is being deleted takes nothing in and lets nothing go: the garbage collector needs the references. */
export function claim<T extends KubeObject>(
  owner: KubeObject,
  matches: (labels: Readonly<Record<string, string>>) => boolean,
  candidates: readonly T[],
): Claim<T> {
  const isGoing = owner.metadata.deletionTimestamp !== undefined
  const mine: T[] = []
  const adopt: T[] = []
  const release: T[] = []
  for (const candidate of candidates) {
    const controller = controllerOf(candidate)
    const fits = matches(candidate.metadata.labels ?? {})
    if (controller?.uid === owner.metadata.uid) {
      if (fits || isGoing) mine.push(candidate)
      else release.push(candidate)
    } else if (!controller && fits && !isGoing && !candidate.metadata.deletionTimestamp) adopt.push(candidate)
  }
  return { mine, adopt, release }
}

export const adopted = <T extends KubeObject>(object: T, reference: OwnerReference): T => ({
  ...object,
  metadata: { ...object.metadata, ownerReferences: [...(object.metadata.ownerReferences ?? []), reference] },
})

export const released = <T extends KubeObject>(object: T, ownerUid: string): T => ({
  ...object,
  metadata: {
    ...object.metadata,
    ownerReferences: (object.metadata.ownerReferences ?? []).filter((reference) => reference.uid !== ownerUid),
  },
})
