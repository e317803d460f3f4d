// discovery.test.ts - the documents that clients read first
import t from 'tap'
import { eventually } from '../../support/eventually.ts'
import { startTestHub } from '../../support/test-hub.ts'
import { WIDGETS } from '../../e2e/kubectl-manifests.ts'

const aggregated = (version: string) => ({
  accept: `application/json;g=apidiscovery.k8s.io;v=${version};as=APIGroupDiscoveryList,application/json`,
})

t.test('aggregated discovery says what it is in its content type, in both versions', async (t) => {
  const hub = await startTestHub()
  t.teardown(() => hub.stop())
  for (const version of ['v2', 'v2beta1']) {
    const { json, headers } = await hub.ask('GET', '/apis', { headers: aggregated(version) })
    t.equal(headers['content-type'], `application/json;g=apidiscovery.k8s.io;v=${version};as=APIGroupDiscoveryList`)
    t.match(json, { kind: 'APIGroupDiscoveryList', apiVersion: `apidiscovery.k8s.io/${version}` })
    const apps = json.items.find((item: { metadata: { name: string } }) => item.metadata.name === 'apps')
    const deployments = apps.versions[0].resources.find((one: { resource: string }) => one.resource === 'deployments')
    t.match(deployments, { scope: 'Namespaced', shortNames: ['deploy'], categories: ['all'] })
    t.ok(deployments.subresources.some((part: { subresource: string }) => part.subresource === 'scale'))
  }
  const core = await hub.ask('GET', '/api', { headers: aggregated('v2') })
  t.equal(core.json.items.length, 1)
})

t.test('plain discovery names groups, versions, kinds and their parts', async (t) => {
  const hub = await startTestHub()
  t.teardown(() => hub.stop())
  t.match((await hub.ask('GET', '/api')).json, { kind: 'APIVersions', versions: ['v1'] })
  const { json } = await hub.ask('GET', '/apis')
  const autoscaling = json.groups.find((group: { name: string }) => group.name === 'autoscaling')
  t.match(autoscaling, {
    versions: [{ version: 'v2' }, { version: 'v1' }],
    preferredVersion: { groupVersion: 'autoscaling/v2' },
  })
  t.match((await hub.ask('GET', '/apis/apps')).json, { kind: 'APIGroup', name: 'apps' })
  const resources = (await hub.ask('GET', '/api/v1/')).json.resources
  const find = (name: string) => resources.find((one: { name: string }) => one.name === name)
  t.match(find('pods'), { kind: 'Pod', namespaced: true, verbs: ['create', 'delete'] })
  t.match(find('pods/eviction'), { kind: 'Eviction', group: 'policy', version: 'v1' })
  for (const path of ['/apis/nothing.io', '/apis/apps/v9', '/api/v9', '/openapi/v3/apis/apps', '/openapi/v3/x'])
    t.equal((await hub.ask('GET', path)).code, 404, path)
})

t.test('OpenAPI v3 documents are for good under their hash, v2 is five bytes', async (t) => {
  const hub = await startTestHub()
  t.teardown(() => hub.stop())
  const { json } = await hub.ask('GET', '/openapi/v3')
  const url: string = json.paths['apis/apps/v1'].serverRelativeURL
  const document = await hub.ask('GET', url)
  t.match(document.headers, { 'cache-control': 'public, immutable', etag: /^"[0-9A-F]{32}"$/, vary: /Accept/ })
  const operation = document.json.paths['/apis/apps/v1/namespaces/{namespace}/deployments/{name}'].patch
  t.match(operation, { 'x-kubernetes-group-version-kind': { group: 'apps', version: 'v1', kind: 'Deployment' } })
  t.ok(operation.parameters.some(({ name }: { name: string }) => name === 'fieldValidation'))
  t.ok(operation.requestBody.content['application/strategic-merge-patch+json'])
  const schema = document.json.components.schemas['io.k8s.api.apps.v1.Deployment']
  t.match(schema['x-kubernetes-group-version-kind'], [{ kind: 'Deployment' }])
  const etag = String(document.headers.etag)
  t.equal((await hub.ask('GET', url, { headers: { 'if-none-match': etag } })).code, 304)
  t.match(await hub.ask('GET', '/openapi/v3/apis/apps/v1?hash=OLD'), { code: 301, headers: { location: url } })
  const v2 = await hub.ask('GET', '/openapi/v2')
  t.equal(Buffer.from(v2.text, 'latin1').toString('hex'), '0a03322e30')
  t.match(v2.headers['content-type'], 'application/com.github.proto-openapi.spec.v2.v1.0+protobuf')
})

