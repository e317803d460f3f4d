// kind-table.ts - the kinds that there are right now, for controllers that care for objects of every kind
import { resourceName, type Kind } from '../../shared/kinds/kind.ts'

export interface KindTable {
  /** Every row; custom kinds come and go. */
  all(): Iterable<Kind>
  byKind(apiVersion: string, kind: string): Kind | undefined
}

/** One row per place in the store: further versions of a kind are other views of the same objects. */
export function storedKinds(kinds: KindTable): Map<string, Kind> {
  // The stored version itself may be one that is not served.
  const stored = [...kinds.all()].map((kind) => kind.storage?.kind ?? kind)
  return new Map(stored.map((kind) => [resourceName(kind), kind]))
}
