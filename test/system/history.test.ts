// history.test.ts - what clients of the API may rely on across restarts and crashes of the hub
import t from 'tap'
import { createCluster, sideBySide } from '../support/cluster.ts'

sideBySide(t)

const CONFIG_MAPS = '/api/v1/namespaces/default/configmaps'
/** Every namespace has one of its own. */
const OURS = 'labelSelector=ours'
const configMap = (name: string) => ({ apiVersion: 'v1', kind: 'ConfigMap', metadata: { name, labels: { ours: '' } } })

t.test('A resourceVersion never goes back, over restarts and crashes', async (t) => {
  const cluster = await createCluster(t, { nodes: 1 })
  let newest = 0
  for (let round = 0; round < 6; round++) {
    const made = await cluster.api.send('POST', CONFIG_MAPS, configMap(`config-${round}`))
    const revision = Number(made.metadata.resourceVersion)
    t.ok(revision > newest, `${revision} comes after ${newest}`)
    newest = revision
    if (round % 2) await cluster.restartHub()
    else {
      cluster.crashHub()
      await cluster.startHub()
    }
    const list = await cluster.api.get(`${CONFIG_MAPS}?${OURS}`)
    t.equal(list.items.length, round + 1)
    t.ok(Number(list.metadata.resourceVersion) >= newest)
    newest = Number(list.metadata.resourceVersion)
  }
})

t.test(
  'A watch that is resumed after a restart of the hub is told to list again, or goes on without a gap',
  async (t) => {
    const cluster = await createCluster(t, { nodes: 1 })
    const early = await cluster.api.send('POST', CONFIG_MAPS, configMap('early'))
    await cluster.api.send('POST', CONFIG_MAPS, configMap('later'))
    const watch = await cluster.api.watch(
      `${CONFIG_MAPS}?${OURS}&watch=1&resourceVersion=${early.metadata.resourceVersion}`,
    )
    await cluster.eventually(() => watch.events.length === 1)
    await cluster.restartHub()
    await cluster.eventually(watch.isOver)

    const stale = await cluster.api.ask(
      'GET',
      `${CONFIG_MAPS}?${OURS}&watch=1&timeoutSeconds=1&resourceVersion=${early.metadata.resourceVersion}`,
    )
    const status = stale.code === 200 ? JSON.parse(stale.text.split('\n')[0] ?? '').object : stale.json
    t.match(status, { kind: 'Status', code: 410, reason: 'Expired' }, 'what is forgotten is not passed over in silence')

    const list = await cluster.api.get(`${CONFIG_MAPS}?${OURS}`)
    t.same(
      list.items.map(({ metadata }: { metadata: { name: string } }) => metadata.name),
      ['early', 'later'],
    )
    const again = await cluster.api.watch(
      `${CONFIG_MAPS}?${OURS}&watch=1&resourceVersion=${list.metadata.resourceVersion}`,
    )
    await cluster.api.send('POST', CONFIG_MAPS, configMap('newest'))
    await cluster.eventually(() => again.events.length === 1)
    t.match(again.events[0], { type: 'ADDED', object: { metadata: { name: 'newest' } } })
  },
)

t.test('Custom kinds and their objects survive the hub', async (t) => {
  const cluster = await createCluster(t, { nodes: 1 })
  await cluster.api.send('POST', '/apis/apiextensions.k8s.io/v1/customresourcedefinitions', {
    apiVersion: 'apiextensions.k8s.io/v1',
    kind: 'CustomResourceDefinition',
    metadata: { name: 'boats.harbour.example' },
    spec: {
      group: 'harbour.example',
      scope: 'Namespaced',
      names: { plural: 'boats', singular: 'boat', kind: 'Boat' },
      versions: [
        {
          name: 'v1',
          served: true,
          storage: true,
          schema: {
            openAPIV3Schema: {
              type: 'object',
              properties: { spec: { type: 'object', properties: { length: { type: 'integer' } } } },
            },
          },
        },
      ],
    },
  })
  const boats = '/apis/harbour.example/v1/namespaces/default/boats'
  const boat = { apiVersion: 'harbour.example/v1', kind: 'Boat', metadata: { name: 'anna' }, spec: { length: 12 } }
  await cluster.eventually(async () => (await cluster.api.ask('GET', boats)).code === 200)
  const made = await cluster.api.send('POST', boats, boat)
  for (const how of ['restart', 'crash']) {
    if (how === 'crash') cluster.crashHub()
    else await cluster.stopHub()
    await cluster.startHub()
    const found = await cluster.api.get(`${boats}/anna`)
    t.same(found, made, `after a ${how}`)
    t.equal((await cluster.api.ask('POST', boats, { body: { ...boat, spec: { length: 'long' } } })).code, 422)
  }
  await cluster.api.send('DELETE', '/apis/apiextensions.k8s.io/v1/customresourcedefinitions/boats.harbour.example')
  await cluster.eventually(async () => (await cluster.api.ask('GET', boats)).code === 404)
})
