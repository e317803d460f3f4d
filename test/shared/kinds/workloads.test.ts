// workloads.test.ts - the rules, defaults and warnings of what makes pods from a template
import t from 'tap'
import type { JsonObject, KubeObject } from '../../../shared/kinds/object.ts'
import { CRON_JOB, JOB } from '../../../shared/kinds/batch.ts'
import { CONTROLLER_REVISION } from '../../../shared/kinds/controller-revision.ts'
import { DAEMON_SET } from '../../../shared/kinds/daemon-set.ts'
import { DEPLOYMENT } from '../../../shared/kinds/deployment.ts'
import { REPLICA_SET } from '../../../shared/kinds/replica-set.ts'
import { STATEFUL_SET } from '../../../shared/kinds/stateful-set.ts'
import { POD } from '../../../shared/kinds/pod.ts'
import { apiVersionOf, type Kind } from '../../../shared/kinds/kind.ts'
import { container, meta, pod, replicaSet, stored } from '../../support/builders.ts'
import { minimalManifest } from '../../support/manifests.ts'

/** The minimal object of a kind with some of its spec laid over. */
function objectOf(kind: Kind, spec: JsonObject = {}): KubeObject {
  const manifest = minimalManifest(apiVersionOf(kind), kind.kind)
  const object = {
    ...manifest,
    apiVersion: apiVersionOf(kind),
    kind: kind.kind,
    metadata: meta('web'),
    spec: { ...Object(manifest?.['spec']), ...spec },
  }
  kind.setDefaults?.(object)
  return object
}

const causesOf = (kind: Kind, spec: JsonObject, old?: JsonObject) =>
  (kind.validate?.(objectOf(kind, spec), old && objectOf(kind, old)) ?? []).map(
    ({ field, message }) => `${field}: ${message}`,
  )

const other = { matchLabels: { app: 'other' } }
const never = {
  metadata: { labels: { app: 'web' } },
  spec: { restartPolicy: 'Never', containers: [{ name: 'a', image: 'x' }] },
}
const rolling = (rollingUpdate: JsonObject) => ({ type: 'RollingUpdate', rollingUpdate })

