// reads.test.ts - lists, pages, shapes and watches over HTTP
import t, { type Test } from 'tap'
import { eventually } from '../../support/eventually.ts'
import { createManualClock } from '../../support/manual-clock.ts'
import { eventsOf, startTestHub, type TestHub, type TestHubOptions } from '../../support/test-hub.ts'

const CONFIG_MAPS = '/api/v1/namespaces/default/configmaps'
const TABLE = { accept: 'application/json;as=Table;v=v1;g=meta.k8s.io,application/json' }
const MERGE = { 'content-type': 'application/merge-patch+json' }

async function hubFor(t: Test, options: TestHubOptions = {}): Promise<TestHub> {
  const hub = await startTestHub(options)
  t.teardown(() => hub.stop())
  return hub
}

const make = (hub: TestHub, name: string, labels: Record<string, string> = {}) =>
  hub.ask('POST', CONFIG_MAPS, { body: { metadata: { name, labels } } })
const label = (hub: TestHub, name: string, labels: Record<string, string | null>) =>
  hub.ask('PATCH', `${CONFIG_MAPS}/${name}`, { headers: MERGE, body: { metadata: { labels } } })
const namesIn = ({ json }: { json: { items: { metadata: { name: string } }[] } }) =>
  json.items.map(({ metadata }) => metadata.name)

t.test('a list is sorted, typed, and selected by labels and fields', async (t) => {
  const hub = await hubFor(t)
  for (const name of ['c', 'a', 'b']) await make(hub, name, { team: name === 'b' ? 'red' : 'blue' })
  const all = await hub.ask('GET', CONFIG_MAPS)
  t.match(all.json, { kind: 'ConfigMapList', apiVersion: 'v1', metadata: { resourceVersion: /^\d+$/ } })
  t.same(namesIn(all), ['a', 'b', 'c'])
  t.same(namesIn(await hub.ask('GET', `${CONFIG_MAPS}?labelSelector=team%20in%20(blue)`)), ['a', 'c'])
  t.same(namesIn(await hub.ask('GET', `/api/v1/configmaps?fieldSelector=metadata.name%3Db`)), ['b'])
  t.equal((await hub.ask('GET', `${CONFIG_MAPS}?labelSelector=%3D%3D`)).code, 400)
  t.match((await hub.ask('GET', `${CONFIG_MAPS}?fieldSelector=spec.x%3D1`)).json, {
    message: 'field label not supported: spec.x',
  })
})

t.test('a pod that says nothing of the network of its host is found as one without', async (t) => {
  const hub = await hubFor(t)
  const PODS = '/api/v1/namespaces/default/pods'
  for (const [name, spec] of Object.entries({ own: {}, no: { hostNetwork: false }, host: { hostNetwork: true } }))
    await hub.ask('POST', PODS, {
      body: { metadata: { name }, spec: { containers: [{ name: 'a', image: 'b' }], ...spec } },
    })
  t.same(namesIn(await hub.ask('GET', `${PODS}?fieldSelector=spec.hostNetwork%3Dfalse`)), ['no', 'own'])
  t.same(namesIn(await hub.ask('GET', `${PODS}?fieldSelector=spec.hostNetwork%3Dtrue`)), ['host'])
  t.same(namesIn(await hub.ask('GET', `${PODS}?fieldSelector=spec.hostNetwork!%3Dtrue`)), ['no', 'own'])
})

t.test('pages show one revision, whatever is written between them', async (t) => {
  const hub = await hubFor(t)
  for (const name of ['a', 'b', 'c', 'd', 'e']) await make(hub, name)
  const first = await hub.ask('GET', `${CONFIG_MAPS}?limit=2`)
  t.same(namesIn(first), ['a', 'b'])
  t.equal(first.json.metadata.remainingItemCount, 3)
  await hub.ask('DELETE', `${CONFIG_MAPS}/c`)
  await make(hub, 'bb')
  await label(hub, 'd', { changed: 'yes' })
  const second = await hub.ask('GET', `${CONFIG_MAPS}?limit=2&continue=${first.json.metadata.continue}`)
  t.same(namesIn(second), ['c', 'd'])
  t.equal(second.json.metadata.resourceVersion, first.json.metadata.resourceVersion)
  t.equal(second.json.items[1].metadata.labels, undefined)
  const third = await hub.ask('GET', `${CONFIG_MAPS}?limit=2&continue=${second.json.metadata.continue}`)
  t.same(namesIn(third), ['e'])
  t.equal(third.json.metadata.continue, undefined)
  t.same(namesIn(await hub.ask('GET', CONFIG_MAPS)), ['a', 'b', 'bb', 'd', 'e'])
})

