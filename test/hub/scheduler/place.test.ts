// place.test.ts - where pods go and why not, as a table of fleets and pods
import t from 'tap'
import { explain } from '../../../hub/scheduler/explain.ts'
import { place, whyNot } from '../../../hub/scheduler/place.ts'
import { withDaemonTolerations } from '../../../hub/controllers/default-tolerations.ts'
import { boundTo } from '../../../hub/scheduler/bind.ts'
import { createSnapshot, type LiveSnapshot } from '../../../hub/scheduler/snapshot.ts'
import type { Node, Pod, PodSpec } from '../../../shared/kinds/object.ts'
import { AFTER } from '../../../shared/succession.ts'
import { container, meta, node, pod, requesting, withLabels } from '../../support/builders.ts'

const fleet = (nodes: readonly Node[], pods: readonly Pod[] = []): LiveSnapshot => {
  const snapshot = createSnapshot((namespace) => ({ 'kubernetes.io/metadata.name': namespace }))
  for (const each of nodes) snapshot.setNode(each)
  for (const each of pods) snapshot.setPod(each)
  return snapshot
}

/** The name of the node, or the sentence that kubectl shows. */
const answer = (snapshot: LiveSnapshot, spec: Partial<PodSpec> = {}, labels: Record<string, string> = {}) => {
  const placement = place(withLabels(pod('new', spec), labels), snapshot)
  return placement.kind === 'node' ? placement.nodeName : explain(placement)
}

const on = (name: string, nodeName: string, spec: Partial<PodSpec> = {}, labels: Record<string, string> = {}) =>
  withLabels(pod(name, { ...spec, nodeName }), labels)
const zone = (name: string) => ({ labels: { 'topology.kubernetes.io/zone': name } })
const affinity = (nodeAffinity: object) => ({ affinity: { nodeAffinity } })
const required = (...nodeSelectorTerms: object[]) =>
  affinity({ requiredDuringSchedulingIgnoredDuringExecution: { nodeSelectorTerms } })
const hostPort = (port: number, rest: object = {}) => ({
  containers: [container({ ports: [{ containerPort: 80, hostPort: port, ...rest }] })],
})

t.test('A fleet that cannot take a pod says why in the words of Kubernetes', async (t) => {
  t.equal(answer(fleet([])), 'no nodes available to schedule pods')
  const mixed = fleet([
    node('a', { allocatable: { cpu: '500m' } }),
    node('b', { spec: { taints: [{ key: 'role', value: 'db', effect: 'NoSchedule' }] } }),
    node('c', { spec: { taints: [{ key: 'role', value: 'db', effect: 'NoExecute' }] } }),
    node('d', { spec: { unschedulable: true } }),
    node('e', { allocatable: { cpu: '1', memory: '1Mi', pods: '0' } }),
  ])
  t.equal(
    answer(mixed, requesting({ cpu: '2', memory: '1Gi' })),
    '0/5 nodes are available: 1 Insufficient memory, 1 Too many pods, 1 node(s) were unschedulable, 2 Insufficient cpu, 2 node(s) had untolerated taint {role: db}.',
  )
})

t.test('Resources: what bound pods asked for is taken, what ended is free, extended ones count too', async (t) => {
  const big = on('big', 'a', requesting({ cpu: '3', memory: '1Gi', 'example.com/gpu': '1' }))
  const snapshot = fleet([node('a', { allocatable: { 'example.com/gpu': '1' } })], [big])
  t.equal(answer(snapshot, requesting({ cpu: '1' })), 'a')
  t.match(answer(snapshot, requesting({ cpu: '1001m' })), /1 Insufficient cpu/)
  t.match(answer(snapshot, requesting({ 'example.com/gpu': '1' })), /Insufficient example.com\/gpu/)
  t.match(answer(snapshot, requesting({ 'ephemeral-storage': '30Gi' })), /Insufficient ephemeral-storage/)
  snapshot.setPod({
    ...big,
    metadata: { ...big.metadata, resourceVersion: '999999999' },
    status: { phase: 'Succeeded' },
  })
  t.equal(answer(snapshot, requesting({ cpu: '4', 'example.com/gpu': '1' })), 'a')
})

