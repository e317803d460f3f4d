// strategic-merge.test.ts - strategic merge patches on real schemas
import t from 'tap'
import { strategicMerge } from '../../../hub/api/strategic-merge.ts'
import { components } from '../../../shared/kinds/generated/schemas.ts'
import type { JsonObject } from '../../../shared/kinds/object.ts'

const POD = components['io.k8s.api.core.v1.Pod']
const pod = (): JsonObject => ({
  metadata: { labels: { a: '1', b: '2' }, finalizers: ['x/a', 'x/b'] },
  spec: {
    containers: [
      { name: 'web', image: 'web:1', args: ['a'], ports: [{ containerPort: 80 }] },
      { name: 'side', image: 'side:1' },
    ],
    tolerations: [{ key: 'k' }],
    volumes: [{ name: 'data', emptyDir: {} }],
  },
})
const patched = (patch: JsonObject) => strategicMerge(pod(), patch, POD)

t.test('containers merge by name and keep their order; what has no merge key is replaced', async (t) => {
  const result = patched({
    spec: { containers: [{ name: 'side', image: 'side:2' }, { name: 'new' }], tolerations: [{ key: 'other' }] },
  })
  t.match(result, {
    spec: {
      containers: [{ name: 'web', image: 'web:1' }, { name: 'side', image: 'side:2' }, { name: 'new' }],
      tolerations: [{ key: 'other' }],
    },
  })
})

t.test('null removes a field, and $patch: delete removes an item', async (t) => {
  const result = patched({
    metadata: { labels: { a: null } },
    spec: { containers: [{ name: 'web', $patch: 'delete' }] },
  })
  t.same(result.metadata, { labels: { b: '2' }, finalizers: ['x/a', 'x/b'] })
  t.match(result, { spec: { containers: [{ name: 'side' }] } })
  t.equal(JSON.stringify(result).includes('"web"'), false)
})

t.test('$patch: replace takes a list or an object as it is', async (t) => {
  const list = patched({ spec: { containers: [{ $patch: 'replace' }, { name: 'only' }] } })
  t.match(list, { spec: { containers: [{ name: 'only' }] } })
  const object = patched({ metadata: { labels: { $patch: 'replace', c: '3' } } })
  t.match(object, { metadata: { labels: { c: '3' } } })
  t.notMatch(object, { metadata: { labels: { a: '1' } } })
})

t.test('primitive lists lose what is named, and gain what is new', async (t) => {
  const result = patched({ metadata: { '$deleteFromPrimitiveList/finalizers': ['x/a'], finalizers: ['x/c'] } })
  t.match(result, { metadata: { finalizers: ['x/c', 'x/b'] } })
})

t.test('$setElementOrder puts a list in order, and what it does not name keeps its place', async (t) => {
  const result = patched({
    spec: { '$setElementOrder/containers': [{ name: 'new' }, { name: 'web' }], containers: [{ name: 'new' }] },
  })
  t.match(result, { spec: { containers: [{ name: 'new' }, { name: 'web' }, { name: 'side' }] } })
})

t.test('$retainKeys drops the other members of a union', async (t) => {
  const result = patched({
    spec: { volumes: [{ name: 'data', $retainKeys: ['name', 'hostPath'], hostPath: { path: '/x' } }] },
  })
  t.same((result.spec as JsonObject).volumes, [{ name: 'data', hostPath: { path: '/x' } }])
})

t.test('an item without its merge key is a bad request', async (t) => {
  t.throws(() => patched({ spec: { containers: [{ image: 'x' }] } }), { code: 400, message: /merge key: name/ })
})

t.test('the object that is patched stays as it was', async (t) => {
  const before = pod()
  strategicMerge(before, { spec: { containers: [{ name: 'web', image: 'other' }] } }, POD)
  t.same(before, pod())
})

t.test('two ports of one number both live on when one of them is patched', async (t) => {
  const ports = [
    { containerPort: 53, protocol: 'TCP' },
    { containerPort: 53, protocol: 'UDP' },
  ]
  const result = strategicMerge(
    { spec: { containers: [{ name: 'dns', ports }] } },
    { spec: { containers: [{ name: 'dns', ports: [{ containerPort: 53, name: 'dns' }] }] } },
    POD,
  )
  t.match(result, { spec: { containers: [{ ports: [{ protocol: 'TCP', name: 'dns' }, { protocol: 'UDP' }] }] } })
})