t.test('what is older than the history is a 410 in upstream words, as a page, as a list and as a watch', async (t) => {
  const hub = await hubFor(t, { historyLimits: { changes: 2, bytes: 1_000_000 } })
  for (const name of ['a', 'b', 'c']) await make(hub, name)
  const page = await hub.ask('GET', `${CONFIG_MAPS}?limit=1`)
  for (const name of ['d', 'e', 'f']) await make(hub, name)
  const { continue: token, resourceVersion } = page.json.metadata
  t.match((await hub.ask('GET', `${CONFIG_MAPS}?limit=1&continue=${token}`)).json, {
    code: 410,
    reason: 'Expired',
    message: /^The provided continue parameter is too old to display a consistent list result/,
  })
  const exact = `resourceVersionMatch=Exact&resourceVersion=${resourceVersion}`
  t.match((await hub.ask('GET', `${CONFIG_MAPS}?${exact}`)).json, { code: 410, reason: 'Expired' })
  const { events } = await watch(t, hub, `resourceVersion=${resourceVersion}`)
  await eventually(() => events.length === 1)
  t.match(events[0], { type: 'ERROR', object: { code: 410, reason: 'Expired', message: /too old resource version/ } })
})

t.test('tokens and numbers that nobody gave are bad requests', async (t) => {
  const hub = await hubFor(t)
  for (const query of ['continue=nonsense', 'limit=minus', 'limit=-1', 'resourceVersion=new'])
    t.equal((await hub.ask('GET', `${CONFIG_MAPS}?${query}`)).code, 400, query)
})

t.test('a list may be asked for at a revision', async (t) => {
  const hub = await hubFor(t)
  const { json } = await make(hub, 'a')
  const then = json.metadata.resourceVersion
  await make(hub, 'b')
  t.same(namesIn(await hub.ask('GET', `${CONFIG_MAPS}?resourceVersion=${then}&resourceVersionMatch=Exact`)), ['a'])
  t.same(namesIn(await hub.ask('GET', `${CONFIG_MAPS}?resourceVersion=${then}`)), ['a', 'b'])
  const future = await hub.ask('GET', `${CONFIG_MAPS}?resourceVersion=999999`)
  t.match(future.json, { code: 504, details: { causes: [{ reason: 'ResourceVersionTooLarge' }] } })
  t.equal((await hub.ask('GET', `${CONFIG_MAPS}?resourceVersionMatch=Exact`)).code, 422)
})

t.test('tables carry columns, cells and the metadata of each row', async (t) => {
  const hub = await hubFor(t)
  await make(hub, 'a')
  const { json, headers } = await hub.ask('GET', CONFIG_MAPS, { headers: TABLE })
  t.match(headers['content-type'], /as=Table;v=v1;g=meta.k8s.io/)
  t.match(json, {
    kind: 'Table',
    apiVersion: 'meta.k8s.io/v1',
    columnDefinitions: [{ name: 'Name', format: 'name', priority: 0 }],
    rows: [{ cells: ['a'], object: { kind: 'PartialObjectMetadata', metadata: { name: 'a' } } }],
  })
  const full = await hub.ask('GET', `${CONFIG_MAPS}?includeObject=Object`, { headers: TABLE })
  t.equal(full.json.rows[0].object.kind, 'ConfigMap')
  const metadata = { accept: 'application/json;as=PartialObjectMetadataList;v=v1;g=meta.k8s.io' }
  t.match((await hub.ask('GET', CONFIG_MAPS, { headers: metadata })).json, {
    kind: 'PartialObjectMetadataList',
    items: [{ kind: 'PartialObjectMetadata', metadata: { name: 'a' } }],
  })
})

async function watch(t: Test, hub: TestHub, query: string, headers: Record<string, string> = {}) {
  const response = await hub.open('GET', `${CONFIG_MAPS}?watch=True&${query}`, { headers })
  t.teardown(() => response.destroy())
  return { response, events: eventsOf(response) }
}
const seen = (events: { type: string; object: { metadata: { name: string } } }[]) =>
  events.map(({ type, object }) => `${type} ${object.metadata.name}`)

t.test('a watch without a revision begins with what is there, one with a revision goes on from it', async (t) => {
  const hub = await hubFor(t)
  await make(hub, 'a')
  const { json } = await make(hub, 'b')
  const fresh = await watch(t, hub, '')
  const since = await watch(t, hub, `resourceVersion=${json.metadata.resourceVersion}`)
  await make(hub, 'c')
  await label(hub, 'a', { x: 'y' })
  await hub.ask('DELETE', `${CONFIG_MAPS}/b`)
  const later = ['ADDED c', 'MODIFIED a', 'DELETED b']
  await eventually(() => since.events.length >= 3 && fresh.events.length >= 5)
  t.same(seen(since.events), later)
  t.same(seen(fresh.events), ['ADDED a', 'ADDED b', ...later])
})

