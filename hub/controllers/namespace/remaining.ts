// remaining.ts - tells people what still keeps a namespace that is going, in upstream's conditions; pure
import type { Kind } from '../../../shared/kinds/kind.ts'
import type { KubeObject, Namespace } from '../../../shared/kinds/object.ts'

export type NamespaceCondition = NonNullable<NonNullable<Namespace['status']>['conditions']>[number]

export interface Remaining {
  kind: Kind
  objects: readonly KubeObject[]
}

export function remainingConditions(remaining: readonly Remaining[], now: string): NamespaceCondition[] {
  const kinds = remaining.filter(({ objects }) => objects.length > 0)
  const resources = kinds.map(
    ({ kind, objects }) => `${kind.plural}.${kind.group} has ${objects.length} resource instances`,
  )
  const held = finalizerCounts(kinds.flatMap(({ objects }) => objects))
  const finalizers = [...held].map(([finalizer, count]) => `${finalizer} in ${count} resource instances`)
  return [
    condition('NamespaceContentRemaining', 'SomeResourcesRemain', 'ContentRemoved', {
      now,
      remains: resources,
      some: 'Some resources are remaining: ',
      none: 'All content successfully removed',
    }),
    condition('NamespaceFinalizersRemaining', 'SomeFinalizersRemain', 'ContentHasNoFinalizers', {
      now,
      remains: finalizers,
      some: 'Some content in the namespace has finalizers remaining: ',
      none: 'All content-preserving finalizers finished',
    }),
  ]
}

function finalizerCounts(objects: readonly KubeObject[]): Map<string, number> {
  const counts = new Map<string, number>()
  for (const finalizer of objects.flatMap((object) => object.metadata.finalizers ?? [])) {
    counts.set(finalizer, (counts.get(finalizer) ?? 0) + 1)
  }
  return counts
}

interface Wording {
  now: string
  remains: readonly string[]
  some: string
  none: string
}

const condition = (
  type: string,
  reasonSome: string,
  reasonNone: string,
  { now, remains, some, none }: Wording,
): NamespaceCondition => {
  const isLeft = remains.length > 0
  return {
    type,
    status: isLeft ? 'True' : 'False',
    reason: isLeft ? reasonSome : reasonNone,
    message: isLeft ? some + remains.join(', ') : none,
    lastTransitionTime: now,
  }
}

/** A condition that says the same as before keeps the time since when it does. */
export const keepTimes = (
  next: readonly NamespaceCondition[],
  old: readonly NamespaceCondition[] = [],
): NamespaceCondition[] =>
  next.map((condition) => {
    const same = old.find(({ type, status }) => type === condition.type && status === condition.status)
    return same?.lastTransitionTime ? { ...condition, lastTransitionTime: same.lastTransitionTime } : condition
  })
