// pod-validation.test.ts - each rule for pods refuses what it must, in upstream's words, and nothing else
import t from 'tap'
import { decodeObject } from '../../support/decode-object.ts'
import type { JsonObject, Pod, PodSpec } from '../../../shared/kinds/object.ts'
import { POD } from '../../../shared/kinds/pod.ts'
import { container, meta, pod } from '../../support/builders.ts'

/** From a manifest, as the API makes it. */
function podOf(spec: JsonObject): Pod {
  const { value } = decodeObject(POD, { apiVersion: 'v1', kind: 'Pod', metadata: { name: 'web' }, spec })
  const object = { ...Object(value), metadata: meta('web') }
  POD.setDefaults?.(object)
  return object
}

const causesOf = (spec: JsonObject) =>
  (POD.validate?.(podOf(spec)) ?? []).map(({ field, message }) => `${field}: ${message}`)
const app = (rest: JsonObject = {}): JsonObject => ({ containers: [{ name: 'app', image: 'x', ...rest }] })
const withVolume = (volume: JsonObject): JsonObject => ({ ...app(), volumes: [{ name: 'v', ...volume }] })
const httpGet = { port: 80 }
const affinity = (kind: string, rules: JsonObject): JsonObject => ({ ...app(), affinity: { [kind]: rules } })
const REQUIRED = 'requiredDuringSchedulingIgnoredDuringExecution'
const PREFERRED = 'preferredDuringSchedulingIgnoredDuringExecution'

t.test('A pod that uses everything is accepted', async (t) => {
  t.same(
    causesOf({
      initContainers: [
        { name: 'init', image: 'x' },
        { name: 'side', image: 'x', restartPolicy: 'Always', startupProbe: { httpGet } },
      ],
      containers: [
        {
          name: 'app',
          image: 'registry.local:5000/a/b:1',
          ports: [
            { name: 'http', containerPort: 8080, hostPort: 80 },
            { containerPort: 8080, protocol: 'UDP' },
          ],
          env: [
            { name: 'A', value: 'b' },
            { name: 'IP', valueFrom: { fieldRef: { fieldPath: 'status.podIP' } } },
            { name: 'L', valueFrom: { fieldRef: { fieldPath: "metadata.labels['a/b']" } } },
          ],
          envFrom: [{ prefix: 'P_', configMapRef: { name: 'c' } }],
          volumeMounts: [
            { name: 'data', mountPath: '/data', subPath: 'a/b' },
            { name: 'all', mountPath: '/all' },
          ],
          resources: { limits: { cpu: '1', memory: '1Gi', 'example.com/gpu': '1' }, requests: { cpu: '500m' } },
          livenessProbe: { exec: { command: ['true'] } },
          readinessProbe: { tcpSocket: { port: 'http' }, successThreshold: 3 },
          lifecycle: { preStop: { sleep: { seconds: 1 } } },
          securityContext: { runAsUser: 0, capabilities: { add: ['NET_ADMIN'] }, allowPrivilegeEscalation: false },
        },
      ],
      volumes: [
        { name: 'data', hostPath: { path: '/data', type: 'DirectoryOrCreate' } },
        {
          name: 'all',
          projected: {
            sources: [
              { configMap: { name: 'c', items: [{ key: 'a', path: 'b/c' }] } },
              { downwardAPI: { items: [{ path: 'n', fieldRef: { fieldPath: 'metadata.name' } }] } },
              { serviceAccountToken: { path: 't' } },
            ],
          },
        },
        { name: 'tmp', emptyDir: { medium: 'Memory', sizeLimit: '10Mi' } },
      ],
      nodeSelector: { 'kubernetes.io/arch': 'arm64' },
      tolerations: [{ operator: 'Exists' }, { key: 'a', value: 'b', effect: 'NoExecute', tolerationSeconds: 5 }],
      affinity: {
        nodeAffinity: {
          [REQUIRED]: { nodeSelectorTerms: [{ matchExpressions: [{ key: 'a', operator: 'Gt', values: ['1'] }] }] },
        },
        podAntiAffinity: { [REQUIRED]: [{ topologyKey: 'kubernetes.io/hostname', labelSelector: {} }] },
      },
    }),
    [],
  )
})

