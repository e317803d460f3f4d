// pods.test.ts - checks logs, eviction, binding and what cannot be proxied, through the whole hub
import t from 'tap'
import type { Pod } from '../../../../shared/kinds/object.ts'
import { POD } from '../../../../shared/kinds/pod.ts'
import { POD_DISRUPTION_BUDGET } from '../../../../shared/kinds/policy.ts'
import { REPLICA_SET } from '../../../../shared/kinds/replica-set.ts'
import { eventually } from '../../../support/eventually.ts'
import { startStreamHub } from '../../../support/stream-hub.ts'
import type { TestHub } from '../../../support/test-hub.ts'

const PODS = '/api/v1/namespaces/default/pods'
const eviction = (name: string, rest: object = {}) => ({
  body: { apiVersion: 'policy/v1', kind: 'Eviction', metadata: { name, namespace: 'default' }, ...rest },
})

t.test('Logs come as plain text; tail, timestamps and limits are the user’s', async (t) => {
  const { hub, runtime, runPod } = await startStreamHub(t)
  const { containerId } = await runPod('web')
  for (const line of ['one', 'two', 'three']) runtime.write(containerId, 'stdout', line)
  const all = await hub.ask('GET', `${PODS}/web/log`)
  t.equal(all.text, 'one\ntwo\nthree\n')
  t.match(all.headers['content-type'], 'text/plain')
  t.equal((await hub.ask('GET', `${PODS}/web/log?tailLines=1`)).text, 'three\n')
  t.equal((await hub.ask('GET', `${PODS}/web/log?limitBytes=5`)).text, 'one\nt')
  t.match((await hub.ask('GET', `${PODS}/web/log?timestamps=True&tailLines=1`)).text, /^\d{4}-\d\d-\d\dT.*Z three\n$/)
  t.equal((await hub.ask('GET', `${PODS}/web/log?sinceTime=2100-01-01T00:00:00Z`)).text, '')
  t.equal((await hub.ask('GET', `${PODS}/web/log`, { token: hub.tokens.viewer })).text, 'one\ntwo\nthree\n')
})

t.test('Following shows each line as it comes, until the container ends or the user goes', async (t) => {
  const { hub, rig, runtime, runPod } = await startStreamHub(t)
  const { containerId } = await runPod('web')
  const response = await hub.open('GET', `${PODS}/web/log?follow=true`)
  t.equal(response.statusCode, 200, 'the answer begins before the first line')
  let text = ''
  response.on('data', (data) => (text += String(data)))
  runtime.write(containerId, 'stdout', 'tick')
  await eventually(() => text === 'tick\n')
  const other = await hub.open('GET', `${PODS}/web/log?follow=true`)
  await eventually(() => rig.calls.counts().open === 2)
  other.destroy()
  await eventually(() => rig.calls.counts().open === 1)
  runtime.exit(containerId, 0)
  await eventually(() => response.complete)
  t.equal(rig.calls.counts().open, 0)
})

t.test('Logs that cannot be had say why', async (t) => {
  const { hub, rig, runPod } = await startStreamHub(t)
  await runPod('web')
  const status = (path: string) =>
    hub.ask('GET', `${PODS}/${path}`).then(({ code, json }) => ({ code, message: json.message }))
  t.match(await status('none/log'), { code: 404, message: 'pods "none" not found' })
  t.match(await status('web/log?previous=true'), { code: 400, message: /previous terminated container "main"/ })
  t.match(await status('web/log?tailLines=-1'), { code: 400 })
  t.match(await status('web/log?sinceTime=yesterday'), { code: 400, message: /invalid value for sinceTime/ })
  newPod(hub, 'fresh', { nodeName: 'node-1' })
  t.match(await status('fresh/log'), {
    code: 400,
    message: 'container "main" in pod "fresh" is waiting to start: ContainerCreating',
  })
  // One that goes, and whose container is gone already, was not made a moment ago.
  t.equal((await hub.ask('DELETE', `${PODS}/fresh?gracePeriodSeconds=5`)).code, 200)
  t.match(await status('fresh/log'), { code: 404, message: /is not on this node: not made yet, or removed already/ })
  newPod(hub, 'homeless', {})
  t.match(await status('homeless/log'), { code: 400, message: /pod homeless does not have a host assigned/ })
  const agent = await rig.addAgent('node-1', [])
  agent.connected = false
  t.match(await status('web/log'), { code: 503, message: /its logs cannot be read until it is back/ })
})

