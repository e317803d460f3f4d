// service.ts - the row for Services
import type { ServicePort } from 'kubernetes-types/core/v1.js'
import { fnv32 } from '../hash.ts'
import { dns1035LabelError, dnsLabelError, dnsSubdomainError, portNameError } from '../names.ts'
import { AGE, column, labelText, NAME, NONE, orNone, wide } from './columns.ts'
import { defineKind, pathFields, statusPart } from './define.ts'
import { checked, labelCauses } from './metadata.ts'
import type { Service } from './object.ts'
import { duplicateValue, immutableField, invalidValue, requiredValue, type Cause } from './status-error.ts'
import { oneOf, portCauses } from './field-rules.ts'

type ServiceSpec = Service['spec']

export const SERVICE = defineKind<Service>({
  kind: 'Service',
  plural: 'services',
  shortNames: ['svc'],
  categories: ['all'],
  nameError: dns1035LabelError,
  isStoredOnly: true,
  subresources: statusPart('Service'),
  selectableFields: pathFields('spec.type', 'spec.clusterIP'),
  columns: [
    NAME,
    column<Service>('Type', ({ spec }) => spec?.type),
    column<Service>('Cluster-IP', ({ spec }) => orNone(spec?.clusterIP)),
    column<Service>('External-IP', externalText),
    column<Service>('Port(s)', ({ spec }) => portsText(spec?.ports ?? [])),
    AGE,
    wide<Service>('Selector', ({ spec }) => labelText(spec?.selector)),
  ],
  setDefaults(service) {
    service.spec ??= {}
    setSpecDefaults(service.spec)
    allocate(service.spec, `${service.metadata.namespace}/${service.metadata.name}`)
    service.status ??= {}
    service.status.loadBalancer ??= {}
  },
  carryOver: ({ spec: next }, { spec: old }) => {
    if (next.type && next.type !== old.type && next.type === 'ExternalName') return
    next.clusterIP ||= old.clusterIP
    next.clusterIPs ??= old.clusterIPs
    if (!opensNodePorts(next.type ?? 'ClusterIP')) return
    for (const port of next.ports ?? []) port.nodePort ??= old.ports?.find((other) => isSamePort(other, port))?.nodePort
  },
  validate: ({ spec }, old) => [
    ...oneOf(spec.type, 'spec.type', ['ClusterIP', 'ExternalName', 'LoadBalancer', 'NodePort']),
    ...oneOf(spec.sessionAffinity, 'spec.sessionAffinity', ['ClientIP', 'None']),
    ...labelCauses(spec.selector, 'spec.selector'),
    ...portListCauses(spec),
    ...externalNameCauses(spec),
    ...addressCauses(spec, old?.spec),
  ],
})

const isSamePort = (a: ServicePort, b: ServicePort) =>
  a.port === b.port && (a.protocol ?? 'TCP') === (b.protocol ?? 'TCP')
const opensNodePorts = (type: string | undefined) => type === 'NodePort' || type === 'LoadBalancer'

function setSpecDefaults(spec: ServiceSpec): void {
  spec.type ||= 'ClusterIP'
  spec.sessionAffinity ||= 'None'
  if (spec.sessionAffinity === 'ClientIP') spec.sessionAffinityConfig ??= { clientIP: { timeoutSeconds: 10_800 } }
  for (const port of spec.ports ?? []) {
    port.protocol ||= 'TCP'
    port.targetPort ||= port.port
  }
  if (opensNodePorts(spec.type)) spec.externalTrafficPolicy ??= 'Cluster'
  if (spec.type === 'LoadBalancer') spec.allocateLoadBalancerNodePorts ??= true
  if (spec.type !== 'ExternalName') spec.internalTrafficPolicy ??= 'Cluster'
}

/** 10.96.0.0/12 as upstream's default; the first 256 addresses stay free for services of our own. */
const ADDRESSES_FIRST = 256
const ADDRESSES = 2 ** 20 - 2 * ADDRESSES_FIRST
const NODE_PORT_FIRST = 30_000
const NODE_PORTS = 2_768

/** The name decides the address, so that the same manifest gets the same one wherever it is applied. */
function allocate(spec: ServiceSpec, key: string): void {
  if (spec.type === 'ExternalName') return
  spec.clusterIP ||= addressAt(ADDRESSES_FIRST + (fnv32(key) % ADDRESSES))
  spec.clusterIPs ??= [spec.clusterIP]
  spec.ipFamilies ??= ['IPv4']
  spec.ipFamilyPolicy ??= 'SingleStack'
  if (!opensNodePorts(spec.type) || spec.allocateLoadBalancerNodePorts === false) return
  for (const port of spec.ports ?? []) {
    port.nodePort ||= NODE_PORT_FIRST + (fnv32(`${key}/${port.port}/${port.protocol}`) % NODE_PORTS)
  }
}

