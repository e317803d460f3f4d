// custom-kinds.test.ts - custom kinds over HTTP while their definitions change, clash and go
import { connect } from 'node:tls'
import t, { type Test } from 'tap'
import { createCustomKinds } from '../../../hub/api/crd.ts'
import { systemClock } from '../../../shared/clock.ts'
import { builtinKinds } from '../../../shared/kinds/builtin.ts'
import { createRegistry } from '../../../shared/kinds/registry.ts'
import { silentLog } from '../../../shared/log.ts'
import { systemRandom } from '../../../shared/random.ts'
import { eventually } from '../../support/eventually.ts'
import { eventsOf, startTestHub, type TestHub } from '../../support/test-hub.ts'

const CRDS = '/apis/apiextensions.k8s.io/v1/customresourcedefinitions'
const MERGE = { 'content-type': 'application/merge-patch+json' }
const at = (version: string, name = '') => `/apis/shop.dev/${version}/namespaces/default/shelves${name && `/${name}`}`

const version = (name: string, rest: { served?: boolean; storage?: boolean } = {}) => ({
  name,
  served: true,
  storage: true,
  schema: {
    openAPIV3Schema: {
      type: 'object',
      properties: { spec: { type: 'object', properties: { size: { type: 'integer' } } } },
    },
  },
  ...rest,
})

const definition = (plural = 'shelves', kind = 'Shelf', versions: object[] = [version('v1')]) => ({
  apiVersion: 'apiextensions.k8s.io/v1',
  kind: 'CustomResourceDefinition',
  metadata: { name: `${plural}.shop.dev` },
  spec: { group: 'shop.dev', scope: 'Namespaced', names: { plural, kind }, versions },
})

async function hubFor(t: Test): Promise<TestHub> {
  const hub = await startTestHub()
  t.teardown(() => hub.stop())
  return hub
}

async function define(hub: TestHub, body = definition()): Promise<void> {
  const { code, text } = await hub.ask('POST', CRDS, { body })
  if (code !== 201) throw new Error(text)
}

const isServed = (hub: TestHub, path: string) => eventually(async () => (await hub.ask('GET', path)).code === 200)

t.test('Objects that an earlier storage version has stored are read, changed and watched as the new one', async (t) => {
  const hub = await hubFor(t)
  await define(hub)
  await isServed(hub, at('v1'))
  await hub.ask('POST', at('v1'), { body: { metadata: { name: 'old' }, spec: { size: 1 } } })
  const versions = [version('v1', { storage: false }), version('v2')]
  await hub.ask('PATCH', `${CRDS}/shelves.shop.dev`, { headers: MERGE, body: { spec: { versions } } })
  await isServed(hub, at('v2'))
  t.match((await hub.ask('GET', at('v2', 'old'))).json, { apiVersion: 'shop.dev/v2', spec: { size: 1 } })
  t.match((await hub.ask('GET', at('v1', 'old'))).json, { apiVersion: 'shop.dev/v1', spec: { size: 1 } })
  t.match((await hub.ask('GET', at('v2'))).json.items, [{ apiVersion: 'shop.dev/v2' }])
  const watch = await hub.open('GET', `${at('v2')}?watch=1`)
  const events = eventsOf(watch)
  await eventually(() => events.length === 1)
  t.match(events, [{ type: 'ADDED', object: { apiVersion: 'shop.dev/v2' } }])
  const patched = await hub.ask('PATCH', at('v2', 'old'), { headers: MERGE, body: { spec: { size: 2 } } })
  t.match(patched, { code: 200, json: { apiVersion: 'shop.dev/v2', spec: { size: 2 }, metadata: { generation: 2 } } })
  t.match((await hub.ask('PATCH', at('v1', 'old'), { headers: MERGE, body: { spec: { size: 3 } } })).json, {
    apiVersion: 'shop.dev/v1',
    spec: { size: 3 },
  })
  await eventually(() => events.length === 3)
  t.match(events.at(-1), { type: 'MODIFIED', object: { apiVersion: 'shop.dev/v2', spec: { size: 3 } } })
  watch.destroy()
  t.equal((await hub.ask('DELETE', at('v2', 'old'))).code, 200)
})

