// finalize.test.ts - a person lets go of a namespace that nobody else will ever let go of
import t from 'tap'
import { startStreamHub } from '../../../support/stream-hub.ts'

t.test('Finalizing a namespace sets what holds it; one that is being deleted goes with the last of them', async (t) => {
  const { hub } = await startStreamHub(t)
  const body = { metadata: { name: 'shop' }, spec: { finalizers: ['kubernetes', 'shop.dev/hold'] } }
  await hub.ask('POST', '/api/v1/namespaces', { body })
  t.match((await hub.ask('DELETE', '/api/v1/namespaces/shop')).json, { status: { phase: 'Terminating' } })
  const finalize = (finalizers: string[], query = '') =>
    hub.ask('PUT', `/api/v1/namespaces/shop/finalize${query}`, { body: { ...body, spec: { finalizers } } })
  const plain = await hub.ask('PUT', '/api/v1/namespaces/shop', { body: { ...body, spec: { finalizers: [] } } })
  t.same(plain.json.spec.finalizers, body.spec.finalizers, 'the namespace itself is the wrong place')
  t.match(await finalize(['shop.dev/hold']), { code: 200, json: { spec: { finalizers: ['shop.dev/hold'] } } })
  t.equal((await finalize([], '?dryRun=All')).code, 200)
  t.same((await hub.ask('GET', '/api/v1/namespaces/shop')).json.spec.finalizers, ['shop.dev/hold'])
  t.equal((await finalize([])).code, 200)
  t.equal((await hub.ask('GET', '/api/v1/namespaces/shop')).code, 404)
})
