// reviews.test.ts - checks the questions that clients ask: may I, who am I, whose token, how much is used
import t from 'tap'
import { createSubresources } from '../../../../hub/api/subresources/create-subresources.ts'
import { createPodUsage } from '../../../../hub/api/subresources/pod-usage.ts'
import type { CallResult, CallStream } from '../../../../shared/protocol/calls.ts'
import { systemClock } from '../../../../shared/clock.ts'
import { createManualClock } from '../../../support/manual-clock.ts'
import { startedPod, startStreamHub } from '../../../support/stream-hub.ts'
import { startTestHub } from '../../../support/test-hub.ts'

const AUTHORIZATION = '/apis/authorization.k8s.io/v1'
const AUTHENTICATION = '/apis/authentication.k8s.io/v1'
const review = (group: string, kind: string, spec: object) => ({ body: { apiVersion: `${group}/v1`, kind, spec } })

t.test('"May I?" is answered for who asks, and with 201', async (t) => {
  const { hub } = await startStreamHub(t)
  const mayI = (verb: string, resource: string, token?: string) =>
    hub.ask('POST', `${AUTHORIZATION}/selfsubjectaccessreviews`, {
      ...review('authorization.k8s.io', 'SelfSubjectAccessReview', { resourceAttributes: { verb, resource } }),
      ...(token && { token }),
    })
  t.match(await mayI('delete', 'pods'), {
    code: 201,
    json: { kind: 'SelfSubjectAccessReview', status: { allowed: true } },
  })
  t.match(await mayI('delete', 'pods', hub.tokens.viewer), { code: 201, json: { status: { allowed: false } } })
  t.match(await mayI('list', 'pods', hub.tokens.viewer), { json: { status: { allowed: true } } })
  const path = review('authorization.k8s.io', 'SelfSubjectAccessReview', {
    nonResourceAttributes: { verb: 'get', path: '/metrics' },
  })
  t.match(await hub.ask('POST', `${AUTHORIZATION}/selfsubjectaccessreviews`, path), {
    json: { status: { allowed: true } },
  })
  const empty = review('authorization.k8s.io', 'SelfSubjectAccessReview', {})
  t.match(await hub.ask('POST', `${AUTHORIZATION}/selfsubjectaccessreviews`, empty), { code: 400 })
})

t.test('"May they?" is answered to administrators only', async (t) => {
  const { hub } = await startStreamHub(t)
  const asked = review('authorization.k8s.io', 'SubjectAccessReview', {
    user: 'viewer',
    groups: ['holdfast:viewers'],
    resourceAttributes: { verb: 'get', resource: 'secrets', namespace: 'default' },
  })
  const path = `${AUTHORIZATION}/subjectaccessreviews`
  t.match(await hub.ask('POST', path, asked), { code: 201, json: { status: { allowed: false } } })
  t.match(await hub.ask('POST', path, { ...asked, token: hub.tokens.viewer }), { code: 403 })
})

t.test('"Who am I?" and "whose token is this?"', async (t) => {
  const { hub } = await startStreamHub(t)
  const whoami = {
    body: { apiVersion: 'authentication.k8s.io/v1', kind: 'SelfSubjectReview' },
    token: hub.tokens.viewer,
  }
  t.match(await hub.ask('POST', `${AUTHENTICATION}/selfsubjectreviews`, whoami), {
    code: 201,
    json: { status: { userInfo: { username: 'viewer', groups: ['holdfast:viewers', 'system:authenticated'] } } },
  })
  const whose = (token: string) =>
    hub.ask('POST', `${AUTHENTICATION}/tokenreviews`, review('authentication.k8s.io', 'TokenReview', { token }))
  t.match(await whose(hub.tokens.viewer), {
    code: 201,
    json: { status: { authenticated: true, user: { username: 'viewer' } } },
  })
  t.match(await whose('wrong'), { code: 201, json: { status: { authenticated: false } } })
})

t.test('A service account gets a token that works, for as long as it was asked for', async (t) => {
  const { hub } = await startStreamHub(t)
  const accounts = '/api/v1/namespaces/default/serviceaccounts'
  await hub.ask('POST', accounts, { body: { apiVersion: 'v1', kind: 'ServiceAccount', metadata: { name: 'robot' } } })
  const request = (spec: object, name = 'robot') =>
    hub.ask('POST', `${accounts}/${name}/token`, {
      body: { apiVersion: 'authentication.k8s.io/v1', kind: 'TokenRequest', spec },
    })
  const made = await request({ expirationSeconds: 3600 })
  t.match(made, {
    code: 201,
    json: { kind: 'TokenRequest', spec: { expirationSeconds: 3600 }, status: { expirationTimestamp: /Z$/ } },
  })
  const token: string = made.json.status.token
  t.match(await hub.ask('GET', '/api/v1/pods', { token }), {
    code: 403,
    json: {
      message:
        'pods is forbidden: User "system:serviceaccount:default:robot" cannot list resource "pods" in API group "" at the cluster scope',
    },
  })
  t.match(await hub.ask('GET', '/api', { token }), { code: 200 })
  t.match(await request({ expirationSeconds: 60 }), {
    code: 422,
    json: { message: /may not specify a duration less than 10 minutes/ },
  })
  t.match(await request({}, 'nobody'), { code: 404 })
  t.match(await request({ boundObjectRef: { kind: 'Pod', name: 'none' } }), { code: 404 })
})

