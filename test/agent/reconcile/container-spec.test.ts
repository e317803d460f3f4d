// container-spec.test.ts - a pod's words become what the runtime is asked for, with upstream's errors when they cannot
import t from 'tap'
import { configSource } from '../../../agent/reconcile/config-source.ts'
import { containerSpec, sandboxSpec } from '../../../agent/reconcile/container-spec.ts'
import { environmentOf } from '../../../agent/reconcile/env.ts'
import { expand } from '../../../agent/reconcile/expand.ts'
import { containersOf } from '../../../agent/reconcile/pod-shape.ts'
import { credentialsFor } from '../../../agent/reconcile/pull-secrets.ts'
import { pullPolicyOf } from '../../../agent/reconcile/images.ts'
import { qosClassOf } from '../../../agent/reconcile/qos-class.ts'
import { specHashOf } from '../../../agent/reconcile/spec-hash.ts'
import type { Container, EnvVar, Pod, PodSpec } from '../../../shared/kinds/object.ts'
import type { NetworkChoice } from '../../../agent/runtime/runtime.ts'
import { container, pod } from '../../support/builders.ts'

const base64 = (text: string) => Buffer.from(text).toString('base64')
const config = configSource({
  configMaps: {
    'default/paint': { data: { colour: 'green', 'bad=name': 'x' }, binaryData: { raw: base64('bytes') } },
  },
  secrets: {
    'default/login': { data: { user: base64('ann') } },
    'default/registry': {
      data: {
        '.dockerconfigjson': base64(
          JSON.stringify({
            auths: {
              'https://index.docker.io/v1/': { auth: base64('hub:pa:ss') },
              'registry.local:5000': { username: 'u', password: 'p' },
              'registry.local:5000/team': { username: 'team', password: 't' },
              '*.example.com': { username: 'any', password: 'a' },
            },
          }),
        ),
      },
    },
    'default/broken': { data: { '.dockerconfigjson': base64('{') } },
  },
})
const node = { name: 'node-1', hostIp: '192.0.2.7', cpus: 4, memoryBytes: 8 * 1024 ** 3, diskBytes: 1e10 }

const withEnv = (rest: Partial<Container>, podSpec: Partial<PodSpec> = {}): Pod => {
  const made = pod('web', { containers: [container(rest)], ...podSpec })
  return {
    ...made,
    metadata: { ...made.metadata, uid: 'uid-1', labels: { app: 'web' }, annotations: { note: 'a "b"' } },
  }
}
const first = (given: Pod) => containersOf(given)[0]!
const env = (given: Pod) =>
  Object.fromEntries(environmentOf(first(given), { pod: given, config, node, podIp: '10.0.0.9' }))
const spec = (given: Pod, network: NetworkChoice = { kind: 'own' }, user = '') =>
  containerSpec({
    messageFolder: '/pods/messages',
    pod: given,
    config,
    node,
    podIp: '10.0.0.9',
    container: first(given),
    attempt: 0,
    specHash: 'h',
    network,
    mounts: [],
    image: { id: 'sha256:1', user },
  })
const from = (valueFrom: EnvVar['valueFrom'], rest: Partial<Container> = {}) =>
  env(withEnv({ ...rest, env: [{ name: 'X', valueFrom }] }))['X']

t.test('References in values expand as upstream expands them', async (t) => {
  const known: Record<string, string> = { A: 'a', EMPTY: '' }
  const rows: [string, string][] = [
    ['$(A)', 'a'],
    ['x$(A)y$(A)', 'xaya'],
    ['$(EMPTY)', ''],
    ['$(MISSING)', '$(MISSING)'],
    ['$$(A)', '$(A)'],
    ['$$$(A)', '$a'],
    ['$A ${A}', '$A ${A}'],
    ['$(A', '$(A'],
    ['100%$', '100%$'],
  ]
  for (const [text, result] of rows)
    t.equal(
      expand(text, (name) => known[name]),
      result,
      text,
    )
})