const REFUSED: [string, Kind, JsonObject, RegExp, JsonObject?][] = [
  [
    'a selector that misses its own pods',
    DEPLOYMENT,
    { selector: other },
    /^spec.template.metadata.labels: Invalid value: {"app":"web"}: `selector` does not match template `labels`$/,
  ],
  ['no selector', DEPLOYMENT, { selector: null }, /^spec.selector: Required value/],
  ['an empty selector', DEPLOYMENT, { selector: {} }, /empty selector is invalid for deployment/],
  [
    'a selector that changes',
    DEPLOYMENT,
    {},
    /spec.selector: Invalid value: .*: field is immutable/,
    { selector: other },
  ],
  [
    'a selector of nonsense',
    DEPLOYMENT,
    { selector: { matchExpressions: [{ key: 'app', operator: 'Like' }] } },
    /not a valid selector operator/,
  ],
  [
    'In without values',
    DEPLOYMENT,
    { selector: { matchExpressions: [{ key: 'app', operator: 'In' }] } },
    /matchExpressions\[0\].values: Required value/,
  ],
  [
    'negative replicas',
    DEPLOYMENT,
    { replicas: -1 },
    /^spec.replicas: Invalid value: -1: must be greater than or equal to 0$/,
  ],
  [
    'pods that do not restart',
    DEPLOYMENT,
    { template: never },
    /restartPolicy: Unsupported value: "Never": supported values: "Always"$/,
  ],
  [
    'wrong labels in the template',
    DEPLOYMENT,
    { template: { ...never, metadata: { labels: { app: 'a b' } } } },
    /spec.template.metadata.labels: Invalid value: "a b"/,
  ],
  [
    'a strategy of both zero',
    DEPLOYMENT,
    { strategy: rolling({ maxSurge: 0, maxUnavailable: '0%' }) },
    /maxUnavailable: Invalid value: "0%": may not be 0 when `maxSurge` is 0/,
  ],
  [
    'a strategy of no percentage',
    DEPLOYMENT,
    { strategy: rolling({ maxSurge: 'half' }) },
    /maxSurge: Invalid value: "half": a valid percent string/,
  ],
  [
    'more than everything unavailable',
    DEPLOYMENT,
    { strategy: rolling({ maxUnavailable: '101%' }) },
    /must not be greater than 100%/,
  ],
  [
    'Recreate with a rolling update',
    DEPLOYMENT,
    { strategy: { type: 'Recreate', rollingUpdate: { maxSurge: 1 } } },
    /rollingUpdate: Forbidden: may not be specified when strategy `type` is 'Recreate'/,
  ],
  [
    'an unknown strategy',
    DEPLOYMENT,
    { strategy: { type: 'Magic' } },
    /spec.strategy.type: Unsupported value: "Magic"/,
  ],
  [
    'a deadline before it is ready',
    DEPLOYMENT,
    { progressDeadlineSeconds: 5, minReadySeconds: 9 },
    /must be greater than minReadySeconds/,
  ],
  ['negative replicas', REPLICA_SET, { replicas: -1 }, /spec.replicas/],
  [
    'a surge and unavailability',
    DAEMON_SET,
    { updateStrategy: rolling({ maxSurge: 1, maxUnavailable: 1 }) },
    /may not be set when maxUnavailable is non-zero/,
  ],
  ['an empty selector', DAEMON_SET, { selector: {} }, /empty selector is invalid for daemonset/],
  [
    'neither',
    DAEMON_SET,
    { updateStrategy: rolling({ maxSurge: 0, maxUnavailable: 0 }) },
    /cannot be 0 when maxSurge is 0/,
  ],
  [
    'a changed service name',
    STATEFUL_SET,
    { serviceName: 'b' },
    /updates to statefulset spec for fields other than/,
    { serviceName: 'a' },
  ],
  ['an unknown order', STATEFUL_SET, { podManagementPolicy: 'Any' }, /podManagementPolicy: Unsupported value/],
  [
    'a negative partition',
    STATEFUL_SET,
    { updateStrategy: rolling({ partition: -1 }) },
    /partition: Invalid value: -1/,
  ],
  [
    'pods that always restart',
    JOB,
    { template: { ...never, spec: { ...never.spec, restartPolicy: 'Always' } } },
    /restartPolicy: Unsupported value: "Always": supported values: "OnFailure", "Never"/,
  ],
  [
    'a changed template',
    JOB,
    { template: { ...never, spec: { ...never.spec, nodeName: 'n' } } },
    /spec.template: Invalid value: .*field is immutable/,
    {},
  ],
  [
    'Indexed without an end',
    JOB,
    { completionMode: 'Indexed', parallelism: 1 },
    /spec.completions: Required value: when completion mode is Indexed/,
  ],
  ['no schedule', CRON_JOB, { schedule: '' }, /spec.schedule: Required value/],
  ['a schedule of four fields', CRON_JOB, { schedule: '* * * *' }, /expected exactly 5 fields, found 4/],
  ['a time zone in the schedule', CRON_JOB, { schedule: 'TZ=UTC * * * * *' }, /cannot use TZ or CRON_TZ/],
]

for (const [what, kind, spec, expected, old] of REFUSED) {
  t.test(`A ${kind.kind} with ${what} is refused`, async (t) => {
    const causes = causesOf(kind, spec, old)
    t.ok(
      causes.some((cause) => expected.test(cause)),
      causes.join('\n') || 'accepted',
    )
  })
}

t.test('The name of a CronJob leaves room for the names of its jobs', async (t) => {
  const object = objectOf(CRON_JOB)
  t.match(CRON_JOB.validate?.({ ...object, metadata: meta('a'.repeat(53)) }), [{ field: 'metadata.name' }])
})

t.test('What a revision holds never changes', async (t) => {
  const revision = (data: JsonObject, number = 1) => ({
    apiVersion: 'apps/v1',
    kind: 'ControllerRevision',
    metadata: meta('r'),
    data,
    revision: number,
  })
  t.same(CONTROLLER_REVISION.validate?.(revision({ a: 1 }, 2), revision({ a: 1 })), [])
  t.match(CONTROLLER_REVISION.validate?.(revision({ a: 2 }), revision({ a: 1 })), [{ field: 'data' }])
})

