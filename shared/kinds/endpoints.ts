// endpoints.ts - the rows for EndpointSlices and for the older Endpoints
import type { EndpointSubset } from 'kubernetes-types/core/v1.js'
import type { EndpointSlice as DeclaredSlice } from 'kubernetes-types/discovery/v1.js'
import { AGE, column, NAME, NONE, shortList } from './columns.ts'
import { defineKind } from './define.ts'
import type { KubeObject } from './object.ts'
import { requiredValue } from './status-error.ts'
import { oneOf } from './field-rules.ts'

export type EndpointSlice = KubeObject & Pick<DeclaredSlice, 'addressType' | 'endpoints' | 'ports'>
export type Endpoints = KubeObject & { subsets?: EndpointSubset[] }

export const ENDPOINT_SLICE = defineKind<EndpointSlice>({
  group: 'discovery.k8s.io',
  kind: 'EndpointSlice',
  plural: 'endpointslices',
  isStoredOnly: true,
  columns: [
    NAME,
    column<EndpointSlice>('AddressType', ({ addressType }) => addressType),
    column<EndpointSlice>('Ports', ({ ports }) => shortList((ports ?? []).map(({ port }) => String(port ?? '*')))),
    column<EndpointSlice>('Endpoints', ({ endpoints }) =>
      shortList((endpoints ?? []).flatMap(({ addresses }) => addresses)),
    ),
    AGE,
  ],
  setDefaults(slice) {
    // kubectl describe follows both without looking whether they are there.
    for (const port of slice.ports ?? []) {
      port.name ??= ''
      port.protocol ??= 'TCP'
    }
  },
  validate: ({ addressType, endpoints }) => [
    ...oneOf(addressType, 'addressType', ['FQDN', 'IPv4', 'IPv6']),
    ...(endpoints ?? []).flatMap(({ addresses }, index) =>
      addresses?.length ? [] : [requiredValue(`endpoints[${index}].addresses`, 'must contain at least 1 address')],
    ),
  ],
})

export const ENDPOINTS = defineKind<Endpoints>({
  kind: 'Endpoints',
  plural: 'endpoints',
  singular: 'endpoints',
  shortNames: ['ep'],
  isStoredOnly: true,
  columns: [NAME, column<Endpoints>('Endpoints', endpointsText), AGE],
  setDefaults(endpoints) {
    for (const port of (endpoints.subsets ?? []).flatMap(({ ports }) => ports ?? [])) port.protocol ??= 'TCP'
  },
})

function endpointsText({ subsets = [] }: Endpoints): string {
  const all = subsets.flatMap(({ addresses = [], ports = [] }) => {
    const hosts = addresses.map(({ ip }) => ip)
    return ports.length === 0 ? hosts : ports.flatMap(({ port }) => hosts.map((host) => `${host}:${port}`))
  })
  return all.length === 0 ? NONE : shortList(all)
}