const addressAt = (index: number): string => `10.${96 + (index >> 16)}.${(index >> 8) & 255}.${index & 255}`

function externalText({ spec, status }: Service): string {
  if (spec?.type === 'ExternalName') return spec.externalName ?? NONE
  const ingress = (status?.loadBalancer?.ingress ?? []).map(({ ip, hostname }) => ip ?? hostname ?? '').filter(Boolean)
  const all = [...(spec?.type === 'LoadBalancer' ? ingress : []), ...(spec?.externalIPs ?? [])].join(',')
  return all || (spec?.type === 'LoadBalancer' ? '<pending>' : NONE)
}

const portsText = (ports: readonly ServicePort[]): string =>
  ports
    .map(({ port, nodePort, protocol }) => `${port}${nodePort ? `:${nodePort}` : ''}/${protocol ?? 'TCP'}`)
    .join(',') || NONE

function portListCauses({ ports = [], type, clusterIP }: ServiceSpec): Cause[] {
  if (ports.length === 0 && type !== 'ExternalName' && clusterIP !== 'None') return [requiredValue('spec.ports')]
  const names = new Set<string>()
  const numbers = new Set<string>()
  return ports.flatMap((port, index) => {
    const at = `spec.ports[${index}]`
    const number = `${port.port}/${port.protocol}`
    const causes = [
      ...(ports.length > 1 && !port.name ? [requiredValue(`${at}.name`)] : []),
      ...(port.name ? checked(`${at}.name`, port.name, dnsLabelError) : []),
      ...(port.name && names.has(port.name) ? [duplicateValue(`${at}.name`, port.name)] : []),
      ...(numbers.has(number) ? [duplicateValue(at, { port: port.port, protocol: port.protocol })] : []),
      ...portCauses(port.port, `${at}.port`),
      ...(typeof port.targetPort === 'string' ? checked(`${at}.targetPort`, port.targetPort, portNameError) : []),
      ...(typeof port.targetPort === 'number' ? portCauses(port.targetPort, `${at}.targetPort`) : []),
      ...oneOf(port.protocol, `${at}.protocol`, ['SCTP', 'TCP', 'UDP']),
      ...(port.nodePort && !opensNodePorts(type)
        ? [
            {
              reason: 'FieldValueForbidden',
              message: "Forbidden: may not be used when `type` is 'ClusterIP'",
              field: `${at}.nodePort`,
            },
          ]
        : []),
      ...nodePortCauses(`${at}.nodePort`, port.nodePort),
    ]
    names.add(port.name ?? '')
    numbers.add(number)
    return causes
  })
}

const nodePortCauses = (field: string, port: number | undefined): Cause[] =>
  port && (port < NODE_PORT_FIRST || port >= NODE_PORT_FIRST + NODE_PORTS)
    ? [invalidValue(field, port, 'provided port is not in the valid range. The range of valid ports is 30000-32767')]
    : []

function externalNameCauses({ type, externalName }: ServiceSpec): Cause[] {
  if (type !== 'ExternalName') return []
  if (!externalName) return [requiredValue('spec.externalName')]
  return checked('spec.externalName', externalName.replace(/\.$/, ''), dnsSubdomainError)
}

const ADDRESS = /^(\d{1,3}\.){3}\d{1,3}$|^[0-9a-fA-F:]{2,39}$/

function addressCauses(spec: ServiceSpec, old: ServiceSpec | undefined): Cause[] {
  const { clusterIP, clusterIPs = [] } = spec
  if (!clusterIP) return []
  const isAddress = clusterIP === 'None' || ADDRESS.test(clusterIP)
  const isChanged = old?.clusterIP && old.type !== 'ExternalName' && old.clusterIP !== clusterIP
  return [
    ...(isAddress
      ? []
      : [
          invalidValue(
            'spec.clusterIPs[0]',
            clusterIP,
            'must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)',
          ),
        ]),
    ...(isChanged ? [immutableField('spec.clusterIPs[0]', clusterIP)] : []),
    ...(clusterIPs[0] === clusterIP
      ? []
      : [invalidValue('spec.clusterIPs', clusterIPs, 'first value must match `clusterIP`')]),
  ]
}
