// reviews.ts - the rows for questions and computed answers: reviews are created and never stored, metrics are read and never written
import { column, NAME } from './columns.ts'
import { defineKind } from './define.ts'
import type { Kind } from './kind.ts'
import type { KubeObject } from './object.ts'

const review = (group: string, kind: string, namespaced = false): Kind =>
  defineKind({
    group,
    kind,
    plural: `${kind.toLowerCase()}s`,
    namespaced,
    isVirtual: true,
    verbs: ['create'],
    columns: [NAME],
  })

const AUTHENTICATION = 'authentication.k8s.io'
const AUTHORIZATION = 'authorization.k8s.io'

export const TOKEN_REVIEW = review(AUTHENTICATION, 'TokenReview')
export const SELF_SUBJECT_REVIEW = review(AUTHENTICATION, 'SelfSubjectReview')
export const SUBJECT_ACCESS_REVIEW = review(AUTHORIZATION, 'SubjectAccessReview')
export const SELF_SUBJECT_ACCESS_REVIEW = review(AUTHORIZATION, 'SelfSubjectAccessReview')
export const SELF_SUBJECT_RULES_REVIEW = review(AUTHORIZATION, 'SelfSubjectRulesReview')
export const LOCAL_SUBJECT_ACCESS_REVIEW = review(AUTHORIZATION, 'LocalSubjectAccessReview', true)

export const reviewKinds: readonly Kind[] = [
  TOKEN_REVIEW,
  SELF_SUBJECT_REVIEW,
  SUBJECT_ACCESS_REVIEW,
  SELF_SUBJECT_ACCESS_REVIEW,
  SELF_SUBJECT_RULES_REVIEW,
  LOCAL_SUBJECT_ACCESS_REVIEW,
]

/** What is posted to a subresource. They have no endpoint of their own, so discovery does not list them. */
export const TOKEN_REQUEST = review(AUTHENTICATION, 'TokenRequest', true)
export const EVICTION = defineKind({ ...part('policy', 'Eviction', 'evictions') })
export const BINDING = defineKind({ ...part('', 'Binding', 'bindings') })
export const SCALE = defineKind({ ...part('autoscaling', 'Scale', 'scales'), verbs: ['get', 'patch', 'update'] })

export const subresourceKinds: readonly Kind[] = [TOKEN_REQUEST, EVICTION, BINDING, SCALE]

function part(group: string, kind: string, plural: string) {
  return { group, kind, plural, isVirtual: true, verbs: ['create'] as const }
}

type Usage = Readonly<Record<string, string>>
export type NodeMetrics = KubeObject & { timestamp: string; window: string; usage: Usage }
export type PodMetrics = KubeObject & {
  timestamp: string
  window: string
  containers: { name: string; usage: Usage }[]
}

const metrics = {
  group: 'metrics.k8s.io',
  version: 'v1beta1',
  isVirtual: true,
  verbs: ['get', 'list'],
  singular: '',
} as const

export const NODE_METRICS = defineKind<NodeMetrics>({
  ...metrics,
  kind: 'NodeMetrics',
  plural: 'nodes',
  namespaced: false,
  columns: [
    NAME,
    column<NodeMetrics>('cpu', ({ usage }) => usage?.['cpu'] ?? ''),
    column<NodeMetrics>('memory', ({ usage }) => usage?.['memory'] ?? ''),
    column<NodeMetrics>('Window', ({ window }) => window),
  ],
})

export const POD_METRICS = defineKind<PodMetrics>({
  ...metrics,
  kind: 'PodMetrics',
  plural: 'pods',
  columns: [NAME, column<PodMetrics>('Window', ({ window }) => window)],
})

export const metricsKinds: readonly Kind[] = [NODE_METRICS, POD_METRICS]
