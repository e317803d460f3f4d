// rules-review.ts - what `kubectl auth can-i --list` shows: a user's rules, exceptions spelled out kind by kind
import type { Kind } from '../../../shared/kinds/kind.ts'
import type { User } from '../extension.ts'
import { coversResource, rulesOf, type ResourceRule } from './rules.ts'

export const rulesReview = (user: User, kinds: readonly Kind[]) => {
  const rules = rulesOf(user)
  return {
    incomplete: false,
    resourceRules: rules.resources.flatMap((rule) => written(rule, kinds)),
    nonResourceRules: rules.paths.map(({ verbs, paths }) => ({ verbs: [...verbs], nonResourceURLs: [...paths] })),
  }
}

interface WrittenRule {
  verbs: string[]
  apiGroups: string[]
  resources: string[]
}

/** Upstream's rules know no exceptions: one with exceptions becomes one rule a group that names what is left. */
function written(rule: ResourceRule, kinds: readonly Kind[]): WrittenRule[] {
  const verbs = [...rule.verbs]
  if (!rule.except) return [{ verbs, apiGroups: [...rule.apiGroups], resources: [...rule.resources] }]
  const perGroup = new Map<string, Set<string>>()
  const isReachable = (served: readonly string[]) =>
    rule.verbs.includes('*') || served.some((verb) => rule.verbs.includes(verb))
  for (const kind of kinds) {
    const resources = perGroup.get(kind.group) ?? new Set()
    perGroup.set(kind.group, resources)
    if (isReachable(kind.verbs) && coversResource(rule, { resource: kind.plural })) resources.add(kind.plural)
    for (const [subresource, { verbs: served }] of Object.entries(kind.subresources))
      if (isReachable(served) && coversResource(rule, { resource: kind.plural, subresource }))
        resources.add(`${kind.plural}/${subresource}`)
  }
  return [...perGroup]
    .filter(([, resources]) => resources.size > 0)
    .map(([group, resources]) => ({
      verbs,
      apiGroups: [group],
      resources: [...resources].toSorted(),
    }))
}