const REFUSED: [string, JsonObject, string | RegExp][] = [
  ['no containers', { containers: [] }, 'spec.containers: Required value'],
  ['no image', { containers: [{ name: 'app' }] }, 'spec.containers[0].image: Required value'],
  [
    'an image with a space',
    app({ image: ' x' }),
    /spec.containers\[0\].image: Invalid value: " x": must not have leading or trailing whitespace/,
  ],
  ['no name', { containers: [{ image: 'x' }] }, 'spec.containers[0].name: Required value'],
  [
    'a wrong name',
    app({ name: 'App' }),
    /^spec.containers\[0\].name: Invalid value: "App": a lowercase RFC 1123 label/,
  ],
  [
    'two of one name',
    {
      containers: [
        { name: 'a', image: 'x' },
        { name: 'a', image: 'x' },
      ],
    },
    'spec.containers[1].name: Duplicate value: "a"',
  ],
  [
    'an init container of the same name',
    { ...app(), initContainers: [{ name: 'app', image: 'x' }] },
    'spec.initContainers[0].name: Duplicate value: "app"',
  ],
  [
    'a wrong pull policy',
    app({ imagePullPolicy: 'Sometimes' }),
    'spec.containers[0].imagePullPolicy: Unsupported value: "Sometimes": supported values: "Always", "IfNotPresent", "Never"',
  ],
  [
    'a port out of range',
    app({ ports: [{ containerPort: 70_000 }] }),
    'spec.containers[0].ports[0].containerPort: Invalid value: 70000: must be between 1 and 65535, inclusive',
  ],
  [
    'a port without a number',
    app({ ports: [{ name: 'a' }] }),
    'spec.containers[0].ports[0].containerPort: Required value',
  ],
  [
    'two ports of one name',
    app({
      ports: [
        { name: 'a', containerPort: 1 },
        { name: 'a', containerPort: 2 },
      ],
    }),
    'spec.containers[0].ports[1].name: Duplicate value: "a"',
  ],
  [
    'one host port twice',
    app({
      ports: [
        { containerPort: 1, hostPort: 9 },
        { containerPort: 2, hostPort: 9 },
      ],
    }),
    /ports\[1\].hostPort: Duplicate value: "TCP\/\/9"/,
  ],
  [
    'a wrong protocol',
    app({ ports: [{ containerPort: 1, protocol: 'HTTP' }] }),
    /protocol: Unsupported value: "HTTP": supported values: "SCTP", "TCP", "UDP"/,
  ],
  [
    'another host port on the host network',
    { ...app({ ports: [{ containerPort: 1, hostPort: 2 }] }), hostNetwork: true },
    /must match `containerPort` when `hostNetwork` is true/,
  ],
  [
    'a wrong variable name',
    app({ env: [{ name: 'A=B' }] }),
    /env\[0\].name: Invalid value: "A=B": a valid environment variable name/,
  ],
  [
    'a variable with two values',
    app({ env: [{ name: 'A', value: 'b', valueFrom: { fieldRef: { fieldPath: 'metadata.name' } } }] }),
    /may not be specified when `value` is not empty/,
  ],
  ['a variable from nowhere', app({ env: [{ name: 'A', valueFrom: {} }] }), /must specify one of/],
  [
    'an unknown field path',
    app({ env: [{ name: 'A', valueFrom: { fieldRef: { fieldPath: 'spec.secret' } } }] }),
    /error converting fieldPath/,
  ],
  [
    'envFrom from nowhere',
    app({ envFrom: [{ prefix: 'A_' }] }),
    /envFrom\[0\]: Invalid value: "": must specify one of/,
  ],
  [
    'a mount of nothing',
    app({ volumeMounts: [{ name: 'gone', mountPath: '/x' }] }),
    'spec.containers[0].volumeMounts[0].name: Not found: "gone"',
  ],
  [
    'a mount without a path',
    { ...app({ volumeMounts: [{ name: 'v' }] }), volumes: [{ name: 'v' }] },
    'spec.containers[0].volumeMounts[0].mountPath: Required value',
  ],
  [
    'two mounts at one path',
    {
      ...app({
        volumeMounts: [
          { name: 'v', mountPath: '/x' },
          { name: 'v', mountPath: '/x' },
        ],
      }),
      volumes: [{ name: 'v' }],
    },
    /mountPath: Invalid value: "\/x": must be unique/,
  ],
  [
    'a mount that climbs out',
    { ...app({ volumeMounts: [{ name: 'v', mountPath: '/x', subPath: '../../etc' }] }), volumes: [{ name: 'v' }] },
    /subPath: Invalid value: "..\/..\/etc": must not contain '..'/,
  ],
  [
    'a request over its limit',
    app({ resources: { limits: { cpu: '1' }, requests: { cpu: '1500m' } } }),
    'spec.containers[0].resources.requests: Invalid value: "1500m": must be less than or equal to cpu limit of 1',
  ],
  [
    'an unknown resource',
    app({ resources: { limits: { bananas: '1' } } }),
    /must be a standard resource type or fully qualified/,
  ],
  [
    'a negative resource',
    app({ resources: { limits: { cpu: '-1' } } }),
    /limits\[cpu\]: Invalid value: "-1": must be greater than or equal to 0/,
  ],
  ['half a device', app({ resources: { limits: { 'example.com/gpu': '500m' } } }), /must be an integer/],
  [
    'a probe without a handler',
    app({ livenessProbe: { periodSeconds: 1 } }),
    'spec.containers[0].livenessProbe: Required value: must specify a handler type',
  ],
  [
    'a probe with two handlers',
    app({ livenessProbe: { httpGet, tcpSocket: { port: 80 } } }),
    /tcpSocket: Forbidden: may not specify more than 1 handler type/,
  ],
  [
    'a liveness that must succeed twice',
    app({ livenessProbe: { httpGet, successThreshold: 2 } }),
    'spec.containers[0].livenessProbe.successThreshold: Invalid value: 2: must be 1',
  ],
  [
    'a negative delay',
    app({ startupProbe: { httpGet, initialDelaySeconds: -1 } }),
    /initialDelaySeconds: Invalid value: -1/,
  ],
  [
    'a probe of port 0',
    app({ livenessProbe: { httpGet: { port: 0 } } }),
    /httpGet.port: Invalid value: 0: must be between 1 and 65535/,
  ],
  [
    'a probe of another scheme',
    app({ livenessProbe: { httpGet: { port: 80, scheme: 'FTP' } } }),
    /scheme: Unsupported value: "FTP"/,
  ],
  ['an empty command', app({ livenessProbe: { exec: {} } }), /exec.command: Required value/],
  [
    'a probe of an init container',
    { ...app(), initContainers: [{ name: 'i', image: 'x', livenessProbe: { httpGet } }] },
    /livenessProbe: Forbidden: may not be set for init containers without restartPolicy=Always/,
  ],
  [
    'privileged without escalation',
    app({ securityContext: { privileged: true, allowPrivilegeEscalation: false } }),
    /cannot set `allowPrivilegeEscalation` to false and `privileged` to true/,
  ],
  [
    'a negative user',
    app({ securityContext: { runAsUser: -1 } }),
    /runAsUser: Invalid value: -1: must be between 0 and 2147483647/,
  ],
  [
    'a negative group of the pod',
    { ...app(), securityContext: { supplementalGroups: [-1] } },
    /supplementalGroups\[0\]: Invalid value: -1/,
  ],
  [
    'two volumes of one name',
    { ...app(), volumes: [{ name: 'v' }, { name: 'v' }] },
    'spec.volumes[1].name: Duplicate value: "v"',
  ],
  [
    'a volume of two types',
    withVolume({ emptyDir: {}, hostPath: { path: '/x' } }),
    /may not specify more than 1 volume type/,
  ],
  [
    'a host path that climbs',
    withVolume({ hostPath: { path: '/data/../etc' } }),
    /hostPath.path: Invalid value: "\/data\/..\/etc": must not contain '..'/,
  ],
  [
    'a host path of no type',
    withVolume({ hostPath: { path: '/x', type: 'Pipe' } }),
    /hostPath.type: Unsupported value: "Pipe"/,
  ],
  ['a secret without a name', withVolume({ secret: {} }), 'spec.volumes[0].secret.secretName: Required value'],
  [
    'a file that climbs out',
    withVolume({ configMap: { name: 'c', items: [{ key: 'a', path: '../a' }] } }),
    /items\[0\].path: Invalid value: "..\/a": must not contain '..'/,
  ],
  [
    'a mode out of range',
    withVolume({ secret: { secretName: 's', defaultMode: 512 } }),
    /must be a number between 0 and 0777/,
  ],
  ['a negative size', withVolume({ emptyDir: { sizeLimit: '-1' } }), /sizeLimit: Invalid value/],
  [
    'a wrong restart policy',
    { ...app(), restartPolicy: 'Maybe' },
    'spec.restartPolicy: Unsupported value: "Maybe": supported values: "Always", "OnFailure", "Never"',
  ],
  ['a wrong DNS policy', { ...app(), dnsPolicy: 'Fast' }, /dnsPolicy: Unsupported value: "Fast"/],
  [
    'a negative grace',
    { ...app(), terminationGracePeriodSeconds: -1 },
    /terminationGracePeriodSeconds: Invalid value: -1/,
  ],
  ['a node name that is a path', { ...app(), nodeName: '../n' }, /spec.nodeName: Invalid value: "..\/n"/],
  ['a wrong label key', { ...app(), nodeSelector: { 'a b': 'c' } }, /spec.nodeSelector: Invalid value: "a b"/],
  [
    'a wrong operator',
    affinity('nodeAffinity', {
      [REQUIRED]: { nodeSelectorTerms: [{ matchExpressions: [{ key: 'a', operator: 'Near' }] }] },
    }),
    /operator: Invalid value: "Near": not a valid selector operator/,
  ],
  [
    'In without values',
    affinity('nodeAffinity', {
      [REQUIRED]: { nodeSelectorTerms: [{ matchExpressions: [{ key: 'a', operator: 'In' }] }] },
    }),
    /must be specified when `operator` is 'In' or 'NotIn'/,
  ],
  [
    'an affinity without terms',
    affinity('nodeAffinity', { [REQUIRED]: { nodeSelectorTerms: [] } }),
    /must have at least one node selector term/,
  ],
  [
    'a weight of 101',
    affinity('nodeAffinity', { [PREFERRED]: [{ weight: 101, preference: {} }] }),
    /weight: Invalid value: 101: must be in the range 1-100/,
  ],
  [
    'no topology',
    affinity('podAntiAffinity', { [REQUIRED]: [{ topologyKey: '' }] }),
    /topologyKey: Required value: can not be empty/,
  ],
  [
    'a toleration of nothing',
    { ...app(), tolerations: [{ effect: 'NoSchedule' }] },
    /operator must be Exists when `key` is empty/,
  ],
  [
    'seconds for the wrong effect',
    { ...app(), tolerations: [{ key: 'a', effect: 'NoSchedule', tolerationSeconds: 1 }] },
    /effect must be 'NoExecute' when `tolerationSeconds` is set/,
  ],
  [
    'an ephemeral container with ports',
    { ...app(), ephemeralContainers: [{ name: 'e', image: 'x', ports: [{ containerPort: 1 }] }] },
    /cannot be set for an Ephemeral Container/,
  ],
  [
    'an ephemeral container beside one that is not there',
    { ...app(), ephemeralContainers: [{ name: 'e', image: 'x', targetContainerName: 'nope' }] },
    /targetContainerName: Not found: "nope"/,
  ],
  [
    'a hundred and one containers',
    { containers: Array.from({ length: 101 }, (_, index) => ({ name: `c${index}`, image: 'x' })) },
    /Too many: 101/,
  ],
]

