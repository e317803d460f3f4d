// plan.ts - decides what happens to things whose owners go, and to owners that wait for their things; pure
import type { KubeObject, OwnerReference } from '../../../shared/kinds/object.ts'
import { FOREGROUND, ORPHAN } from '../../store/object-delete.ts'

/**
 * going: it waits until its dependents are gone.
 * vanished: its object is gone, and nobody has asked for that; that alone deletes nothing.
 * unknown: of a kind that is not served, so nobody can say whether it is there; that alone deletes nothing.
 */
export type OwnerState = 'there' | 'going' | 'absent' | 'vanished' | 'unknown'

export type Step =
  | { do: 'nothing' }
  | { do: 'delete'; policy?: 'Foreground' }
  | { do: 'disown'; uids: ReadonlySet<string> }
  /** Disowned too, and a person is asked about it. */
  | { do: 'keep'; uids: ReadonlySet<string> }

export const ownersOf = (object: KubeObject): readonly OwnerReference[] => object.metadata.ownerReferences ?? []

/** An object whose last owner is gone goes too; while it has another one it only forgets those that are gone. */
export function planDependent(object: KubeObject, stateOf: (owner: OwnerReference) => OwnerState): Step {
  const states = ownersOf(object).map((owner) => ({ uid: owner.uid, state: stateOf(owner) }))
  const gone = states.filter(({ state }) => state === 'absent' || state === 'vanished')
  if (gone.length === 0 || object.metadata.deletionTimestamp) return { do: 'nothing' }
  const uids = new Set(gone.map(({ uid }) => uid))
  if (gone.length < states.length) return { do: 'disown', uids }
  return gone.some(({ state }) => state === 'vanished') ? { do: 'keep', uids } : { do: 'delete' }
}

const KEEPS: readonly OwnerState[] = ['there', 'vanished', 'unknown']

/** What an owner that waits for its dependents does to one of them. */
export function planForeground(
  dependent: KubeObject,
  ownerUid: string,
  stateOf: (owner: OwnerReference) => OwnerState,
  hasDependents: boolean,
): Step {
  if (dependent.metadata.deletionTimestamp) return { do: 'nothing' }
  const others = ownersOf(dependent).filter((owner) => owner.uid !== ownerUid)
  const isKept = others.some((owner) => KEEPS.includes(stateOf(owner)))
  if (isKept) return { do: 'disown', uids: new Set([ownerUid]) }
  return hasDependents ? { do: 'delete', policy: 'Foreground' } : { do: 'delete' }
}

export const isBlocking = (dependent: KubeObject, ownerUid: string): boolean =>
  ownersOf(dependent).some((owner) => owner.uid === ownerUid && owner.blockOwnerDeletion === true)

export type Wait = typeof ORPHAN | typeof FOREGROUND
const WAITS: readonly Wait[] = [ORPHAN, FOREGROUND]

/** What a deleted object still waits for, as far as the collector is concerned. */
export function waitOf({ metadata }: KubeObject): Wait | undefined {
  if (!metadata.deletionTimestamp) return undefined
  return WAITS.find((finalizer) => metadata.finalizers?.includes(finalizer))
}
