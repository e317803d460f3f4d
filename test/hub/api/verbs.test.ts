// verbs.test.ts - each verb over HTTP: what is answered, what is refused and how
import t, { type Test } from 'tap'
import { startTestHub, type TestHub } from '../../support/test-hub.ts'

const CONFIG_MAPS = '/api/v1/namespaces/default/configmaps'
const DEPLOYMENTS = '/apis/apps/v1/namespaces/default/deployments'
const MERGE = { 'content-type': 'application/merge-patch+json' }
const JSON_PATCH = { 'content-type': 'application/json-patch+json' }
const STRATEGIC = { 'content-type': 'application/strategic-merge-patch+json' }
const APPLY = { 'content-type': 'application/apply-patch+yaml' }

const configMap = (name: string, data: Record<string, string> = { a: '1' }) => ({ metadata: { name }, data })
const deployment = (name = 'web', spec: object = {}) => ({
  metadata: { name },
  spec: {
    replicas: 1,
    selector: { matchLabels: { app: name } },
    template: { metadata: { labels: { app: name } }, spec: { containers: [{ name: 'web', image: 'web:1' }] } },
    ...spec,
  },
})

async function hubFor(t: Test): Promise<TestHub> {
  const hub = await startTestHub()
  t.teardown(() => hub.stop())
  return hub
}

t.test('create answers 201 with what the server added, and refuses the same name again', async (t) => {
  const hub = await hubFor(t)
  const created = await hub.ask('POST', CONFIG_MAPS, { body: configMap('a') })
  t.match(created, {
    code: 201,
    json: {
      apiVersion: 'v1',
      kind: 'ConfigMap',
      metadata: { name: 'a', namespace: 'default', uid: /-/, resourceVersion: /^\d+$/, creationTimestamp: /Z$/ },
    },
  })
  const again = await hub.ask('POST', CONFIG_MAPS, { body: configMap('a') })
  t.match(again.json, { code: 409, reason: 'AlreadyExists', message: 'configmaps "a" already exists' })
  const elsewhere = { metadata: { name: 'b', namespace: 'other' } }
  t.match((await hub.ask('POST', CONFIG_MAPS, { body: elsewhere })).json, {
    code: 400,
    message: /does not match the namespace/,
  })
  const nowhere = await hub.ask('POST', '/api/v1/namespaces/nowhere/configmaps', { body: configMap('a') })
  t.match(nowhere.json, { code: 404, message: 'namespaces "nowhere" not found' })
  t.match(await hub.ask('POST', '/api/v1/configmaps', { body: configMap('a') }), { code: 405 })
})

t.test('an answer of a write is durable before it is told', async (t) => {
  const hub = await hubFor(t)
  const { json } = await hub.ask('POST', CONFIG_MAPS, { body: configMap('a') })
  t.ok(hub.store.durableRevision >= Number(json.metadata.resourceVersion))
})

t.test('a generated name has five more letters', async (t) => {
  const hub = await hubFor(t)
  const { json } = await hub.ask('POST', CONFIG_MAPS, { body: { metadata: { generateName: 'web-' } } })
  t.match(json.metadata.name, /^web-[a-z0-9]{5}$/)
})

t.test('a dry run answers as if, and stores nothing', async (t) => {
  const hub = await hubFor(t)
  t.equal((await hub.ask('POST', `${CONFIG_MAPS}?dryRun=All`, { body: configMap('a') })).code, 201)
  t.equal((await hub.ask('GET', `${CONFIG_MAPS}/a`)).code, 404)
  await hub.ask('POST', CONFIG_MAPS, { body: configMap('a') })
  const patch = { body: { data: { a: '2' } }, headers: MERGE }
  t.match((await hub.ask('PATCH', `${CONFIG_MAPS}/a?dryRun=All`, patch)).json, { data: { a: '2' } })
  t.equal((await hub.ask('DELETE', `${CONFIG_MAPS}/a`, { body: { dryRun: ['All'] } })).code, 200)
  t.match((await hub.ask('GET', `${CONFIG_MAPS}/a`)).json, { data: { a: '1' } })
  t.equal((await hub.ask('POST', `${CONFIG_MAPS}?dryRun=Some`, { body: configMap('b') })).code, 422)
})