t.test('every document and every reference in it exists', async (t) => {
  const hub = await startTestHub()
  t.teardown(() => hub.stop())
  const { json } = await hub.ask('GET', '/openapi/v3')
  for (const { serverRelativeURL } of Object.values<{ serverRelativeURL: string }>(json.paths)) {
    const { text, json: document } = await hub.ask('GET', serverRelativeURL)
    const references = new Set([...text.matchAll(/"\$ref":"#\/components\/schemas\/([^"]+)"/g)].map(([, name]) => name))
    const missing = [...references].filter((name) => name !== undefined && !(name in document.components.schemas))
    t.same(missing, [], serverRelativeURL)
  }
})

const CRDS = '/apis/apiextensions.k8s.io/v1/customresourcedefinitions'
const WIDGET_LIST = '/apis/example.com/v1/namespaces/default/widgets'

t.test('a custom kind is served, found and forgotten with its definition', async (t) => {
  const hub = await startTestHub()
  t.teardown(() => hub.stop())
  const yaml = { 'content-type': 'application/yaml' }
  t.equal((await hub.ask('GET', WIDGET_LIST)).code, 404)
  t.equal((await hub.ask('POST', CRDS, { body: WIDGETS, headers: yaml })).code, 201)
  const conditions = await eventually(async () => {
    const { json } = await hub.ask('GET', `${CRDS}/widgets.example.com`)
    return json.status?.conditions ?? false
  })
  t.match(conditions, [
    { type: 'NamesAccepted', status: 'True' },
    { type: 'Established', status: 'True' },
  ])
  const created = await hub.ask('POST', WIDGET_LIST, { body: { metadata: { name: 'w' }, spec: { size: 'small' } } })
  t.match(created, { code: 201, json: { kind: 'Widget', apiVersion: 'example.com/v1', spec: { replicas: 1 } } })
  const wrong = await hub.ask('POST', WIDGET_LIST, { body: { metadata: { name: 'x' }, spec: { size: 3 } } })
  t.equal(wrong.json.code, 422)
  t.match((await hub.ask('GET', '/openapi/v3')).json.paths, { 'apis/example.com/v1': {} })
  t.equal((await hub.ask('GET', '/openapi/v3/apis/example.com/v1')).code, 200)
  t.equal((await hub.ask('DELETE', `${CRDS}/widgets.example.com`)).json.kind, 'CustomResourceDefinition')
  await eventually(async () => (await hub.ask('GET', `${CRDS}/widgets.example.com`)).code === 404)
  await eventually(async () => (await hub.ask('GET', WIDGET_LIST)).code === 404)
  t.equal((await hub.ask('POST', CRDS, { body: WIDGETS, headers: yaml })).code, 201)
  await eventually(async () => (await hub.ask('GET', WIDGET_LIST)).code === 200)
  t.same((await hub.ask('GET', WIDGET_LIST)).json.items, [], 'its objects went with the first definition')
})

t.test('a definition whose names are taken is told so, and takes nothing over', async (t) => {
  const hub = await startTestHub()
  t.teardown(() => hub.stop())
  const yaml = { 'content-type': 'application/yaml' }
  await hub.ask('POST', CRDS, { body: WIDGETS, headers: yaml })
  await eventually(async () => (await hub.ask('GET', WIDGET_LIST)).code === 200)
  const second = WIDGETS.replace('name: widgets.example.com', 'name: gadgets.example.com')
    .replace('plural: widgets', 'plural: gadgets')
    .replace('singular: widget', 'singular: gadget')
  t.equal((await hub.ask('POST', CRDS, { body: second, headers: yaml })).code, 201)
  const [condition] = await eventually(async () => {
    const { json } = await hub.ask('GET', `${CRDS}/gadgets.example.com`)
    return json.status?.conditions ?? false
  })
  t.match(condition, {
    type: 'NamesAccepted',
    status: 'False',
    reason: 'NameConflict',
    message: /"Widget" is already in use/,
  })
  t.equal((await hub.ask('GET', '/apis/example.com/v1/namespaces/default/gadgets')).code, 404)
})