t.test(
  'What was read before a device went away can be read again, with its age, in the form in which it was read',
  async (t) => {
    const { hub, rig, runtime, runPod } = await startStreamHub(t)
    const { containerId } = await runPod('web')
    for (const line of ['one', 'two', 'three']) runtime.write(containerId, 'stdout', line)
    t.equal((await hub.ask('GET', `${PODS}/web/log`)).text, 'one\ntwo\nthree\n')
    const agent = await rig.addAgent('node-1', [])
    agent.connected = false
    const last = await hub.ask('GET', `${PODS}/web/log`)
    t.match(last, { code: 200, text: 'one\ntwo\nthree\n' })
    t.match(last.headers['warning'], /these lines are \d+s old: the last that passed through the hub/)
    t.match(last.headers['warning'], /node .*node-1.* is not connected/)
    t.equal((await hub.ask('GET', `${PODS}/web/log?tailLines=2&follow=true`)).text, 'two\nthree\n')
    t.equal((await hub.ask('GET', `${PODS}/web/log?sinceSeconds=60`)).code, 503, 'nobody knows how old each line is')
    t.equal((await hub.ask('GET', `${PODS}/web/log?timestamps=true`)).code, 503)
  },
)

t.test('A pod is evicted unless its disruption budget needs it', async (t) => {
  const { hub, runPod } = await startStreamHub(t)
  const ownerReferences = ownedBy(hub, 2)
  for (const name of ['a', 'b']) {
    await runPod(name)
    hub.objects.modify(POD, 'default', name, (pod) => ({
      ...pod,
      metadata: { ...pod.metadata, labels: { app: 'web' }, ownerReferences },
    }))
  }
  const budget = (spec: object) =>
    hub.objects.create(POD_DISRUPTION_BUDGET, {
      apiVersion: 'policy/v1',
      kind: 'PodDisruptionBudget',
      metadata: { name: 'web', namespace: 'default' },
      spec: { selector: { matchLabels: { app: 'web' } }, ...spec },
    })
  budget({ maxUnavailable: 0 })
  const refused = await hub.ask('POST', `${PODS}/a/eviction`, eviction('a'))
  t.match(refused, {
    code: 429,
    json: {
      reason: 'TooManyRequests',
      message: "Cannot evict pod as it would violate the pod's disruption budget.",
      details: {
        causes: [
          { reason: 'DisruptionBudget', message: 'The disruption budget web needs 2 healthy pods and has 2 currently' },
        ],
      },
    },
  })
  hub.objects.delete(POD_DISRUPTION_BUDGET, 'default', 'web')
  budget({ minAvailable: '50%' })
  t.match(await hub.ask('POST', `${PODS}/a/eviction`, eviction('a', { deleteOptions: { dryRun: ['All'] } })), {
    code: 201,
  })
  t.notOk(hub.objects.get(POD, 'default', 'a')?.metadata.deletionTimestamp)
  t.match(await hub.ask('POST', `${PODS}/a/eviction`, eviction('a')), { code: 201, json: { status: 'Success' } })
  t.ok(hub.objects.get(POD, 'default', 'a')?.metadata.deletionTimestamp)
  t.equal((await hub.ask('POST', `${PODS}/b/eviction`, eviction('b'))).code, 429, 'the one that goes counts no more')
  t.match(await hub.ask('POST', `${PODS}/b/eviction`, eviction('c')), { code: 400 })
  const halfASecond = eviction('b', { deleteOptions: { gracePeriodSeconds: 0.5 } })
  t.match(await hub.ask('POST', `${PODS}/b/eviction`, halfASecond), { code: 400 })
  t.match(await hub.ask('POST', `${PODS}/b/eviction`, { ...eviction('b'), token: hub.tokens.viewer }), { code: 403 })
})