t.test('unknown and doubled fields: Strict refuses, Warn warns, Ignore says nothing', async (t) => {
  const hub = await hubFor(t)
  const body = '{"metadata":{"name":"web","name":"web"},"spec":{"replica":1}}'
  const post = (level: string) => hub.ask('POST', `${DEPLOYMENTS}?dryRun=All&fieldValidation=${level}`, { body })
  t.match((await post('Strict')).json, {
    code: 400,
    message: /strict decoding error: duplicate field "metadata.name", unknown field "spec.replica"/,
  })
  const { headers } = await hub.ask('POST', `${CONFIG_MAPS}?fieldValidation=Warn`, {
    body: { ...configMap('a'), datum: 1 },
  })
  t.equal(headers.warning, '299 - "unknown field \\"datum\\""')
  const quiet = await hub.ask('POST', `${CONFIG_MAPS}?fieldValidation=Ignore`, {
    body: { ...configMap('b'), datum: 1 },
  })
  t.same([quiet.code, quiet.headers.warning], [201, undefined])
  t.equal((await post('Sometimes')).code, 422)
})

t.test('wrong types are refused by name, missing fields as causes', async (t) => {
  const hub = await hubFor(t)
  const wrong = await hub.ask('POST', DEPLOYMENTS, { body: deployment('web', { replicas: 'many' }) })
  t.match(wrong.json, {
    code: 400,
    message: /cannot unmarshal string into Go struct field DeploymentSpec\.spec\.replicas/,
  })
  const missing = await hub.ask('POST', DEPLOYMENTS, { body: { metadata: { name: 'web' }, spec: {} } })
  t.match(missing.json, { code: 422, reason: 'Invalid', details: { kind: 'Deployment', group: 'apps' } })
  t.ok(missing.json.details.causes.some((cause: { field: string }) => cause.field === 'spec.selector'))
  const other = { ...configMap('a'), kind: 'Secret' }
  t.match((await hub.ask('POST', CONFIG_MAPS, { body: other })).json, {
    code: 400,
    message: /does not match the expected API version/,
  })
})

t.test('replace needs the newest version when it names one', async (t) => {
  const hub = await hubFor(t)
  const { json: old } = await hub.ask('POST', CONFIG_MAPS, { body: configMap('a') })
  const path = `${CONFIG_MAPS}/a`
  t.equal((await hub.ask('PUT', path, { body: { ...old, data: { a: '2' } } })).code, 200)
  t.match((await hub.ask('PUT', path, { body: { ...old, data: { a: '3' } } })).json, {
    code: 409,
    reason: 'Conflict',
    message: /the object has been modified; please apply your changes to the latest version and try again/,
  })
  t.equal((await hub.ask('PUT', path, { body: configMap('a', { a: '4' }) })).code, 200, 'none named: whatever it is')
  t.match((await hub.ask('PUT', path, { body: configMap('b') })).json, {
    code: 400,
    message: /does not match the name on the URL/,
  })
  t.equal((await hub.ask('PUT', `${CONFIG_MAPS}/zzz`, { body: configMap('zzz') })).code, 404)
})

t.test('a write that changes nothing makes no new version', async (t) => {
  const hub = await hubFor(t)
  const { json: old } = await hub.ask('POST', CONFIG_MAPS, { body: configMap('a') })
  const { json: same } = await hub.ask('PUT', `${CONFIG_MAPS}/a`, { body: old })
  const { json: patched } = await hub.ask('PATCH', `${CONFIG_MAPS}/a`, { body: { data: { a: '1' } }, headers: MERGE })
  t.equal(same.metadata.resourceVersion, old.metadata.resourceVersion)
  t.equal(patched.metadata.resourceVersion, old.metadata.resourceVersion)
})

