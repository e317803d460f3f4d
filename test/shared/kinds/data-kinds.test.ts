// data-kinds.test.ts - the rules of ConfigMaps, Secrets, Services and the other kinds that hold data
import t from 'tap'
import { HORIZONTAL_POD_AUTOSCALER } from '../../../shared/kinds/autoscaling.ts'
import { CONFIG_MAP, DATA_BYTES_MAX } from '../../../shared/kinds/config-map.ts'
import { LIMIT_RANGE, REPLICATION_CONTROLLER } from '../../../shared/kinds/core-stored.ts'
import { ENDPOINT_SLICE } from '../../../shared/kinds/endpoints.ts'
import { EVENT } from '../../../shared/kinds/event.ts'
import { apiVersionOf, type Kind } from '../../../shared/kinds/kind.ts'
import { LEASE } from '../../../shared/kinds/lease.ts'
import { NAMESPACE } from '../../../shared/kinds/namespace.ts'
import { INGRESS, NETWORK_POLICY } from '../../../shared/kinds/networking.ts'
import { NODE } from '../../../shared/kinds/node.ts'
import type { JsonObject, KubeObject } from '../../../shared/kinds/object.ts'
import { POD_DISRUPTION_BUDGET } from '../../../shared/kinds/policy.ts'
import { CLUSTER_ROLE_BINDING, ROLE, ROLE_BINDING } from '../../../shared/kinds/rbac.ts'
import { PRIORITY_CLASS } from '../../../shared/kinds/scheduling.ts'
import { SECRET } from '../../../shared/kinds/secret.ts'
import { SERVICE } from '../../../shared/kinds/service.ts'
import { PERSISTENT_VOLUME_CLAIM, STORAGE_CLASS } from '../../../shared/kinds/storage.ts'
import { meta } from '../../support/builders.ts'
import { minimalManifest } from '../../support/manifests.ts'

/** The minimal object of a kind with other fields laid over; `spec` is laid over field by field. */
function objectOf(kind: Kind, { spec, metadata, ...rest }: JsonObject = {}): KubeObject {
  const manifest = Object(minimalManifest(apiVersionOf(kind), kind.kind))
  const object = {
    ...manifest,
    ...rest,
    metadata: { ...meta('web'), ...Object(metadata) },
    ...(manifest.spec || spec ? { spec: { ...manifest.spec, ...Object(spec) } } : {}),
  }
  kind.setDefaults?.(object)
  return object
}

const causesOf = (kind: Kind, next: JsonObject, old?: JsonObject) =>
  (kind.validate?.(objectOf(kind, next), old && objectOf(kind, old)) ?? []).map(
    ({ field, message }) => `${field}: ${message}`,
  )

const base64 = (text: string) => Buffer.from(text).toString('base64')
const web = { port: 80 }