t.test('The environment comes from everywhere that Kubernetes knows', async (t) => {
  const fields: [string, string][] = [
    ['metadata.name', 'web'],
    ['metadata.namespace', 'default'],
    ['metadata.uid', 'uid-1'],
    ["metadata.labels['app']", 'web'],
    ["metadata.annotations['note']", 'a "b"'],
    ["metadata.labels['none']", ''],
    ['spec.nodeName', 'node-1'],
    ['spec.serviceAccountName', 'default'],
    ['status.hostIP', '192.0.2.7'],
    ['status.podIP', '10.0.0.9'],
  ]
  for (const [fieldPath, value] of fields) t.equal(from({ fieldRef: { fieldPath } }), value, fieldPath)
  const resources = { limits: { cpu: '1500m', memory: '64Mi' }, requests: { cpu: '250m' } }
  const sizes: [string, string | undefined, string][] = [
    ['limits.cpu', undefined, '2'],
    ['limits.cpu', '1m', '1500'],
    ['requests.cpu', '1m', '250'],
    ['limits.memory', undefined, String(64 * 1024 ** 2)],
    ['limits.memory', '1Mi', '64'],
    ['requests.memory', undefined, '0'],
  ]
  for (const [resource, divisor, value] of sizes)
    t.equal(
      from({ resourceFieldRef: { resource, ...(divisor && { divisor }) } }, { resources }),
      value,
      `${resource} by ${divisor}`,
    )
  t.equal(from({ resourceFieldRef: { resource: 'limits.cpu' } }), '4', 'without a limit: the node')
  t.equal(from({ configMapKeyRef: { name: 'paint', key: 'colour' } }), 'green')
  t.equal(from({ configMapKeyRef: { name: 'paint', key: 'raw' } }), 'bytes')
  t.equal(from({ secretKeyRef: { name: 'login', key: 'user' } }), 'ann')
})

t.test('envFrom comes first with its prefix, env overrides, and later ones can name earlier ones', async (t) => {
  const given = withEnv({
    envFrom: [{ prefix: 'P_', configMapRef: { name: 'paint' } }, { secretRef: { name: 'login' } }],
    env: [
      { name: 'user', value: 'bob' },
      { name: 'BOTH', value: '$(P_colour) $(user) $(LATER)' },
      { name: 'LATER', value: 'x' },
      { name: 'NONE' },
    ],
  })
  t.same(env(given), {
    P_colour: 'green',
    P_raw: 'bytes',
    user: 'bob',
    BOTH: 'green bob $(LATER)',
    LATER: 'x',
    NONE: '',
  })
})

t.test('What is missing is named as upstream names it; what is optional may be missing', async (t) => {
  const rows: [EnvVar['valueFrom'], string][] = [
    [{ configMapKeyRef: { name: 'none', key: 'a' } }, 'configmap "none" not found'],
    [{ configMapKeyRef: { name: 'paint', key: 'none' } }, "couldn't find key none in ConfigMap default/paint"],
    [{ secretKeyRef: { name: 'none', key: 'a' } }, 'secret "none" not found'],
    [{ secretKeyRef: { name: 'login', key: 'none' } }, "couldn't find key none in Secret default/login"],
    [{ configMapKeyRef: { name: '../default', key: 'none' } }, 'configmap "../default" not found'],
  ]
  for (const [ref, message] of rows)
    t.throws(() => from(ref), { name: 'StartError', reason: 'CreateContainerConfigError', message })
  t.equal(from({ configMapKeyRef: { name: 'none', key: 'a', optional: true } }), undefined)
  t.equal(from({ secretKeyRef: { name: 'login', key: 'none', optional: true } }), undefined)
  t.same(env(withEnv({ envFrom: [{ configMapRef: { name: 'none', optional: true } }] })), {})
  t.throws(() => env(withEnv({ envFrom: [{ secretRef: { name: 'none' } }] })), { message: 'secret "none" not found' })
})

t.test('Command, ports, names, resources and rights are handed on', async (t) => {
  const given = withEnv(
    {
      command: ['sh', '-c', 'echo $(WHO)'],
      args: ['$(WHO)'],
      env: [{ name: 'WHO', value: 'me' }],
      ports: [{ containerPort: 80 }, { containerPort: 53, hostPort: 5353, protocol: 'UDP', hostIP: '127.0.0.1' }],
      resources: { limits: { cpu: '500m', memory: '1Gi' } },
      securityContext: { runAsUser: 7, allowPrivilegeEscalation: false, capabilities: { drop: ['ALL'] } },
    },
    {
      securityContext: { runAsUser: 1, runAsGroup: 2, fsGroup: 3 },
      hostAliases: [{ ip: '10.1.1.1', hostnames: ['a', 'b'] }],
      dnsConfig: { nameservers: ['9.9.9.9'], options: [{ name: 'ndots', value: '2' }] },
    },
  )
  t.match(spec(given), {
    command: ['sh', '-c', 'echo me'],
    args: ['me'],
    hostname: 'web',
    ports: [{ containerPort: 53, hostPort: 5353, hostIp: '127.0.0.1', protocol: 'UDP' }],
    hostAliases: [
      ['10.1.1.1', 'a'],
      ['10.1.1.1', 'b'],
    ],
    dns: { servers: ['9.9.9.9'], searches: [], options: ['ndots:2'] },
    resources: { cpuLimitMilli: 500, cpuRequestMilli: 500, memoryLimitBytes: 1024 ** 3 },
    security: {
      runAsUser: 7,
      runAsGroup: 2,
      supplementalGroups: [3],
      noNewPrivileges: true,
      dropCapabilities: ['ALL'],
    },
  })
  t.equal(spec(given).ports.length, 1, 'a containerPort alone is not published')
  const shared = spec(given, { kind: 'shared', withId: 'box' })
  t.same([shared.ports, shared.hostname, shared.hostAliases], [[], undefined, []], 'those are the sandbox’s')
  t.match(sandboxSpec(given, 0), {
    hostname: 'web',
    ports: [{ hostPort: 5353 }],
    identity: { role: 'sandbox', container: '' },
  })
})