t.test('each kind of patch does its own, and fails with its own code', async (t) => {
  const hub = await hubFor(t)
  await hub.ask('POST', DEPLOYMENTS, { body: deployment() })
  const path = `${DEPLOYMENTS}/web`
  const patch = (headers: Record<string, string>, body: unknown) => hub.ask('PATCH', path, { headers, body })
  t.match((await patch(MERGE, { metadata: { labels: { a: '1' } } })).json, { metadata: { labels: { a: '1' } } })
  const containers = [{ name: 'side', image: 'side:1' }]
  const merged = await patch(STRATEGIC, { spec: { template: { spec: { containers } } } })
  t.same(
    merged.json.spec.template.spec.containers.map(({ name }: { name: string }) => name),
    ['side', 'web'],
  )
  t.equal((await patch(JSON_PATCH, [{ op: 'remove', path: '/metadata/labels/a' }])).code, 200)
  t.equal((await patch(JSON_PATCH, [{ op: 'remove', path: '/metadata/labels/a' }])).code, 422)
  t.equal((await patch(JSON_PATCH, [{ op: 'test', path: '/spec/replicas', value: 9 }])).code, 422)
  t.equal((await patch(JSON_PATCH, { op: 'remove' })).code, 400)
  t.equal((await patch(JSON_PATCH, [{ op: 'add', path: '/constructor/prototype/x', value: 1 }])).code, 400)
  t.equal((await patch(STRATEGIC, { spec: { template: { spec: { containers: [{ image: 'x' }] } } } })).code, 400)
  t.equal((await patch({ 'content-type': 'text/plain' }, 'x')).code, 415)
  t.equal((await patch(MERGE, { metadata: { resourceVersion: '1' } })).code, 409)
  t.equal((await patch(MERGE, { metadata: { name: 'other' } })).code, 400)
})

t.test('a JSON patch that copies copies is stopped', async (t) => {
  const hub = await hubFor(t)
  await hub.ask('POST', CONFIG_MAPS, { body: configMap('a', { a: 'x'.repeat(100_000) }) })
  const body = Array.from({ length: 30 }, (_, at) => ({ op: 'copy', from: '/data', path: `/data/c${at}` }))
  t.equal((await hub.ask('PATCH', `${CONFIG_MAPS}/a`, { headers: JSON_PATCH, body })).code, 413)
})

t.test('server-side apply creates, owns, conflicts and yields to force', async (t) => {
  const hub = await hubFor(t)
  const path = (manager: string, more = '') => `${CONFIG_MAPS}/a?fieldManager=${manager}${more}`
  const apply = (manager: string, data: Record<string, string>, more?: string) =>
    hub.ask('PATCH', path(manager, more), {
      headers: APPLY,
      body: `apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\ndata: ${JSON.stringify(data)}\n`,
    })
  t.equal((await apply('one', { a: '1', b: '1' })).code, 201)
  t.match((await apply('two', { a: '2' })).json, {
    code: 409,
    reason: 'Conflict',
    message: 'Apply failed with 1 conflict: conflict with "one": .data.a',
    details: { causes: [{ reason: 'FieldManagerConflict', field: '.data.a' }] },
  })
  t.match((await apply('two', { a: '2' }, '&force=true')).json.data, { a: '2', b: '1' })
  const { json } = await apply('one', { c: '1' })
  t.same(json.data, { a: '2', c: '1' }, 'what it no longer sends is gone, what it lost stays')
  const before = json.metadata.resourceVersion
  t.equal((await apply('one', { c: '1' })).json.metadata.resourceVersion, before, 'the same again is no write')
  const unnamed = await hub.ask('PATCH', `${CONFIG_MAPS}/a`, { headers: APPLY, body: '{"metadata":{"name":"a"}}' })
  t.match(unnamed.json, { code: 422, message: /fieldManager: Required value/ })
})