const REFUSED: [string, Kind, JsonObject, RegExp, JsonObject?][] = [
  [
    'a key that is a path',
    CONFIG_MAP,
    { data: { 'a/b': 'x' } },
    /^data\[a\/b\]: Invalid value: "a\/b": a valid config key/,
  ],
  [
    'one key twice',
    CONFIG_MAP,
    { data: { a: 'x' }, binaryData: { a: 'eA==' } },
    /duplicate of key present in binaryData/,
  ],
  ['binary data that is none', CONFIG_MAP, { binaryData: { a: 'x!' } }, /illegal base64 data/],
  [
    'more than a megabyte',
    CONFIG_MAP,
    { data: { a: 'x'.repeat(DATA_BYTES_MAX + 1) } },
    /Too long: may not be more than 1048576 bytes/,
  ],
  [
    'a change of what is immutable',
    CONFIG_MAP,
    { data: { a: 'y' }, immutable: true },
    /^data: Forbidden: field is immutable when `immutable` is set/,
    { data: { a: 'x' }, immutable: true },
  ],
  ['a thaw', CONFIG_MAP, { data: { a: 'x' } }, /^immutable: Forbidden/, { data: { a: 'x' }, immutable: true }],
  [
    'data that is no base64',
    SECRET,
    { data: { a: 'not base64' } },
    /^data\[a\]: Invalid value: "<value omitted>": illegal base64 data/,
  ],
  ['data of half a group', SECRET, { data: { a: 'abc' } }, /illegal base64 data/],
  ['another type', SECRET, { type: 'b' }, /^type: Invalid value: "b": field is immutable/, { type: 'a' }],
  ['no key for TLS', SECRET, { type: 'kubernetes.io/tls' }, /^data\[tls.crt\]: Required value/],
  [
    'registry credentials that are no JSON',
    SECRET,
    { type: 'kubernetes.io/dockerconfigjson', data: { '.dockerconfigjson': base64('{') } },
    /<secret contents redacted>/,
  ],
  [
    'neither user nor password',
    SECRET,
    { type: 'kubernetes.io/basic-auth', stringData: {} },
    /^data\[username\]: Required value/,
  ],
  [
    'a token of nobody',
    SECRET,
    { type: 'kubernetes.io/service-account-token' },
    /annotations\[kubernetes.io\/service-account.name\]: Required value/,
  ],
  ['no ports', SERVICE, { spec: { ports: [] } }, /^spec.ports: Required value/],
  ['nameless ports', SERVICE, { spec: { ports: [web, { port: 81 }] } }, /^spec.ports\[0\].name: Required value/],
  [
    'one port twice',
    SERVICE,
    {
      spec: {
        ports: [
          { ...web, name: 'a' },
          { ...web, name: 'b' },
        ],
      },
    },
    /^spec.ports\[1\]: Duplicate value/,
  ],
  ['a port out of range', SERVICE, { spec: { ports: [{ port: 0 }] } }, /^spec.ports\[0\].port: Invalid value: 0/],
  [
    'a node port out of range',
    SERVICE,
    { spec: { type: 'NodePort', ports: [{ port: 80, nodePort: 80 }] } },
    /valid ports is 30000-32767/,
  ],
  [
    'a node port without its type',
    SERVICE,
    { spec: { ports: [{ port: 80, nodePort: 30_080 }] } },
    /nodePort: Forbidden/,
  ],
  ['an unknown type', SERVICE, { spec: { type: 'Magic' } }, /^spec.type: Unsupported value: "Magic"/],
  ['a name for nobody', SERVICE, { spec: { type: 'ExternalName' } }, /^spec.externalName: Required value/],
  [
    'another address',
    SERVICE,
    { spec: { clusterIP: '10.96.9.9' } },
    /^spec.clusterIPs\[0\]: Invalid value: "10.96.9.9": field is immutable/,
    { spec: { clusterIP: '10.96.9.8' } },
  ],
  ['an address that is none', SERVICE, { spec: { clusterIP: 'here' } }, /must be a valid IP address/],
  [
    'a name that starts with a digit',
    SERVICE,
    { metadata: { name: '1web' } },
    /^metadata.name: Invalid value: "1web": a DNS-1035 label/,
  ],
  ['no duration', LEASE, { spec: { leaseDurationSeconds: 0 } }, /must be greater than 0/],
  [
    'a place where it does not belong',
    EVENT,
    { involvedObject: { namespace: 'other' } },
    /does not match event.namespace/,
  ],
  ['an unknown type', EVENT, { type: 'Alarm' }, /^type: Unsupported value/],
  [
    'an unknown effect',
    NODE,
    { spec: { taints: [{ key: 'a', effect: 'Burn' }] } },
    /effect: Unsupported value: "Burn"/,
  ],
  [
    'one taint twice',
    NODE,
    {
      spec: {
        taints: [
          { key: 'a', effect: 'NoSchedule' },
          { key: 'a', effect: 'NoSchedule' },
        ],
      },
    },
    /Duplicate value/,
  ],
  ['a name with a dot', NAMESPACE, { metadata: { name: 'a.b' } }, /a lowercase RFC 1123 label/],
  [
    'both bounds',
    POD_DISRUPTION_BUDGET,
    { spec: { maxUnavailable: 1 } },
    /minAvailable and maxUnavailable cannot be both set/,
  ],
  [
    'a maximum below its minimum',
    HORIZONTAL_POD_AUTOSCALER,
    { spec: { minReplicas: 4 } },
    /must be greater than or equal to `minReplicas`/,
  ],
  [
    'no maximum',
    HORIZONTAL_POD_AUTOSCALER,
    { spec: { maxReplicas: 0 } },
    /spec.maxReplicas: Invalid value: 0: must be greater than 0/,
  ],
  ['no access mode', PERSISTENT_VOLUME_CLAIM, { spec: { accessModes: [] } }, /at least 1 access mode is required/],
  [
    'another access mode',
    PERSISTENT_VOLUME_CLAIM,
    { spec: { accessModes: ['ReadWriteMany'] } },
    /^spec: Forbidden/,
    {},
  ],
  ['an unknown policy', STORAGE_CLASS, { reclaimPolicy: 'Burn' }, /reclaimPolicy: Unsupported value/],
  ['too much of it', PRIORITY_CLASS, { value: 2_000_000_000 }, /maximum allowed value/],
  ['another value', PRIORITY_CLASS, { value: 2 }, /may not be changed in an update/, { value: 1 }],
  [
    'no verbs',
    ROLE,
    { rules: [{ apiGroups: [''], resources: ['pods'], verbs: [] }] },
    /verbs must contain at least one value/,
  ],
  [
    'another role',
    ROLE_BINDING,
    { roleRef: { kind: 'Role', name: 'b' } },
    /cannot change roleRef/,
    { roleRef: { kind: 'Role', name: 'a' } },
  ],
  [
    'a role of one namespace',
    CLUSTER_ROLE_BINDING,
    { roleRef: { kind: 'Role', name: 'a' } },
    /roleRef.kind: Unsupported value: "Role"/,
  ],
  [
    'neither rules nor a backend',
    INGRESS,
    { spec: { defaultBackend: null } },
    /either `defaultBackend` or `rules` must be specified/,
  ],
  [
    'an unknown direction',
    NETWORK_POLICY,
    { spec: { policyTypes: ['Sideways'] } },
    /policyTypes\[0\]: Unsupported value/,
  ],
  ['an unknown type', LIMIT_RANGE, { spec: { limits: [{ type: 'Ship' }] } }, /type: Unsupported value/],
  [
    'a selector that misses',
    REPLICATION_CONTROLLER,
    { spec: { selector: { app: 'x' } } },
    /`selector` does not match template `labels`/,
  ],
  ['no addresses', ENDPOINT_SLICE, { endpoints: [{ addresses: [] }] }, /must contain at least 1 address/],
]