t.test('A job finds its own pods by its uid, and keeps doing so', async (t) => {
  const job = objectOf(JOB)
  t.match(job.spec, {
    selector: { matchLabels: { 'batch.kubernetes.io/controller-uid': job.metadata.uid } },
    completions: 1,
    backoffLimit: 6,
  })
  const next = { ...objectOf(JOB), spec: Object(minimalManifest('batch/v1', 'Job')?.['spec']) }
  JOB.carryOver?.(next, job)
  JOB.setDefaults?.(next)
  t.same(JOB.validate?.(next, job), [])
})

const warningsOf = (spec: Parameters<typeof pod>[1]) => POD.warnings?.(pod('web', spec)) ?? []

t.test('What a pod asks for and does not get is named', async (t) => {
  t.same(warningsOf({}), [])
  t.same(
    warningsOf({
      priorityClassName: 'high',
      hostPID: true,
      hostIPC: false,
      readinessGates: [],
      runtimeClassName: 'gvisor',
    }),
    [
      'spec.priorityClassName is accepted, but Holdfast does not act on it yet',
      'spec.runtimeClassName is accepted, but Holdfast does not act on it yet',
    ],
  )
  const fields = (spec: Parameters<typeof pod>[1]) => warningsOf(spec).map((text) => text.split(' ')[0])
  t.same(fields({ runtimeClassName: 'process', securityContext: { runAsUser: 1 } }), [])
  t.same(fields({ securityContext: { fsGroup: 1, sysctls: [{ name: 'a', value: 'b' }] } }), [
    'spec.securityContext.sysctls',
  ])
  t.same(
    fields({
      volumes: [
        { name: 'a', nfs: { path: '/', server: 's' } },
        { name: 'b', emptyDir: {} },
      ],
    }),
    ['spec.volumes[0].nfs'],
  )
  t.same(
    fields({
      containers: [container({ securityContext: { seccompProfile: { type: 'Unconfined' }, privileged: true } })],
    }),
    ['spec.containers[0].securityContext.seccompProfile'],
  )
  t.same(
    fields({ containers: [container({ terminationMessagePath: '/tmp/why', livenessProbe: { grpc: { port: 1 } } })] }),
    ['spec.containers[0].livenessProbe.grpc'],
  )
  t.same(fields({ activeDeadlineSeconds: 60, hostPID: true, hostIPC: true }), [])
  const sleeps = { sleep: { seconds: 1 } }
  t.same(fields({ containers: [container({ lifecycle: { postStart: sleeps, preStop: sleeps } })] }), [])
  const required = [{ topologyKey: 'kubernetes.io/hostname' }]
  t.same(fields({ affinity: { podAntiAffinity: { requiredDuringSchedulingIgnoredDuringExecution: required } } }), [])
})

const fieldsOf = (spec: Parameters<typeof pod>[1]) => warningsOf(spec).map((text) => text.split(' ')[0])

t.test(
  'Of the newer and rarer fields, too, each that does nothing is named, and none that only says the default',
  async (t) => {
    const preStop = { sleep: { seconds: 1 } }
    const mount = { name: 'v', mountPath: '/v' }
    const lazy = container({
      lifecycle: { preStop, ...{ stopSignal: 'SIGINT' } },
      ports: [
        { containerPort: 1, hostPort: 1, protocol: 'SCTP' },
        { containerPort: 2, hostPort: 2 },
        { containerPort: 3 },
      ],
      resources: { limits: { 'ephemeral-storage': '1Gi', 'hugepages-2Mi': '2Mi', memory: '1Gi' } },
      volumeMounts: [{ ...mount, mountPropagation: 'Bidirectional', ...{ recursiveReadOnly: 'Enabled' } }],
    })
    const strict = { runAsUser: 1, supplementalGroupsPolicy: 'Strict', seLinuxChangePolicy: 'Recursive' }
    t.same(
      fieldsOf({ automountServiceAccountToken: true, hostUsers: false, securityContext: strict, containers: [lazy] }),
      [
        'spec.automountServiceAccountToken',
        'spec.hostUsers',
        'spec.securityContext.seLinuxChangePolicy',
        'spec.securityContext.supplementalGroupsPolicy',
        'spec.containers[0].lifecycle.stopSignal',
        'spec.containers[0].volumeMounts[0].mountPropagation',
        'spec.containers[0].volumeMounts[0].recursiveReadOnly',
        'spec.containers[0].ports[0].hostPort',
        'spec.containers[0].resources.limits[ephemeral-storage]',
        'spec.containers[0].resources.limits[hugepages-2Mi]',
      ],
    )
    const plain = container({
      terminationMessagePath: '/dev/termination-log',
      terminationMessagePolicy: 'File',
      ports: [{ containerPort: 1, hostPort: 1, protocol: 'SCTP' }],
      volumeMounts: [{ ...mount, mountPropagation: 'None', ...{ recursiveReadOnly: 'Disabled' } }],
    })
    const merge = { runAsUser: 1, supplementalGroupsPolicy: 'Merge' }
    t.same(
      fieldsOf({
        automountServiceAccountToken: false,
        hostUsers: true,
        hostNetwork: true,
        schedulerName: 'default-scheduler',
        securityContext: merge,
        containers: [plain],
      }),
      [],
    )
  },
)