/** A request whose body is still coming; `finish` sends it and answers with what the hub says. */
async function slowPost(t: Test, hub: TestHub, path: string, body: object): Promise<{ finish(): Promise<string> }> {
  const text = JSON.stringify(body)
  const socket = connect({ port: hub.server.address().port, host: '127.0.0.1', ca: hub.caPem })
  t.teardown(() => socket.destroy())
  const answer = new Promise<string>((resolve) => socket.once('data', (data) => resolve(data.toString())))
  const before = hub.server.counters.requests
  socket.write(
    `POST ${path} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer ${hub.tokens.admin}\r\nContent-Type: application/json\r\nContent-Length: ${text.length}\r\n\r\n`,
  )
  await eventually(() => hub.server.counters.requests === before + 1)
  return {
    finish() {
      socket.write(text)
      return answer
    },
  }
}

t.test('Nothing new is made of a kind that is being deleted, also when it was asked for before', async (t) => {
  const hub = await hubFor(t)
  await define(hub)
  await isServed(hub, at('v1'))
  const held = { metadata: { name: 'held', finalizers: ['shop.dev/hold'] } }
  t.equal((await hub.ask('POST', at('v1'), { body: held })).code, 201)
  const early = await slowPost(t, hub, at('v1'), { metadata: { name: 'early' } })
  const late = await slowPost(t, hub, at('v1'), { metadata: { name: 'late' } })
  await hub.ask('DELETE', `${CRDS}/shelves.shop.dev`)
  const why = 'create not allowed while custom resource definition is terminating'
  t.match(await early.finish(), new RegExp(`^HTTP/1.1 405 [^]*${why}`))
  const apply = { headers: { 'content-type': 'application/apply-patch+yaml' }, body: { metadata: { name: 'new' } } }
  t.match(await hub.ask('PATCH', `${at('v1', 'new')}?fieldManager=one`, apply), { code: 405, json: { message: why } })
  t.equal(
    (await hub.ask('PATCH', at('v1', 'held'), { headers: MERGE, body: { metadata: { finalizers: [] } } })).code,
    200,
  )
  await eventually(async () => (await hub.ask('GET', at('v1'))).code === 404)
  t.match(await late.finish(), /^HTTP\/1.1 404 /)
  await define(hub)
  await isServed(hub, at('v1'))
  t.same((await hub.ask('GET', at('v1'))).json.items, [])
})

t.test('A body that takes long meets the kind as it is when it has come', async (t) => {
  const hub = await hubFor(t)
  await define(hub)
  await isServed(hub, at('v1'))
  const post = await slowPost(t, hub, at('v1'), { metadata: { name: 'a' }, spec: { size: 1, colour: 'red' } })
  const schema = { openAPIV3Schema: { type: 'object', 'x-kubernetes-preserve-unknown-fields': true } }
  const versions = [{ ...version('v1'), schema }]
  await hub.ask('PATCH', `${CRDS}/shelves.shop.dev`, { headers: MERGE, body: { spec: { versions } } })
  await eventually(() => hub.registry.find('shop.dev', 'v1', 'shelves')?.schema?.properties?.['spec'] === undefined)
  t.match(await post.finish(), /^HTTP\/1.1 201 [^]*"colour":"red"/)
})

t.test('A definition that waited for a name has it when the one that has it goes', async (t) => {
  const hub = await hubFor(t)
  const other = (plural: string) => `/apis/shop.dev/v1/namespaces/default/${plural}`
  await define(hub)
  await isServed(hub, at('v1'))
  await define(hub, definition('boards'))
  await define(hub, definition('racks'))
  const accepted = async (name: string) => {
    const { json } = await hub.ask('GET', `${CRDS}/${name}.shop.dev`)
    return json.status?.conditions?.[0]?.status
  }
  await eventually(async () => (await accepted('boards')) === 'False' && (await accepted('racks')) === 'False')
  await hub.ask('DELETE', `${CRDS}/shelves.shop.dev`)
  await isServed(hub, other('boards'))
  t.equal(await accepted('boards'), 'True')
  t.equal(await accepted('racks'), 'False')
  await hub.ask('DELETE', `${CRDS}/boards.shop.dev`)
  await isServed(hub, other('racks'))
  await eventually(async () => (await accepted('racks')) === 'True')
})

t.test('After a restart the definition that had a name keeps it', async (t) => {
  const hub = await hubFor(t)
  await define(hub)
  await isServed(hub, at('v1'))
  await define(hub, definition('boards'))
  await eventually(async () => (await hub.ask('GET', `${CRDS}/boards.shop.dev`)).json.status !== undefined)
  const registry = createRegistry(builtinKinds)
  const deps = { ...hub, registry, clock: systemClock, log: silentLog, random: systemRandom }
  const again = createCustomKinds(deps)
  await again.start()
  t.teardown(() => again.stop())
  t.ok(registry.find('shop.dev', 'v1', 'shelves'))
  t.notOk(registry.find('shop.dev', 'v1', 'boards'))
})