t.test('Init containers ask for their largest, sidecars for their sum', async (t) => {
  const asks = (cpu: string, rest: object = {}) => container({ ...rest, resources: { requests: { cpu } } })
  const spec = {
    initContainers: [asks('1', { restartPolicy: 'Always' }), asks('3')],
    containers: [asks('1'), asks('1')],
  }
  t.match(answer(fleet([node('a', { allocatable: { cpu: '3900m' } })]), spec), /Insufficient cpu/)
  t.equal(answer(fleet([node('a', { allocatable: { cpu: '4' } })]), spec), 'a')
})

t.test('Selectors and affinity: every operator', async (t) => {
  const snapshot = fleet([
    node('arm', { labels: { arch: 'arm64', cores: '4' } }),
    node('x86', { labels: { arch: 'amd64', cores: '16', ssd: '' } }),
  ])
  const by = (key: string, operator: string, ...values: string[]) =>
    answer(snapshot, required({ matchExpressions: [{ key, operator, ...(values.length > 0 && { values }) }] }))
  t.equal(answer(snapshot, { nodeSelector: { arch: 'arm64' } }), 'arm')
  t.equal(by('arch', 'In', 'arm64', 'riscv'), 'arm')
  t.equal(by('arch', 'NotIn', 'arm64'), 'x86')
  t.equal(by('ssd', 'Exists'), 'x86')
  t.equal(by('ssd', 'DoesNotExist'), 'arm')
  t.equal(by('cores', 'Gt', '8'), 'x86')
  t.equal(by('cores', 'Lt', '8'), 'arm')
  t.equal(
    answer(snapshot, required({ matchFields: [{ key: 'metadata.name', operator: 'In', values: ['x86'] }] })),
    'x86',
  )
  t.equal(
    answer(
      snapshot,
      required(
        { matchExpressions: [{ key: 'no', operator: 'Exists' }] },
        { matchExpressions: [{ key: 'ssd', operator: 'Exists' }] },
      ),
    ),
    'x86',
    'one term is enough',
  )
  t.equal(
    answer(snapshot, { nodeSelector: { arch: 'riscv' } }),
    "0/2 nodes are available: 2 node(s) didn't match Pod's node affinity/selector.",
  )
  const prefers = { preference: { matchExpressions: [{ key: 'ssd', operator: 'Exists' }] }, weight: 50 }
  t.equal(answer(snapshot, affinity({ preferredDuringSchedulingIgnoredDuringExecution: [prefers] })), 'x86')
})

t.test('Taints: what is tolerated is no obstacle, and a soft one is only avoided', async (t) => {
  const taint = (effect: string) => ({ spec: { taints: [{ key: 'k', value: 'v', effect }] } })
  const snapshot = fleet([node('a', taint('NoSchedule'))])
  t.match(answer(snapshot), /untolerated taint \{k: v\}/)
  t.equal(answer(snapshot, { tolerations: [{ key: 'k', operator: 'Equal', value: 'v', effect: 'NoSchedule' }] }), 'a')
  t.equal(answer(snapshot, { tolerations: [{ operator: 'Exists' }] }), 'a')
  t.match(answer(snapshot, { tolerations: [{ key: 'k', value: 'other' }] }), /untolerated/)
  t.equal(answer(fleet([node('soft', taint('PreferNoSchedule')), node('clean')])), 'clean')
  t.equal(answer(fleet([node('soft', taint('PreferNoSchedule'))])), 'soft')
})