t.test('two items of one key in what is applied are refused, at the first time and later', async (t) => {
  const hub = await hubFor(t)
  const path = `${DEPLOYMENTS}/web?fieldManager=one`
  const apply = (container: object) => {
    const { metadata, spec } = deployment()
    const template = { ...spec.template, spec: { containers: [{ ...spec.template.spec.containers[0], ...container }] } }
    const body = { apiVersion: 'apps/v1', kind: 'Deployment', metadata, spec: { ...spec, template } }
    return hub.ask('PATCH', path, { headers: APPLY, body })
  }
  const env = (...values: string[]) => values.map((value) => ({ name: 'A', value }))
  const head = 'failed to create typed patch object (default/web; apps/v1, Kind=Deployment): '
  const twice = '.spec.template.spec.containers[name="web"].env: duplicate entries for key [name="A"]'
  t.match((await apply({ env: env('1', '2') })).json, { code: 400, reason: 'BadRequest', message: head + twice })
  t.equal((await apply({ env: env('1') })).code, 201)
  t.equal((await apply({ env: env('1', '2') })).code, 400)
  const port = { containerPort: 80 }
  const ports =
    '.spec.template.spec.containers[name="web"].ports: duplicate entries for key [containerPort=80,protocol="TCP"]'
  t.equal(
    (await apply({ env: env('1', '2'), ports: [port, { ...port, protocol: 'TCP' }] })).json.message,
    `${head}errors:\n  ${twice}\n  ${ports}`,
  )
  t.equal((await apply({ env: env('1'), ports: [port, { ...port, protocol: 'UDP' }] })).code, 200)
})

t.test('status and spec have endpoints of their own', async (t) => {
  const hub = await hubFor(t)
  const { json: created } = await hub.ask('POST', DEPLOYMENTS, { body: { ...deployment(), status: { replicas: 9 } } })
  t.equal(created.status?.replicas, undefined)
  const body = { spec: { replicas: 7 }, status: { replicas: 3 } }
  const status = await hub.ask('PATCH', `${DEPLOYMENTS}/web/status`, { headers: MERGE, body })
  t.match(status.json, { spec: { replicas: 1 }, status: { replicas: 3 }, metadata: { generation: 1 } })
  const spec = await hub.ask('PATCH', `${DEPLOYMENTS}/web`, {
    headers: MERGE,
    body: { ...body, status: { replicas: 8 } },
  })
  t.match(spec.json, { spec: { replicas: 7 }, status: { replicas: 3 }, metadata: { generation: 2 } })
})

t.test('scale is read and set as autoscaling/v1', async (t) => {
  const hub = await hubFor(t)
  await hub.ask('POST', DEPLOYMENTS, { body: deployment() })
  const path = `${DEPLOYMENTS}/web/scale`
  t.match((await hub.ask('GET', path)).json, {
    kind: 'Scale',
    apiVersion: 'autoscaling/v1',
    spec: { replicas: 1 },
    status: { replicas: 0, selector: 'app=web' },
  })
  t.match((await hub.ask('PATCH', path, { headers: MERGE, body: { spec: { replicas: 4 } } })).json, {
    spec: { replicas: 4 },
  })
  t.match((await hub.ask('PUT', path, { body: { spec: { replicas: 5 } } })).json, { spec: { replicas: 5 } })
  t.match((await hub.ask('PUT', path, { body: { spec: { replicas: -1 } } })).json, { code: 422 })
  t.match((await hub.ask('GET', `${DEPLOYMENTS}/web`)).json, { spec: { replicas: 5 } })
})

