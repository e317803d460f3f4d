// docker-spec.test.ts - what the engine is asked for when a pod asks for something
import t from 'tap'
import { createBody, type EngineFacts } from '../../../agent/runtime/docker-spec.ts'
import { containerName, containerLabels, identityFromLabels } from '../../../agent/runtime/docker-identity.ts'
import { containerSpec, type SpecChange } from '../../support/container-spec.ts'

const docker: EngineFacts = {
  engine: 'docker',
  version: '20',
  os: 'linux',
  architecture: 'amd64',
  loggingDriver: 'json-file',
}
const body = (change: SpecChange, facts = docker, imageUser = '') =>
  createBody(containerSpec(change), { node: 'node-1', facts, imageUser })

void t.test('The engine neither restarts nor probes by itself, and bounds processes and logs', async (t) => {
  const { HostConfig: host, Healthcheck: check } = body({})
  t.match(host?.RestartPolicy, { Name: '' })
  t.match(check, { Test: ['NONE'] })
  t.ok((host?.PidsLimit ?? 0) > 0)
  t.match(host?.LogConfig, { Type: 'json-file', Config: { 'max-size': /m$/ } })
  t.equal(body({}, { ...docker, loggingDriver: 'journald' }).HostConfig?.LogConfig, undefined)
})

void t.test('Requests and limits become weights and bounds, without swap beyond the limit', async (t) => {
  const resources = { cpuLimitMilli: 1_500, cpuRequestMilli: 250, memoryLimitBytes: 64 << 20 }
  t.match(body({ resources }).HostConfig, {
    NanoCpus: 1_500_000_000,
    CpuShares: 256,
    Memory: 64 << 20,
    MemorySwap: 64 << 20,
  })
  t.equal(body({ resources: { cpuRequestMilli: 0 } }).HostConfig?.CpuShares, 2)
  t.notOk('Memory' in (body({}).HostConfig ?? {}))
})

void t.test('A container in a shared network asks for no names, ports or DNS of its own', async (t) => {
  const shared = body({
    network: { kind: 'shared', withId: 'abc' },
    hostname: 'web',
    ports: [{ containerPort: 80, hostPort: 8080, protocol: 'TCP' }],
    hostAliases: [['10.0.0.1', 'db']],
    dns: { servers: ['1.1.1.1'], searches: [], options: [] },
  })
  t.equal(shared.HostConfig?.NetworkMode, 'container:abc')
  for (const key of ['Hostname', 'ExposedPorts']) t.notOk(key in shared, key)
  for (const key of ['PortBindings', 'ExtraHosts', 'Dns']) t.notOk(key in (shared.HostConfig ?? {}), key)
  const podman = body({ network: { kind: 'shared', withId: 'abc' }, hostname: 'web' }, { ...docker, engine: 'podman' })
  t.equal(podman.Hostname, 'web', 'Podman does not inherit it')
})

void t.test('Ports, hosts and names of a container with its own network', async (t) => {
  const own = body({
    hostname: 'web',
    ports: [
      { containerPort: 80, hostPort: 8080, protocol: 'TCP', hostIp: '127.0.0.1' },
      { containerPort: 80, hostPort: 8081, protocol: 'TCP' },
      { containerPort: 53, hostPort: 53, protocol: 'UDP' },
    ],
    hostAliases: [['10.0.0.1', 'db']],
  })
  t.equal(own.Hostname, 'web')
  t.strictSame(own.HostConfig?.PortBindings, {
    '80/tcp': [
      { HostIp: '127.0.0.1', HostPort: '8080' },
      { HostIp: '', HostPort: '8081' },
    ],
    '53/udp': [{ HostIp: '', HostPort: '53' }],
  })
  t.strictSame(own.HostConfig?.ExtraHosts, ['db:10.0.0.1'])
})

void t.test('The security context is passed on, and a group alone keeps the user of the image', async (t) => {
  const security = {
    privileged: false,
    readOnlyRootFilesystem: true,
    addCapabilities: ['NET_ADMIN'],
    dropCapabilities: ['ALL'],
    noNewPrivileges: true,
    supplementalGroups: [1, 2],
  }
  t.match(body({ security }).HostConfig, {
    Privileged: false,
    ReadonlyRootfs: true,
    CapAdd: ['NET_ADMIN'],
    CapDrop: ['ALL'],
    SecurityOpt: ['no-new-privileges'],
    GroupAdd: ['1', '2'],
  })
  t.equal(body({ security: { runAsUser: 0 } }).User, '0')
  t.equal(body({ security: { runAsUser: 5, runAsGroup: 6 } }).User, '5:6')
  t.equal(body({ security: { runAsGroup: 6 } }, docker, 'nginx:nginx').User, 'nginx:6')
  t.equal(body({ security: { runAsGroup: 6 } }).User, '0:6')
  t.notOk('User' in body({}))
})

void t.test('Names and labels say whose container it is, and only this node reads them as its own', async (t) => {
  const { identity } = containerSpec({ identity: { attempt: 3 } })
  const labels = containerLabels('node-1', identity)
  t.strictSame(identityFromLabels('node-1', labels), identity)
  t.equal(identityFromLabels('node-2', labels), undefined)
  t.equal(identityFromLabels('node-1', { ...labels, 'holdfast.dev/role': 'king' }), undefined)
  t.equal(identityFromLabels('node-1', { ...labels, 'holdfast.dev/attempt': 'x' }), undefined)
  t.equal(identityFromLabels('node-1', null), undefined)
  t.equal(containerName(identity), 'hf_default_web_main_b3a8f5a0_3')
  t.match(containerName({ ...identity, role: 'sandbox', container: '' }), /^hf_default_web_POD_/)
})

void t.test(
  "A pod that wants the device's own processes and memory segments gets them, and no other does",
  async (t) => {
    t.match(body({ security: { hostPid: true, hostIpc: true } }).HostConfig, { PidMode: 'host', IpcMode: 'host' })
    for (const key of ['PidMode', 'IpcMode']) t.notOk(key in (body({}).HostConfig ?? {}), key)
  },
)