t.test('A container that must not be root is refused when it would be', async (t) => {
  const given = withEnv({}, { securityContext: { runAsNonRoot: true } })
  t.throws(() => spec(given, { kind: 'own' }, ''), {
    reason: 'CreateContainerConfigError',
    message: /runAsNonRoot and image will run as root/,
  })
  t.throws(() => spec(given, { kind: 'own' }, '0:0'))
  t.doesNotThrow(() => spec(given, { kind: 'own' }, '1000'))
  t.throws(() => spec(withEnv({ securityContext: { runAsNonRoot: true, runAsUser: 0 } })), {
    message: /breaks non-root policy/,
  })
})

t.test('Only what a container is made from changes its hash', async (t) => {
  const hash = (rest: Partial<Container>) => specHashOf(withEnv(rest), first(withEnv(rest)))
  const plain = hash({})
  t.equal(hash({ livenessProbe: { periodSeconds: 3 } }), plain)
  t.equal(hash({ imagePullPolicy: 'Never' }), plain)
  t.equal(hash({ args: [], tty: false }), plain)
  t.not(hash({ image: 'other' }), plain)
  t.not(hash({ env: [{ name: 'A', value: 'b' }] }), plain)
  t.not(hash({ securityContext: { runAsUser: 0 } }), plain)
})

t.test('Credentials are found by registry, the closest path first', async (t) => {
  const users = (image: string, ...names: string[]) =>
    credentialsFor(image, pod('web', { imagePullSecrets: names.map((name) => ({ name })) }), config).map(
      ({ username }) => username,
    )
  t.same(users('nginx', 'registry'), ['hub'])
  t.same(users('docker.io/library/nginx:1', 'registry'), ['hub'])
  t.same(users('registry.local:5000/team/web:1', 'registry'), ['team', 'u'])
  t.same(users('registry.local:5000/teammate/web', 'registry'), ['u'])
  t.same(users('registry.local/web', 'registry'), [])
  t.same(users('eu.example.com/web@sha256:00', 'registry'), ['any'])
  t.same(users('a.b.example.com/web', 'registry'), [])
  t.same(users('nginx', 'broken', 'missing'), [])
  const hub = credentialsFor('nginx', pod('web', { imagePullSecrets: [{ name: 'registry' }] }), config)[0]
  t.equal(hub?.password, 'pa:ss')
})

t.test('Without a word about it, moving tags are asked for and fixed ones are not', async (t) => {
  const rows = {
    nginx: 'Always',
    'nginx:latest': 'Always',
    'host:5000/nginx': 'Always',
    'nginx:1': 'IfNotPresent',
    'nginx@sha256:0': 'IfNotPresent',
  }
  for (const [image, policy] of Object.entries(rows)) t.equal(pullPolicyOf(image, undefined), policy, image)
  t.equal(pullPolicyOf('nginx', 'Never'), 'Never')
})

t.test('The class of service is read from the resources', async (t) => {
  const of = (resources: Container['resources']) => qosClassOf(withEnv(resources ? { resources } : {}))
  t.equal(of(undefined), 'BestEffort')
  t.equal(of({ requests: { cpu: '1' } }), 'Burstable')
  t.equal(of({ limits: { cpu: '1', memory: '1Gi' } }), 'Guaranteed')
  t.equal(of({ limits: { cpu: '1', memory: '1Gi' }, requests: { cpu: '1000m', memory: '1024Mi' } }), 'Guaranteed')
  t.equal(of({ limits: { cpu: '1', memory: '1Gi' }, requests: { cpu: '500m' } }), 'Burstable')
})