t.test('A pod that does not run well is evicted while the others are enough', async (t) => {
  const { hub, runPod } = await startStreamHub(t)
  await runPod('well')
  await runPod('ill')
  for (const name of ['well', 'ill'])
    hub.objects.modify(POD, 'default', name, (pod) => ({
      ...pod,
      metadata: { ...pod.metadata, labels: { app: 'web' } },
    }))
  hub.objects.modify(POD, 'default', 'ill', (pod) => ({ ...pod, status: { phase: 'Running' } }), {
    subresource: 'status',
  })
  hub.objects.create(POD_DISRUPTION_BUDGET, {
    apiVersion: 'policy/v1',
    kind: 'PodDisruptionBudget',
    metadata: { name: 'web', namespace: 'default' },
    spec: { selector: { matchLabels: { app: 'web' } }, minAvailable: 1 },
  })
  t.equal((await hub.ask('POST', `${PODS}/well/eviction`, eviction('well'))).code, 429)
  t.equal((await hub.ask('POST', `${PODS}/ill/eviction`, eviction('ill'))).code, 201)
})

t.test('A scheduler of the user’s own binds a pod once', async (t) => {
  const { hub } = await startStreamHub(t)
  newPod(hub, 'web', {})
  const bind = (target: object) =>
    hub.ask('POST', `${PODS}/web/binding`, {
      body: { apiVersion: 'v1', kind: 'Binding', metadata: { name: 'web' }, target },
    })
  t.match(await bind({}), { code: 400 })
  t.match(await bind({ kind: 'Node', name: 'node-1' }), { code: 201, json: { status: 'Success' } })
  t.equal(hub.objects.get(POD, 'default', 'web')?.spec.nodeName, 'node-1')
  t.match(await bind({ kind: 'Node', name: 'node-2' }), {
    code: 409,
    json: {
      message: 'Operation cannot be fulfilled on pods/binding "web": pod web is already assigned to node "node-1"',
    },
  })
})

t.test('A pod that somebody debugs is not robbed of its session, and none is sent past the scheduler', async (t) => {
  const { hub } = await startStreamHub(t)
  newPod(hub, 'web', {})
  const patch = (path: string, spec: object) =>
    hub.ask('PATCH', path, { body: { spec }, headers: { 'content-type': 'application/strategic-merge-patch+json' } })
  t.match(await patch(`${PODS}/web`, { nodeName: 'node-1' }), { code: 422, json: { reason: 'Invalid' } })
  const before = await hub.ask('GET', `${PODS}/web`)
  const ephemeralContainers = [{ name: 'debugger', image: 'app:1' }]
  t.match(await patch(`${PODS}/web/ephemeralcontainers`, { ephemeralContainers }), { code: 200 })
  const { resourceVersion: _, ...metadata } = before.json.metadata
  t.match(await hub.ask('PUT', `${PODS}/web`, { body: { ...before.json, metadata } }), { code: 422 })
  t.equal(hub.objects.get(POD, 'default', 'web')?.spec.ephemeralContainers?.[0]?.name, 'debugger')
  t.match(await patch(`${PODS}/web`, { activeDeadlineSeconds: 600 }), { code: 200 }, 'what may change still may')
})

t.test('What would need a way into the device is refused with the way that there is', async (t) => {
  const { hub } = await startStreamHub(t)
  t.match(await hub.ask('GET', '/api/v1/nodes/node-1/proxy'), {
    code: 405,
    json: { message: /use kubectl logs, exec/ },
  })
})

function newPod(hub: TestHub, name: string, spec: Partial<Pod['spec']>): Pod {
  const containers = [{ name: 'main', image: 'app:1' }]
  const metadata = { name, namespace: 'default' }
  return hub.objects.create(POD, { apiVersion: 'v1', kind: 'Pod', metadata, spec: { containers, ...spec } })
}

function ownedBy(hub: TestHub, replicas: number) {
  const template = { metadata: { labels: { app: 'web' } }, spec: { containers: [{ name: 'main', image: 'app:1' }] } }
  const { metadata } = hub.objects.create(REPLICA_SET, {
    apiVersion: 'apps/v1',
    kind: 'ReplicaSet',
    metadata: { name: 'web', namespace: 'default' },
    spec: { replicas, selector: { matchLabels: { app: 'web' } }, template },
  })
  return [{ apiVersion: 'apps/v1', kind: 'ReplicaSet', name: metadata.name, uid: metadata.uid, controller: true }]
}