t.test('delete answers a Status with the uid, and heeds its preconditions', async (t) => {
  const hub = await hubFor(t)
  const { json } = await hub.ask('POST', CONFIG_MAPS, { body: configMap('a') })
  const path = `${CONFIG_MAPS}/a`
  t.equal((await hub.ask('DELETE', path, { body: { preconditions: { uid: 'other' } } })).code, 409)
  t.equal((await hub.ask('DELETE', path, { body: { propagationPolicy: 'Sideways' } })).code, 422)
  t.match((await hub.ask('DELETE', path)).json, {
    kind: 'Status',
    status: 'Success',
    details: { name: 'a', kind: 'configmaps', uid: json.metadata.uid },
  })
  t.match((await hub.ask('DELETE', path)).json, { code: 404, message: 'configmaps "a" not found' })
})

t.test('what a finalizer holds is answered as itself, and goes with the last finalizer', async (t) => {
  const hub = await hubFor(t)
  const body = { metadata: { name: 'a', finalizers: ['example.com/hold'] } }
  await hub.ask('POST', CONFIG_MAPS, { body })
  const path = `${CONFIG_MAPS}/a`
  t.match((await hub.ask('DELETE', path)).json, { kind: 'ConfigMap', metadata: { deletionTimestamp: /Z$/ } })
  t.equal((await hub.ask('GET', path)).code, 200)
  t.equal((await hub.ask('PATCH', path, { headers: MERGE, body: { metadata: { finalizers: null } } })).code, 200)
  t.equal((await hub.ask('GET', path)).code, 404)
})

t.test('deletecollection takes what its selectors name', async (t) => {
  const hub = await hubFor(t)
  for (const name of ['a', 'b', 'c']) {
    const metadata = { name, labels: { keep: String(name === 'c') } }
    await hub.ask('POST', CONFIG_MAPS, { body: { metadata } })
  }
  const gone = await hub.ask('DELETE', `${CONFIG_MAPS}?labelSelector=keep%3Dfalse`)
  t.equal(gone.json.items.length, 2)
  const { json } = await hub.ask('GET', CONFIG_MAPS)
  t.same(
    json.items.map((item: { metadata: { name: string } }) => item.metadata.name),
    ['c'],
  )
})

t.test('kinds served in two versions are one object', async (t) => {
  const hub = await hubFor(t)
  const path = (version: string) => `/apis/autoscaling/${version}/namespaces/default/horizontalpodautoscalers`
  const target = { apiVersion: 'apps/v1', kind: 'Deployment', name: 'web' }
  const spec = { maxReplicas: 3, targetCPUUtilizationPercentage: 80, scaleTargetRef: target }
  t.equal((await hub.ask('POST', path('v1'), { body: { metadata: { name: 'h' }, spec } })).code, 201)
  t.match((await hub.ask('GET', `${path('v2')}/h`)).json, {
    apiVersion: 'autoscaling/v2',
    spec: { maxReplicas: 3, metrics: [{ type: 'Resource', resource: { name: 'cpu' } }] },
  })
  const patch = { headers: MERGE, body: { spec: { maxReplicas: 5 } } }
  t.match((await hub.ask('PATCH', `${path('v1')}/h`, patch)).json, {
    apiVersion: 'autoscaling/v1',
    spec: { maxReplicas: 5, targetCPUUtilizationPercentage: 80 },
  })
})

t.test('patches cannot make an object larger than a body may be', async (t) => {
  const hub = await hubFor(t)
  await hub.ask('POST', DEPLOYMENTS, { body: deployment() })
  const grow = (key: string) => {
    const env = [{ name: key, value: 'x'.repeat(300_000) }]
    const body = { spec: { template: { spec: { containers: [{ name: 'web', env }] } } } }
    return hub.ask('PATCH', `${DEPLOYMENTS}/web`, { headers: STRATEGIC, body })
  }
  const codes: number[] = []
  for (const key of ['a', 'b', 'c', 'd']) codes.push((await grow(key)).code)
  t.same(codes, [200, 200, 200, 413])
})