for (const [what, spec, expected] of REFUSED) {
  t.test(`A pod with ${what} is refused`, async (t) => {
    const causes = causesOf(spec)
    t.ok(
      causes.some((cause) => (typeof expected === 'string' ? cause === expected : expected.test(cause))),
      causes.join('\n') || 'accepted',
    )
    t.equal(new Set(causes).size, causes.length, 'nothing is said twice')
  })
}

const updated = (next: Partial<PodSpec>, old: Partial<PodSpec> = {}, subresource?: string) =>
  (POD.validate?.(pod('web', next), pod('web', old), subresource) ?? []).map(
    ({ field, message }) => `${field}: ${message}`,
  )

t.test('Of a pod that is there, only a few things may change', async (t) => {
  t.same(updated({ containers: [container({ image: 'new' })] }), [])
  t.same(updated({ tolerations: [{ operator: 'Exists' }] }), [])
  t.same(updated({ activeDeadlineSeconds: 5 }, { activeDeadlineSeconds: 9 }), [])
  t.match(updated({ nodeName: 'n2' }, { nodeName: 'n1' }), [/^spec: Forbidden: pod updates may not change/])
  t.match(updated({ containers: [container({ command: ['sh'] })] }), [
    /^spec: Forbidden: pod updates may not change fields other than/,
  ])
  t.match(updated({ hostNetwork: true }), [/^spec: Forbidden/])
  t.match(updated({}, { tolerations: [{ operator: 'Exists' }] }), [/existing toleration can not be modified/])
  t.match(updated({ activeDeadlineSeconds: 9 }, { activeDeadlineSeconds: 5 }), [
    /must be less than or equal to previous value/,
  ])
  t.match(
    updated({ containers: [container(), container({ name: 'b' })] })[0],
    /pod updates may not add or remove containers/,
  )
})

t.test(
  'Where a pod runs, and who debugs in it, changes through the endpoints for that and through no other',
  async (t) => {
    const debugger_ = { name: 'debugger', image: 'busybox' }
    const [bound, debugged] = [{ nodeName: 'n1' }, { ephemeralContainers: [debugger_] }]
    t.same(updated(bound, {}, 'binding'), [])
    t.match(updated(bound), [/^spec: Forbidden: pod updates may not change fields other than/])
    t.match(updated(bound, {}, 'ephemeralcontainers'), [/^spec: Forbidden/])
    t.same(updated(debugged, {}, 'ephemeralcontainers'), [])
    t.match(updated(debugged), [/^spec: Forbidden/])
    t.match(updated({}, debugged), [/^spec: Forbidden/], 'a client that does not know of them ends no session')
    t.match(updated({}, debugged, 'ephemeralcontainers'), [
      /^spec.ephemeralContainers: Forbidden: existing ephemeral containers "debugger" may not be removed/,
    ])
    t.match(updated({ ephemeralContainers: [{ ...debugger_, image: 'other' }] }, debugged, 'ephemeralcontainers'), [
      /existing ephemeral containers "debugger" may not be changed/,
    ])
  },
)