for (const [what, kind, next, expected, old] of REFUSED) {
  t.test(`A ${kind.kind} with ${what} is refused`, async (t) => {
    const causes = causesOf(kind, next, old)
    t.ok(
      causes.some((cause) => expected.test(cause)),
      causes.join('\n') || 'accepted',
    )
  })
}

t.test('A type of Secret that has the name of something in the language is only a name', async (t) => {
  t.same(causesOf(SECRET, { type: 'constructor' }), [])
})

t.test('What a Secret is given as text is kept as base64', async (t) => {
  const secret = objectOf(SECRET, { data: { a: base64('1') }, stringData: { a: '2', b: 'ä' } })
  t.same(
    [Reflect.get(secret, 'data'), Reflect.get(secret, 'stringData')],
    [{ a: base64('2'), b: base64('ä') }, undefined],
  )
})

t.test('A Service gets its address by its name, and keeps what it has', async (t) => {
  const spec = (object: KubeObject) => Object(object.spec)
  const first = objectOf(SERVICE, { spec: { type: 'NodePort' } })
  t.match(spec(first).clusterIP, /^10\.(9[6-9]|1[01]\d)\.\d+\.\d+$/)
  t.equal(spec(objectOf(SERVICE)).clusterIP, spec(first).clusterIP)
  t.match(spec(first), {
    sessionAffinity: 'None',
    internalTrafficPolicy: 'Cluster',
    externalTrafficPolicy: 'Cluster',
    ports: [{ protocol: 'TCP', targetPort: 8080 }],
  })
  const next = { ...first, spec: { type: 'NodePort', ports: [{ port: 80 }] } }
  const kept = {
    ...first,
    spec: {
      ...spec(first),
      clusterIP: '10.96.1.1',
      clusterIPs: ['10.96.1.1'],
      ports: [{ port: 80, nodePort: 31_000 }],
    },
  }
  SERVICE.carryOver?.(next, kept)
  t.match(next.spec, { clusterIP: '10.96.1.1', ports: [{ nodePort: 31_000 }] })
  t.equal(spec(objectOf(SERVICE, { spec: { type: 'ExternalName', externalName: 'a.b' } })).clusterIP, undefined)
  t.equal(spec(objectOf(SERVICE, { spec: { clusterIP: 'None' } })).clusterIP, 'None')
})

t.test('A Namespace that is going does not get its finalizer back', async (t) => {
  const going = objectOf(NAMESPACE, { metadata: { deletionTimestamp: '2026-11-20T12:00:00Z' }, spec: {} })
  t.same(going.spec, {})
  t.match(objectOf(NAMESPACE), {
    spec: { finalizers: ['kubernetes'] },
    metadata: { labels: { 'kubernetes.io/metadata.name': 'web' } },
  })
})

t.test('Metadata is checked for every kind', async (t) => {
  const refused: [JsonObject, RegExp][] = [
    [{ labels: { 'a b': 'c' } }, /^metadata.labels: Invalid value: "a b"/],
    [{ labels: { a: '-' } }, /^metadata.labels: Invalid value: "-"/],
    [{ annotations: { 'a b': '' } }, /^metadata.annotations: Invalid value: "a b"/],
    [{ annotations: { a: 'x'.repeat(300_000) } }, /Too long: may not be more than 262144 bytes/],
    [{ finalizers: ['mine'] }, /neither a standard finalizer name nor is it fully qualified/],
    [
      { ownerReferences: [{ apiVersion: 'v1', kind: 'Pod', name: 'a', uid: '' }] },
      /ownerReferences\[0\].uid: .*must not be empty/,
    ],
    [
      {
        ownerReferences: ['a', 'b'].map((name) => ({
          apiVersion: 'v1',
          kind: 'Pod',
          name,
          uid: name,
          controller: true,
        })),
      },
      /Only one reference can have Controller set to true/,
    ],
    [{ finalizers: Array.from({ length: 101 }, (_, index) => `a/${index}`) }, /Too many: 101/],
    [{ namespace: 'A' }, /^metadata.namespace: Invalid value/],
    [{ name: '' }, /^metadata.name: Required value: name or generateName is required/],
    [{ name: '', generateName: 'A-' }, /^metadata.generateName: Invalid value/],
  ]
  for (const [metadata, expected] of refused) {
    const causes = causesOf(CONFIG_MAP, { metadata })
    t.ok(
      causes.some((cause) => expected.test(cause)),
      causes.join('\n') || `${String(expected)} was accepted`,
    )
  }
  t.same(
    causesOf(CONFIG_MAP, {
      metadata: { finalizers: ['example.com/mine', 'orphan'], annotations: { 'Example.com/A': 'b' } },
    }),
    [],
  )
})
