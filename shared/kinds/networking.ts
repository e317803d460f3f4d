// networking.ts - the rows of the networking group
import type { IngressSpec, IngressStatus, NetworkPolicySpec } from 'kubernetes-types/networking/v1.js'
import { AGE, column, NAME, NONE } from './columns.ts'
import { defineKind, statusPart } from './define.ts'
import { oneOf } from './field-rules.ts'
import type { Of } from './object.ts'
import { selectorText } from '../selectors.ts'
import { invalidValue, requiredValue, type Cause } from './status-error.ts'
import { labelSelectorCauses } from './workload.ts'

export type Ingress = Of<IngressSpec, IngressStatus>
export type NetworkPolicy = Of<NetworkPolicySpec, never>

export const INGRESS = defineKind<Ingress>({
  group: 'networking.k8s.io',
  kind: 'Ingress',
  plural: 'ingresses',
  shortNames: ['ing'],
  isStoredOnly: true,
  subresources: statusPart('Ingress'),
  columns: [
    NAME,
    column<Ingress>('Class', ({ spec }) => spec?.ingressClassName ?? NONE),
    column<Ingress>('Hosts', ({ spec }) => hostsText(spec)),
    column<Ingress>('Address', ({ status }) =>
      (status?.loadBalancer?.ingress ?? []).map(({ ip, hostname }) => ip ?? hostname).join(','),
    ),
    column<Ingress>('Ports', ({ spec }) => (spec?.tls?.length ? '80, 443' : '80')),
    AGE,
  ],
  setDefaults(ingress) {
    ingress.status ??= {}
    ingress.status.loadBalancer ??= {}
  },
  validate: ({ spec }) => ingressCauses(spec),
})

const hostsText = (spec: IngressSpec | undefined): string => {
  const hosts = (spec?.rules ?? []).map(({ host }) => host || '*')
  const more = hosts.length - 3
  return hosts.slice(0, 3).join(',') + (more > 0 ? ` + ${more} more...` : '') || '*'
}

function ingressCauses(spec: IngressSpec | undefined): Cause[] {
  if (!spec?.rules?.length && !spec?.defaultBackend)
    return [invalidValue('spec', spec?.rules ?? [], 'either `defaultBackend` or `rules` must be specified')]
  return (spec.rules ?? []).flatMap(({ http }, index) =>
    (http?.paths ?? []).flatMap(({ path = '', pathType }, pathIndex) => {
      const at = `spec.rules[${index}].http.paths[${pathIndex}]`
      const needsSlash = (pathType === 'Exact' || pathType === 'Prefix') && !path.startsWith('/')
      return [
        ...(pathType
          ? oneOf(pathType, `${at}.pathType`, ['Exact', 'ImplementationSpecific', 'Prefix'])
          : [requiredValue(`${at}.pathType`, 'pathType must be specified')]),
        ...(needsSlash ? [invalidValue(`${at}.path`, path, 'must be an absolute path')] : []),
      ]
    }),
  )
}

export const NETWORK_POLICY = defineKind<NetworkPolicy>({
  group: 'networking.k8s.io',
  kind: 'NetworkPolicy',
  plural: 'networkpolicies',
  shortNames: ['netpol'],
  isStoredOnly: true,
  columns: [NAME, column<NetworkPolicy>('Pod-Selector', ({ spec }) => selectorText(spec?.podSelector) || NONE), AGE],
  setDefaults({ spec }) {
    if (!spec) return
    spec.policyTypes ??= ['Ingress', ...(spec.egress ? ['Egress'] : [])]
    const rules = [...(spec.ingress ?? []), ...(spec.egress ?? [])]
    for (const port of rules.flatMap(({ ports }) => ports ?? [])) port.protocol ??= 'TCP'
  },
  validate: ({ spec }) => [
    ...labelSelectorCauses(spec?.podSelector, 'spec.podSelector'),
    ...(spec?.policyTypes ?? []).flatMap((type, index) =>
      oneOf(type, `spec.policyTypes[${index}]`, ['Egress', 'Ingress']),
    ),
  ],
})