t.test(
  'A device that runs out of memory takes those that say what they need; one without disk takes nobody',
  async (t) => {
    const pressed = (what: string) =>
      fleet([node('a', { spec: { taints: [{ key: `node.kubernetes.io/${what}-pressure`, effect: 'NoSchedule' }] } })])
    t.equal(
      answer(pressed('memory')),
      '0/1 nodes are available: 1 node(s) had untolerated taint {node.kubernetes.io/memory-pressure: }.',
    )
    t.equal(answer(pressed('memory'), requesting({ memory: '10Mi' })), 'a')
    t.equal(
      answer(pressed('disk'), requesting({ memory: '10Mi' })),
      '0/1 nodes are available: 1 node(s) had untolerated taint {node.kubernetes.io/disk-pressure: }.',
    )
    t.match(answer(pressed('pid')), /pid-pressure/)
    t.equal(answer(pressed('disk'), withDaemonTolerations(pod('log').spec)), 'a', 'a DaemonSet is everywhere')
  },
)

t.test('A node that is not ready takes nothing new, also before it is tainted', async (t) => {
  t.match(answer(fleet([node('a', { ready: 'False' })])), /untolerated taint \{node.kubernetes.io\/not-ready: \}/)
  t.match(answer(fleet([node('a', { ready: 'Unknown' })])), /untolerated taint \{node.kubernetes.io\/unreachable: \}/)
})

t.test('Pods go where their runtime is', async (t) => {
  const both = fleet([
    node('docker'),
    node('plain', { labels: { 'holdfast.dev/runtime-docker': 'false', 'holdfast.dev/runtime-process': 'true' } }),
  ])
  t.equal(answer(both), 'docker')
  t.equal(answer(both, { runtimeClassName: 'process' }), 'plain')
  t.match(
    answer(fleet([node('docker')]), { runtimeClassName: 'process' }),
    /1 node\(s\) didn't offer the runtime process/,
  )
})

t.test('A node whose engine does not answer gets no containers, and still gets processes', async (t) => {
  const silent = node('a', {
    labels: { 'holdfast.dev/runtime-docker': 'true', 'holdfast.dev/runtime-process': 'true' },
    conditions: [{ type: 'holdfast.dev/runtime-docker', status: 'False' }],
  })
  t.match(answer(fleet([silent])), /1 node\(s\) had a runtime docker that does not answer/)
  t.equal(answer(fleet([silent]), { runtimeClassName: 'process' }), 'a')
})

