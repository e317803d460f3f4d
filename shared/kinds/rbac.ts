// rbac.ts - the rows of the rbac group
import type { PolicyRule, RoleRef, Subject } from 'kubernetes-types/rbac/v1.js'
import { canonicalJson } from '../hash.ts'
import { pathSegmentError } from '../names.ts'
import { AGE, column, CREATED_AT, NAME, wide } from './columns.ts'
import { defineKind, type Definition } from './define.ts'
import { oneOf } from './field-rules.ts'
import type { KubeObject, LabelSelector } from './object.ts'
import { invalidValue, requiredValue, type Cause } from './status-error.ts'

const GROUP = 'rbac.authorization.k8s.io'

export type Role = KubeObject & { rules?: PolicyRule[]; aggregationRule?: { clusterRoleSelectors?: LabelSelector[] } }
export type RoleBinding = KubeObject & { roleRef: RoleRef; subjects?: Subject[] }

const roles = {
  group: GROUP,
  nameError: pathSegmentError,
  isStoredOnly: true,
  columns: [NAME, CREATED_AT],
  validate: (role) => (role.rules ?? []).flatMap((rule, index) => ruleCauses(rule, `rules[${index}]`)),
} as const satisfies Partial<Definition<Role>>

export const ROLE = defineKind<Role>({ ...roles, kind: 'Role', plural: 'roles' })
export const CLUSTER_ROLE = defineKind<Role>({
  ...roles,
  kind: 'ClusterRole',
  plural: 'clusterroles',
  namespaced: false,
})

function ruleCauses({ verbs, apiGroups, resources, nonResourceURLs }: PolicyRule, at: string): Cause[] {
  if (!verbs?.length) return [requiredValue(`${at}.verbs`, 'verbs must contain at least one value')]
  if (nonResourceURLs?.length) {
    const isMixed = Boolean(apiGroups?.length) || Boolean(resources?.length)
    return isMixed
      ? [
          invalidValue(
            `${at}.nonResourceURLs`,
            nonResourceURLs,
            'rules cannot apply to both regular resources and non-resource URLs',
          ),
        ]
      : []
  }
  return [
    ...(apiGroups?.length
      ? []
      : [requiredValue(`${at}.apiGroups`, 'resource rules must supply at least one api group')]),
    ...(resources?.length
      ? []
      : [requiredValue(`${at}.resources`, 'resource rules must supply at least one resource')]),
  ]
}

const subjectsOf = ({ subjects = [] }: RoleBinding, kind: string) =>
  subjects
    .filter((subject) => subject.kind === kind)
    .map(({ namespace, name }) => (namespace ? `${namespace}/${name}` : name))
    .join(', ')

const bindings = {
  group: GROUP,
  nameError: pathSegmentError,
  isStoredOnly: true,
  columns: [
    NAME,
    column<RoleBinding>('Role', ({ roleRef }) => `${roleRef?.kind ?? ''}/${roleRef?.name ?? ''}`),
    AGE,
    wide<RoleBinding>('Users', (binding) => subjectsOf(binding, 'User')),
    wide<RoleBinding>('Groups', (binding) => subjectsOf(binding, 'Group')),
    wide<RoleBinding>('ServiceAccounts', (binding) => subjectsOf(binding, 'ServiceAccount')),
  ],
  setDefaults(binding) {
    if (binding.roleRef) binding.roleRef.apiGroup ||= GROUP
    for (const subject of binding.subjects ?? []) {
      if (subject.kind !== 'ServiceAccount') subject.apiGroup ??= GROUP
    }
  },
} as const satisfies Partial<Definition<RoleBinding>>

export const ROLE_BINDING = defineKind<RoleBinding>({
  ...bindings,
  kind: 'RoleBinding',
  plural: 'rolebindings',
  validate: (next, old) => bindingCauses(next, old, ['ClusterRole', 'Role']),
})
export const CLUSTER_ROLE_BINDING = defineKind<RoleBinding>({
  ...bindings,
  kind: 'ClusterRoleBinding',
  plural: 'clusterrolebindings',
  namespaced: false,
  validate: (next, old) => bindingCauses(next, old, ['ClusterRole']),
})

function bindingCauses(
  { roleRef, subjects = [] }: RoleBinding,
  old: RoleBinding | undefined,
  roleKinds: readonly string[],
): Cause[] {
  return [
    ...oneOf(roleRef?.apiGroup, 'roleRef.apiGroup', [GROUP]),
    ...oneOf(roleRef?.kind, 'roleRef.kind', roleKinds),
    ...(roleRef?.name ? [] : [requiredValue('roleRef.name')]),
    ...subjects.flatMap(({ kind, name, namespace }, index) => [
      ...oneOf(kind, `subjects[${index}].kind`, ['ServiceAccount', 'User', 'Group']),
      ...(name ? [] : [requiredValue(`subjects[${index}].name`)]),
      ...(kind === 'ServiceAccount' && !namespace ? [requiredValue(`subjects[${index}].namespace`)] : []),
    ]),
    ...(old && canonicalJson(old.roleRef) !== canonicalJson(roleRef)
      ? [invalidValue('roleRef', roleRef, 'cannot change roleRef')]
      : []),
  ]
}