t.test('for a watch with a selector, what begins to match is added and what ceases to is deleted', async (t) => {
  const hub = await hubFor(t)
  await make(hub, 'a')
  const { events } = await watch(t, hub, 'labelSelector=on%3Dyes')
  await label(hub, 'a', { on: 'yes' })
  await label(hub, 'a', { more: 'x' })
  const { json } = await label(hub, 'a', { on: 'no' })
  await label(hub, 'a', { more: 'y' })
  await make(hub, 'last', { on: 'yes' })
  await eventually(() => events.length >= 4)
  t.same(seen(events), ['ADDED a', 'MODIFIED a', 'DELETED a', 'ADDED last'])
  t.equal(events[2].object.metadata.resourceVersion, json.metadata.resourceVersion)
  t.equal(events[2].object.metadata.labels.on, 'yes', 'as it was when it still matched')
})

t.test('a WatchList ends its state with a bookmark that carries the blueprint', async (t) => {
  const hub = await hubFor(t)
  await make(hub, 'a')
  const query = 'sendInitialEvents=true&allowWatchBookmarks=true&resourceVersionMatch=NotOlderThan'
  const { events } = await watch(t, hub, query)
  await eventually(() => events.length >= 2)
  t.same(
    events.map(({ type }) => type),
    ['ADDED', 'BOOKMARK'],
  )
  const { annotations } = events[1].object.metadata
  t.equal(annotations['k8s.io/initial-events-end'], 'true')
  const blueprint = Buffer.from(annotations['kubernetes.io/initial-events-list-blueprint'], 'base64').toString()
  t.match(JSON.parse(blueprint), { kind: 'ConfigMapList', apiVersion: 'v1', items: [] })
  t.equal((await hub.ask('GET', `${CONFIG_MAPS}?watch=1&sendInitialEvents=true`)).code, 422)
})

t.test('a watch as a table describes its columns once', async (t) => {
  const hub = await hubFor(t)
  await make(hub, 'a')
  await make(hub, 'b')
  const { events } = await watch(t, hub, '', TABLE)
  await eventually(() => events.length >= 2)
  t.match(events[0].object, { kind: 'Table', columnDefinitions: [{ name: 'Name' }], rows: [{ cells: ['a'] }] })
  t.match(events[1].object, { kind: 'Table', columnDefinitions: null, rows: [{ cells: ['b'] }] })
})

t.test('a watch from the future or from long ago is told so as an event', async (t) => {
  const hub = await hubFor(t)
  const { response, events } = await watch(t, hub, 'resourceVersion=999999')
  await eventually(() => events.length >= 1)
  t.match(events[0], { type: 'ERROR', object: { kind: 'Status', code: 504 } })
  await eventually(() => response.readableEnded)
})

t.test('bookmarks come every minute, and a watch ends when it was told to', async (t) => {
  const clock = createManualClock()
  const hub = await hubFor(t, { clock })
  const { response, events } = await watch(t, hub, 'allowWatchBookmarks=true&timeoutSeconds=90')
  await eventually(() => hub.server.counters.watchesOpen === 1 && hub.store.counters.watchers > 1)
  await clock.advance(60_000)
  await eventually(() => events.length === 1)
  t.match(events[0], { type: 'BOOKMARK', object: { kind: 'ConfigMap', metadata: { resourceVersion: /^\d+$/ } } })
  await clock.advance(30_000)
  await eventually(() => response.readableEnded)
  t.equal(hub.server.counters.watchesOpen, 0)
})

t.test('a watcher that does not read is ended and counted, and the others see everything', async (t) => {
  const hub = await hubFor(t)
  await make(hub, 'big')
  const slow = await hub.open('GET', `${CONFIG_MAPS}?watch=1`)
  t.teardown(() => slow.destroy())
  slow.pause()
  const { events } = await watch(t, hub, '')
  const configMaps = hub.registry.byResource('', 'configmaps')!
  const change = (at: number) =>
    hub.objects.modify(configMaps, 'default', 'big', (current) => ({
      ...current,
      data: { text: TEXT, at: String(at) },
    }))
  let written = 0
  while (hub.server.counters.watchesEndedSlow === 0 && written < CHANGES_MAX) {
    for (let inBatch = 0; inBatch < BATCH; inBatch += 1) change(written++)
    await eventually(() => events.at(-1)?.object.data?.at === String(written - 1))
  }
  t.equal(hub.server.counters.watchesEndedSlow, 1)
  t.equal(events.length, written + 1, 'the one that reads has missed nothing')
})

const TEXT = 'x'.repeat(1_000)
const BATCH = 1_000
/** Five times what is held back for a watch: the rest of it does not fit into the buffers of the socket. */
const CHANGES_MAX = 80_000