t.test('Host ports: the same port twice only with other protocols or addresses', async (t) => {
  const taken = fleet([node('a')], [on('first', 'a', hostPort(8080, { hostIP: '10.0.0.1' }))])
  t.match(answer(taken, hostPort(8080)), /1 node\(s\) didn't have free ports for the requested pod ports/)
  t.equal(answer(taken, hostPort(8080, { protocol: 'UDP' })), 'a')
  t.equal(answer(taken, hostPort(8080, { hostIP: '10.0.0.2' })), 'a')
  t.equal(answer(taken, hostPort(8081)), 'a')
})

t.test('Pod affinity and anti-affinity, towards others and from others', async (t) => {
  const term = (app: string, topologyKey = 'topology.kubernetes.io/zone') => ({
    topologyKey,
    labelSelector: { matchLabels: { app } },
  })
  const near = (app: string) => ({
    affinity: { podAffinity: { requiredDuringSchedulingIgnoredDuringExecution: [term(app)] } },
  })
  const far = (app: string) => ({
    affinity: { podAntiAffinity: { requiredDuringSchedulingIgnoredDuringExecution: [term(app)] } },
  })
  const nodes = [node('a', zone('east')), node('b', zone('west'))]
  const withDb = fleet(nodes, [on('db', 'a', {}, { app: 'db' })])
  t.equal(answer(withDb, near('db')), 'a')
  t.equal(answer(withDb, far('db')), 'b')
  t.equal(answer(fleet(nodes), near('db')), "0/2 nodes are available: 2 node(s) didn't match pod affinity rules.")
  t.match(answer(fleet(nodes), near('self'), { app: 'self' }), /^[ab]$/, 'the first of a group may start anywhere')
  t.equal(answer(fleet(nodes, [on('shy', 'a', far('loud'), { app: 'shy' })]), {}, { app: 'loud' }), 'b')
  const everywhere = ['a', 'b'].map((name) => on(`db-${name}`, name, {}, { app: 'db' }))
  t.match(answer(fleet(nodes, everywhere), far('db')), /2 node\(s\) didn't match pod anti-affinity rules/)
  const elsewhere = { ...on('db', 'a', {}, { app: 'db' }) }
  const other = { ...elsewhere, metadata: { ...elsewhere.metadata, namespace: 'other' } }
  t.match(answer(fleet(nodes, [other]), near('db')), /didn't match pod affinity/, 'another namespace is not meant')
  const prefer = {
    affinity: {
      podAntiAffinity: {
        preferredDuringSchedulingIgnoredDuringExecution: [{ weight: 100, podAffinityTerm: term('db') }],
      },
    },
  }
  t.equal(answer(withDb, prefer), 'b')
})

t.test('Topology spread that forbids', async (t) => {
  const spread = (whenUnsatisfiable: string) => ({
    topologySpreadConstraints: [
      {
        maxSkew: 1,
        topologyKey: 'topology.kubernetes.io/zone',
        whenUnsatisfiable,
        labelSelector: { matchLabels: { app: 'web' } },
      },
    ],
  })
  const nodes = [node('a', zone('east')), node('b', { ...zone('west'), spec: { unschedulable: true } })]
  const one = [on('web-1', 'a', {}, { app: 'web' })]
  t.equal(
    answer(fleet(nodes, one), spread('DoNotSchedule'), { app: 'web' }),
    "0/2 nodes are available: 1 node(s) didn't match pod topology spread constraints, 1 node(s) were unschedulable.",
  )
  t.equal(answer(fleet(nodes, one), spread('ScheduleAnyway'), { app: 'web' }), 'a')
  t.match(answer(fleet([node('none')]), spread('DoNotSchedule')), /missing required label/)
})

t.test(
  'Among nodes that fit: emptier ones, other sites for the same controller, nodes that have the image',
  async (t) => {
    const busy = on('busy', 'a', requesting({ cpu: '3', memory: '3Gi' }))
    t.equal(answer(fleet([node('a'), node('b')], [busy])), 'b')
    const owned = (name: string, nodeName?: string): Pod => ({
      ...pod(name, nodeName ? { nodeName } : {}),
      metadata: meta(name, {
        ownerReferences: [{ apiVersion: 'apps/v1', kind: 'ReplicaSet', name: 'web', uid: 'web', controller: true }],
      }),
    })
    const sites = fleet([node('a1', zone('a')), node('a2', zone('a')), node('b1', zone('b'))], [owned('one', 'a1')])
    t.same(place(owned('two'), sites), { kind: 'node', nodeName: 'b1' })
    const cached = node('b')
    const images = [{ names: ['my-image:1'], sizeBytes: 900e6 }]
    const snapshot = fleet([node('a'), { ...cached, status: { ...cached.status, images } }])
    t.equal(answer(snapshot, { containers: [container({ image: 'my-image:1' })] }), 'b')
  },
)

t.test('Equal nodes get pods by a hash: the same in every order, and evenly', async (t) => {
  const names = Array.from({ length: 10 }, (_, index) => `node-${index}`)
  const counts = new Map<string, number>()
  for (let index = 0; index < 200; index++) {
    const given = pod(`p-${index}`)
    const forwards = place(given, fleet(names.map((name) => node(name))))
    const backwards = place(given, fleet(names.toReversed().map((name) => node(name))))
    if (JSON.stringify(forwards) !== JSON.stringify(backwards)) t.fail(`${given.metadata.name} depends on the order`)
    const name = forwards.kind === 'node' ? forwards.nodeName : ''
    counts.set(name, (counts.get(name) ?? 0) + 1)
  }
  t.ok(
    [...counts.values()].every((count) => count > 5 && count < 40),
    JSON.stringify([...counts]),
  )
})

t.test('A pod that names its node is judged on that node alone', async (t) => {
  const snapshot = fleet([node('a'), node('b', { allocatable: { cpu: '1' } })])
  const pinned = {
    ...required({ matchFields: [{ key: 'metadata.name', operator: 'In', values: ['b'] }] }),
    ...requesting({ cpu: '2' }),
  }
  t.equal(
    answer(snapshot, pinned),
    "0/2 nodes are available: 1 Insufficient cpu, 1 node(s) didn't match Pod's node affinity/selector.",
  )
  t.same(whyNot(pod('x', requesting({ cpu: '2' })), 'b', snapshot), ['Insufficient cpu'])
  t.equal(whyNot(pod('x'), 'a', snapshot), undefined)
})

t.test('What the watch tells late does not undo what the scheduler knows already', async (t) => {
  const waiting = pod('late', requesting({ cpu: '4' }))
  const bound = boundTo({ ...waiting, metadata: { ...waiting.metadata, resourceVersion: '900000' } }, 'a')
  const snapshot = fleet([node('a')], [bound])
  snapshot.setPod(waiting)
  t.match(answer(snapshot, requesting({ cpu: '1' })), /Insufficient cpu/)
  snapshot.removePod(bound)
  t.equal(answer(snapshot, requesting({ cpu: '1' })), 'a')
})

t.test('Sums stay exact when pods come and go, also on nodes that are not there', async (t) => {
  const snapshot = fleet([node('a')])
  const pods = Array.from({ length: 40 }, (_, index) =>
    on(`p-${index}`, index % 2 ? 'a' : 'ghost', requesting({ cpu: '200m', memory: '64Mi' })),
  )
  for (const each of pods) snapshot.setPod(each)
  t.equal(snapshot.node('a')?.used.get('cpu'), 4_000)
  t.equal(snapshot.node('ghost'), undefined)
  snapshot.setNode(node('ghost'))
  t.equal(snapshot.node('ghost')?.used.get('cpu'), 4_000, 'a node that comes back has its pods')
  for (const each of pods) snapshot.removePod(each)
  t.equal(snapshot.node('a')?.used.get('cpu'), 0)
  t.equal(snapshot.node('a')?.pods.size, 0)
})

t.test(
  'A pod that starts when others have ended takes their room, their ports and their place, and nobody else does',
  async (t) => {
    const apart = (image: string) => ({
      containers: [
        container({ image, ports: [{ containerPort: 80, hostPort: 80 }], resources: { requests: { cpu: '3' } } }),
      ],
      affinity: {
        podAntiAffinity: {
          requiredDuringSchedulingIgnoredDuringExecution: [
            { topologyKey: 'kubernetes.io/hostname', labelSelector: { matchLabels: { app: 'web' } } },
          ],
        },
      },
    })
    const old = on('old', 'a', apart('my-image:1'), { app: 'web' })
    const snapshot = fleet([node('a', { allocatable: { pods: '1' } })], [old])
    const next = withLabels(pod('new', apart('my-image:2')), { app: 'web' })
    t.equal(place(next, snapshot).kind, 'none')
    const metadata = { ...next.metadata, annotations: { [AFTER]: old.metadata.uid } }
    t.same(place({ ...next, metadata }, snapshot), { kind: 'node', nodeName: 'a' })
    t.equal(whyNot({ ...next, metadata }, 'a', snapshot), undefined)
    t.equal(place(next, snapshot).kind, 'none', 'the fleet itself is as it was')
    t.same(whyNot({ ...pod('big', requesting({ cpu: '5' })), metadata }, 'a', snapshot), ['Insufficient cpu'])
  },
)