t.test('A limit of an emptyDir is named where the device does not keep it', async (t) => {
  const mounting = (name: string) => container({ name, volumeMounts: [{ name: 'v', mountPath: '/v' }] })
  const withVolume = (emptyDir: object, ...users: string[]) => ({
    volumes: [{ name: 'v', emptyDir }],
    containers: users.map(mounting),
  })
  const limit = ['spec.volumes[0].emptyDir.sizeLimit']
  t.same(fieldsOf(withVolume({ medium: 'Memory', sizeLimit: '1Mi' }, 'a')), [])
  t.same(fieldsOf(withVolume({ medium: 'Memory', sizeLimit: '1Mi' }, 'a', 'b')), limit)
  t.same(fieldsOf({ ...withVolume({ medium: 'Memory', sizeLimit: '1Mi' }, 'a'), runtimeClassName: 'process' }), limit)
  t.same(fieldsOf(withVolume({ sizeLimit: '1Mi' }, 'a')), limit)
  t.same(fieldsOf(withVolume({ medium: 'HugePages' }, 'a')), ['spec.volumes[0].emptyDir.medium'])
})

t.test('What a projected volume cannot bring is named before the device has to say so', async (t) => {
  const sources = [
    { configMap: { name: 'a' } },
    { serviceAccountToken: { path: 'token' } },
    { downwardAPI: { items: [] } },
  ]
  t.same(fieldsOf({ volumes: [{ name: 'v', projected: { sources } }] }), [
    'spec.volumes[0].projected.sources[1].serviceAccountToken',
  ])
})

t.test('A container for debugging is talked about when it comes, and only then', async (t) => {
  const debug = (name: string) => ({
    ...container({ name, securityContext: { seccompProfile: { type: 'RuntimeDefault' } } }),
    targetContainerName: 'main',
  })
  const first = pod('web', { ephemeralContainers: [debug('one')] })
  const second = pod('web', { ephemeralContainers: [debug('one'), debug('two')] })
  const at = (index: number) => `spec.ephemeralContainers[${index}]`
  const said = (texts: readonly string[] = []) => texts.map((text) => text.split(' ')[0])
  t.same(said(POD.warnings?.(first, pod('web'))), [`${at(0)}.securityContext.seccompProfile`])
  t.same(said(POD.warnings?.(second, first)), [`${at(1)}.securityContext.seccompProfile`])
  t.same(said(POD.warnings?.(second, second)), [])
})

t.test('Templates warn as pods do, once, and not again below their Deployment', async (t) => {
  const subdomain = { template: { ...never, spec: { ...never.spec, subdomain: 'x' } } }
  const deployment = objectOf(DEPLOYMENT, subdomain)
  t.same(DEPLOYMENT.warnings?.(deployment), [
    'spec.template.spec.subdomain is accepted, but Holdfast does not act on it yet',
  ])
  t.same(DEPLOYMENT.warnings?.(deployment, deployment), [])
  const set = stored(replicaSet('web', { template: { spec: { subdomain: 'x', containers: [container()] } } }))
  t.equal(REPLICA_SET.warnings?.(set).length, 1)
  const owned = {
    ...set,
    metadata: {
      ...set.metadata,
      ownerReferences: [{ apiVersion: 'apps/v1', kind: 'Deployment', name: 'web', uid: 'u' }],
    },
  }
  t.same(REPLICA_SET.warnings?.(owned), [])
})