t.test('Nodes show what they measured, with its own time; pods are measured on demand', async (t) => {
  const atWallMs = Date.UTC(2026, 10, 20, 12)
  const usage = { cpuMilli: 250, memoryBytes: 1024 * 1024, atWallMs, windowMs: 10_000 }
  const { hub, runPod } = await startStreamHub(t, {
    nodeUsage: { latest: (node) => (node === 'node-1' ? usage : undefined) },
  })
  const { pod } = await runPod('web')
  const METRICS = '/apis/metrics.k8s.io/v1beta1'
  t.match(await hub.ask('GET', `${METRICS}/nodes`), {
    code: 200,
    json: {
      kind: 'NodeMetricsList',
      items: [
        {
          metadata: { name: 'node-1' },
          timestamp: '2026-11-20T12:00:00Z',
          window: '10.000s',
          usage: { cpu: '250000000n', memory: '1024Ki' },
        },
      ],
    },
  })
  t.match(await hub.ask('GET', `${METRICS}/nodes/other`), { code: 404 })
  const one = await hub.ask('GET', `${METRICS}/namespaces/default/pods/${pod.metadata.name}`)
  t.match(one, { code: 200, json: { kind: 'PodMetrics', containers: [{ name: 'main', usage: { memory: '1024Ki' } }] } })
  t.match(await hub.ask('GET', `${METRICS}/pods?labelSelector=app%3Dother`), { json: { items: [] } })
})

t.test('A node is asked once in ten seconds, and one that does not answer is left out', async (t) => {
  const clock = createManualClock()
  const asked: string[] = []
  const containers = [{ podUid: 'p', container: 'c', cpuNanoCores: 1, memoryBytes: 2, ageMs: 1_000, windowMs: 5_000 }]
  const answer: CallResult = { outcome: 'done', exitCode: 0, body: { containers } }
  const stream: CallStream = { ended: Promise.resolve(answer), onFrame() {}, close() {}, send: () => Promise.resolve() }
  const open = (node: string, _request: unknown, signal: AbortSignal) => {
    asked.push(node)
    if (node === 'quick') return Promise.resolve(stream)
    return new Promise<CallStream>((_resolve, reject) =>
      signal.addEventListener('abort', () => reject(new Error('late'))),
    )
  }
  const podUsage = createPodUsage({ calls: { open }, clock })
  const first = podUsage.of(['quick', 'stuck', 'quick'])
  await clock.advance(6_000)
  t.same([...(await first).keys()], ['p'])
  t.equal((await first).get('p')?.[0]?.measuredAtWallMs, clock.wallMs() - 7_000)
  await podUsage.of(['quick', 'stuck'])
  t.same(asked.toSorted(), ['quick', 'stuck'])
  await clock.advance(10_000)
  await podUsage.of(['quick'])
  t.same(asked.toSorted(), ['quick', 'quick', 'stuck'])
})

t.test(
  'Numbers that make no sense leave out their own pod only, and a device speaks for no pod of another',
  async (t) => {
    const uids = new Map<string, string>()
    const measured = { container: 'main', cpuNanoCores: 1e6, memoryBytes: 2048, ageMs: 1_000, windowMs: 5_000 }
    const numbers = (pod: string, change = {}) => ({ ...measured, podUid: uids.get(pod), ...change })
    const lies = [{ ageMs: 1e300 }, { windowMs: -1 }, { cpuNanoCores: 1e300 }, { memoryBytes: 1e300 }, { container: 7 }]
    const saidBy = (node: string) =>
      node === 'node-2'
        ? [numbers('other'), numbers('good', { memoryBytes: 0 })]
        : [
            numbers('good'),
            'nonsense',
            ...lies.flatMap((lie, index) => [numbers(`bad-${index}`), numbers(`bad-${index}`, lie)]),
          ]
    const open = (node: string): Promise<CallStream> => {
      const ended: Promise<CallResult> = Promise.resolve({
        outcome: 'done',
        exitCode: 0,
        body: { containers: saidBy(node) },
      })
      return Promise.resolve({ ended, onFrame() {}, close() {}, send: () => Promise.resolve() })
    }
    const hub = await startTestHub({
      extensions: ({ registry, ...parts }) => [
        createSubresources({
          ...parts,
          ...{
            kinds: () => registry.all(),
            calls: { open },
            nodeUsage: { latest: () => undefined },
            clock: systemClock,
          },
        }),
      ],
    })
    t.teardown(() => hub.stop())
    for (const name of ['good', 'other', ...lies.map((_, index) => `bad-${index}`)]) {
      const nodeName = name === 'other' ? 'node-2' : 'node-1'
      uids.set(name, startedPod(hub.objects, name, { nodeName }).metadata.uid)
    }
    const { json } = await hub.ask('GET', '/apis/metrics.k8s.io/v1beta1/pods')
    const containers = [{ name: 'main', usage: { cpu: '1000000n', memory: '2Ki' } }]
    t.match(json.items, [
      { metadata: { name: 'good' }, containers },
      { metadata: { name: 'other' }, containers },
    ])
    t.equal(json.items.length, 2)
  },
)
