// objects.test.ts - the verbs behave as an API server's: names, generations, preconditions, two-step deletion
import t, { type Test } from 'tap'
import { createObjects } from '../../../hub/store/objects.ts'
import { isNamespaceKind } from '../../../hub/store/namespace-rules.ts'
import type { KubeObject, NewObject } from '../../../shared/kinds/object.ts'
import { CONFIG_MAP } from '../../../shared/kinds/config-map.ts'
import { invalidValue } from '../../../shared/kinds/status-error.ts'
import { systemRandom } from '../../../shared/random.ts'
import { createManualClock } from '../../support/manual-clock.ts'
import { CONFIG_MAPS, DEPLOYMENTS, NAMESPACES, NODES, PODS, startedStore, testKind } from '../../support/store.ts'

async function setUp(t: Pick<Test, 'teardown'>) {
  const store = await startedStore()
  t.teardown(() => store.stop())
  const clock = createManualClock(Date.UTC(2026, 10, 20, 12))
  const objects = createObjects({ store, namespaces: NAMESPACES, clock, random: systemRandom })
  objects.create(NAMESPACES, given('Namespace', 'default'))
  objects.create(NAMESPACES, given('Namespace', 'shop'))
  return { store, clock, objects }
}

const given = (kind: string, name: string, rest: object = {}): NewObject<KubeObject> => ({
  apiVersion: 'v1',
  kind,
  metadata: { name, ...(['Namespace', 'Node'].includes(kind) ? {} : { namespace: 'shop' }) },
  ...rest,
})
const podSpec = { nodeName: 'n1', containers: [{ name: 'c', image: 'i' }] }

t.test(
  'A new object gets its uid, time, generation and revision from the hub and its name where it brings none',
  async (t) => {
    const { objects } = await setUp(t)
    const made = objects.create(DEPLOYMENTS, {
      ...given('Deployment', ''),
      metadata: {
        generateName: 'web-',
        namespace: 'shop',
        uid: 'mine',
        generation: 7,
        deletionTimestamp: '1970-01-01T00:00:00Z',
        managedFields: [{ manager: 'kubectl' }],
      },
      spec: { replicas: 1 },
      status: { replicas: 9 },
    })
    t.match(made.metadata, { name: /^web-[a-z0-9]{5}$/, generation: 1, creationTimestamp: '2026-11-20T12:00:00Z' })
    t.match(made.metadata.managedFields, [{ manager: 'kubectl' }])
    t.not(made.metadata.uid, 'mine')
    t.equal(made.metadata.deletionTimestamp, undefined)
    t.equal(made.status, undefined, 'a status is not accepted from who creates')
    t.equal(made.apiVersion, 'apps/v1')
    t.same(objects.get(DEPLOYMENTS, 'shop', made.metadata.name), made)
    t.match(objects.create(NODES, given('Node', 'n1', { status: { phase: 'x' } })), { status: { phase: 'x' } })
  },
)

t.test('Creating is refused in the words of Kubernetes', async (t) => {
  const { objects, store } = await setUp(t)
  objects.create(CONFIG_MAPS, given('ConfigMap', 'a'))
  const refused = (
    object: NewObject<KubeObject>,
    expected: { code: number; reason?: string; message?: string | RegExp },
  ) => t.throws(() => objects.create(CONFIG_MAP, object), expected)
  const before = store.revision
  refused(given('ConfigMap', 'a'), { code: 409, reason: 'AlreadyExists', message: 'configmaps "a" already exists' })
  refused(
    { ...given('ConfigMap', 'a'), metadata: { name: 'a', namespace: 'nope' } },
    {
      code: 404,
      message: 'namespaces "nope" not found',
    },
  )
  refused(
    { ...given('ConfigMap', 'a'), metadata: { name: 'a', namespace: 'shop', resourceVersion: '1' } },
    { code: 400 },
  )
  refused(given('ConfigMap', 'Bad_Name'), { code: 422, message: /"Bad_Name" is invalid: metadata.name: Invalid value/ })
  refused(given('ConfigMap', ''), { code: 422, message: /name or generateName is required/ })
  const labelled = { name: 'b', namespace: 'shop', labels: { 'a b': 'ok', fine: '-' } }
  refused(
    { ...given('ConfigMap', 'b'), metadata: labelled },
    { code: 422, message: /\[metadata.labels: .*, metadata.labels: / },
  )
  objects.delete(NAMESPACES, undefined, 'shop')
  refused(given('ConfigMap', 'c'), {
    code: 403,
    message:
      'configmaps "c" is forbidden: unable to create new content in namespace shop because it is being terminated',
  })
  t.equal(store.revision, before + 1, 'only the deletion of the namespace was written')
})

t.test('A dry run answers what would be, and writes nothing', async (t) => {
  const { objects, store } = await setUp(t)
  const made = objects.create(CONFIG_MAPS, given('ConfigMap', 'a'))
  const before = store.revision
  objects.create(CONFIG_MAPS, given('ConfigMap', 'b'), { dryRun: true })
  t.match(objects.update(CONFIG_MAPS, { ...made, spec: 1 }, { dryRun: true }), { spec: 1 })
  t.match(objects.delete(CONFIG_MAPS, 'shop', 'a', { dryRun: true }), { gone: true })
  t.equal(store.revision, before)
})

t.test('Spec and status have different writers, and only a change of the spec is a new generation', async (t) => {
  const { objects } = await setUp(t)
  const made = objects.create(DEPLOYMENTS, given('Deployment', 'web', { spec: { replicas: 1 } }))
  const scaled = objects.update(DEPLOYMENTS, { ...made, spec: { replicas: 2 }, status: { replicas: 5 } })
  t.equal(scaled.metadata.generation, 2)
  t.equal(scaled.status, undefined)
  const relabelled = { ...scaled, metadata: { ...scaled.metadata, labels: { a: 'b' } } }
  t.equal(objects.update(DEPLOYMENTS, relabelled).metadata.generation, 2)
  const current = objects.get(DEPLOYMENTS, 'shop', 'web')
  if (!current) return t.fail('it is there')
  const reported = objects.update(
    DEPLOYMENTS,
    { ...current, metadata: { ...current.metadata, labels: {} }, spec: { replicas: 9 }, status: { replicas: 2 } },
    { subresource: 'status' },
  )
  t.match(reported, { spec: { replicas: 2 }, status: { replicas: 2 }, metadata: { generation: 2, labels: { a: 'b' } } })
})

t.test('Who changes what somebody else has changed meanwhile is told', async (t) => {
  const { objects } = await setUp(t)
  const made = objects.create(CONFIG_MAPS, given('ConfigMap', 'a'))
  objects.update(CONFIG_MAPS, { ...made, spec: 1 })
  t.throws(() => objects.update(CONFIG_MAPS, { ...made, spec: 2 }), {
    code: 409,
    reason: 'Conflict',
    message: /modified/,
  })
  const blind = { ...made, metadata: { ...made.metadata, resourceVersion: '' }, spec: 3 }
  t.match(objects.update(CONFIG_MAPS, blind), { spec: 3, metadata: { uid: made.metadata.uid } })
  const other = { ...blind, metadata: { ...blind.metadata, uid: 'other' } }
  t.throws(() => objects.update(CONFIG_MAPS, other), { code: 409, message: /UID in precondition: other/ })
  t.throws(() => objects.update(CONFIG_MAPS, { ...made, metadata: { ...made.metadata, name: 'x' } }), { code: 404 })
})

t.test('What changes nothing but the time of ownership is not written', async (t) => {
  const { objects, store } = await setUp(t)
  const owned = (time: string, manager = 'kubectl') => ({ managedFields: [{ manager, time, operation: 'Update' }] })
  const object = given('ConfigMap', 'a')
  const made = objects.create(CONFIG_MAPS, {
    ...object,
    metadata: { ...object.metadata, ...owned('2026-01-01T00:00:00Z') },
  })
  const before = store.revision
  const later = { ...made, metadata: { ...made.metadata, ...owned('2026-02-02T00:00:00Z') } }
  t.equal(objects.update(CONFIG_MAPS, later), made)
  t.equal(store.revision, before)
  const taken = { ...made, metadata: { ...made.metadata, ...owned('2026-02-02T00:00:00Z', 'helm') } }
  t.match(objects.update(CONFIG_MAPS, taken).metadata.managedFields, [{ manager: 'helm' }])
})

t.test('Reading, changing and writing in one go leaves alone what need not change', async (t) => {
  const { objects, store } = await setUp(t)
  objects.create(CONFIG_MAPS, given('ConfigMap', 'a'))
  t.match(
    objects.modify(CONFIG_MAPS, 'shop', 'a', (current) => ({ ...current, spec: 1 })),
    { spec: 1 },
  )
  const before = store.revision
  t.match(
    objects.modify(CONFIG_MAPS, 'shop', 'a', () => undefined),
    { spec: 1 },
  )
  t.equal(
    objects.modify(CONFIG_MAPS, 'shop', 'b', (current) => current),
    undefined,
  )
  t.equal(store.revision, before)
})

t.test('An object with finalizers waits for the last of them', async (t) => {
  const { objects } = await setUp(t)
  const object = given('ConfigMap', 'a')
  objects.create(CONFIG_MAPS, { ...object, metadata: { ...object.metadata, finalizers: ['a.dev/x', 'a.dev/y'] } })
  const first = objects.delete(CONFIG_MAPS, 'shop', 'a')
  t.match(first, { gone: false, object: { metadata: { deletionTimestamp: '2026-11-20T12:00:00Z' } } })
  t.same(objects.delete(CONFIG_MAPS, 'shop', 'a').object, first.object, 'a second request changes nothing')
  const keep = (finalizers: string[]) =>
    objects.modify(CONFIG_MAPS, 'shop', 'a', (o) => ({ ...o, metadata: { ...o.metadata, finalizers } }))
  t.throws(() => keep(['a.dev/x', 'a.dev/z']), { code: 422, message: /no new finalizers can be added/ })
  keep(['a.dev/x'])
  t.ok(objects.get(CONFIG_MAPS, 'shop', 'a'))
  keep([])
  t.equal(objects.get(CONFIG_MAPS, 'shop', 'a'), undefined)
})

t.test('A pod that an agent has goes when its grace is used up; a second request can only shorten it', async (t) => {
  const { objects, clock } = await setUp(t)
  objects.create(PODS, given('Pod', 'p', { spec: podSpec }))
  t.match(objects.delete(PODS, 'shop', 'p'), {
    gone: false,
    object: { metadata: { deletionTimestamp: '2026-11-20T12:00:30Z', deletionGracePeriodSeconds: 30, generation: 2 } },
  })
  await clock.advance(5_000)
  t.match(objects.delete(PODS, 'shop', 'p', { gracePeriodSeconds: 60 }).object.metadata, {
    deletionGracePeriodSeconds: 30,
  })
  t.match(objects.delete(PODS, 'shop', 'p', { gracePeriodSeconds: 10 }).object.metadata, {
    deletionTimestamp: '2026-11-20T12:00:10Z',
    deletionGracePeriodSeconds: 10,
    generation: 2,
  })
  objects.modify(PODS, 'shop', 'p', (pod) => ({ ...pod, status: { phase: 'Running' } }), { subresource: 'status' })
  t.ok(objects.get(PODS, 'shop', 'p'), 'a report does not remove it')
  t.match(objects.delete(PODS, 'shop', 'p', { gracePeriodSeconds: 0 }), { gone: true })
  t.throws(() => objects.delete(PODS, 'shop', 'p'), { code: 404 })
})

t.test('A grace without end makes a deadline that can be written and shortened', async (t) => {
  const { objects } = await setUp(t)
  for (const [name, asked, own] of [
    ['asked', 300_000_000_000, 30],
    ['own', undefined, 9_223_372_036_854_774_784],
  ] as const) {
    objects.create(PODS, given('Pod', name, { spec: { ...podSpec, terminationGracePeriodSeconds: own } }))
    const { metadata } = objects.delete(PODS, 'shop', name, asked ? { gracePeriodSeconds: asked } : {}).object
    t.match(metadata, { deletionTimestamp: '2094-12-08T15:14:07Z', deletionGracePeriodSeconds: 2 ** 31 - 1 })
    t.match(objects.delete(PODS, 'shop', name, { gracePeriodSeconds: 10 }).object.metadata, {
      deletionTimestamp: '2026-11-20T12:00:10Z',
      deletionGracePeriodSeconds: 10,
    })
  }
})

t.test('A pod that nobody runs goes at once', async (t) => {
  const { objects } = await setUp(t)
  objects.create(PODS, given('Pod', 'unscheduled', { spec: {} }))
  t.match(objects.delete(PODS, 'shop', 'unscheduled'), { gone: true })
  objects.create(PODS, given('Pod', 'done', { spec: podSpec }))
  objects.modify(PODS, 'shop', 'done', (pod) => ({ ...pod, status: { phase: 'Succeeded' } }), { subresource: 'status' })
  t.match(objects.delete(PODS, 'shop', 'done'), { gone: true })
})

t.test('Deletion with preconditions hits only what was meant', async (t) => {
  const { objects } = await setUp(t)
  const made = objects.create(CONFIG_MAPS, given('ConfigMap', 'a'))
  const wrong = (preconditions: object) =>
    t.throws(() => objects.delete(CONFIG_MAPS, 'shop', 'a', { preconditions }), { code: 409, message: /recondition/ })
  wrong({ uid: 'other' })
  wrong({ resourceVersion: '0' })
  const { uid, resourceVersion } = made.metadata
  t.match(objects.delete(CONFIG_MAPS, 'shop', 'a', { preconditions: { uid, resourceVersion } }), { gone: true })
})

t.test('The policy of a deletion becomes a finalizer for the collector', async (t) => {
  const { objects } = await setUp(t)
  objects.create(DEPLOYMENTS, given('Deployment', 'web', { spec: {} }))
  const policy = (propagationPolicy: 'Foreground' | 'Orphan' | 'Background') =>
    objects.delete(DEPLOYMENTS, 'shop', 'web', { propagationPolicy })
  t.same(policy('Foreground').object.metadata.finalizers, ['foregroundDeletion'])
  t.same(policy('Orphan').object.metadata.finalizers, ['orphan'])
  t.ok(policy('Background').gone)
})

t.test('A namespace is Active, then Terminating until its finalizer goes; those of the hub never go', async (t) => {
  const { objects } = await setUp(t)
  t.ok(isNamespaceKind(NAMESPACES))
  t.match(objects.get(NAMESPACES, undefined, 'shop'), {
    spec: { finalizers: ['kubernetes'] },
    status: { phase: 'Active' },
  })
  t.match(objects.delete(NAMESPACES, undefined, 'shop'), { gone: false, object: { status: { phase: 'Terminating' } } })
  objects.modify(NAMESPACES, undefined, 'shop', (namespace) => ({ ...namespace, spec: { finalizers: [] } }))
  t.ok(objects.get(NAMESPACES, undefined, 'shop'), 'only the finalize subresource may do that')
  objects.modify(NAMESPACES, undefined, 'shop', (namespace) => ({ ...namespace, spec: { finalizers: [] } }), {
    subresource: 'finalize',
  })
  t.equal(objects.get(NAMESPACES, undefined, 'shop'), undefined)
  t.throws(() => objects.delete(NAMESPACES, undefined, 'default'), { code: 403, message: /may not be deleted/ })
})

t.test("A kind's own rules are asked: defaults, what is kept, what is wrong", async (t) => {
  const { objects } = await setUp(t)
  const kind = testKind({
    kind: 'Thing',
    plural: 'things',
    setDefaults: (object) => void (object.spec ??= { size: 1 }),
    carryOver: (next, old) => Object.assign(next, { kept: 'kept' in old ? old.kept : 'first' }),
    validate: (object) =>
      JSON.stringify(object.spec) === '{"size":0}' ? [invalidValue('spec.size', 0, 'must be more')] : [],
  })
  const made = objects.create(kind, given('Thing', 'a'))
  t.match(made, { spec: { size: 1 } })
  t.match(objects.update(kind, { ...made, spec: { size: 2 } }), { kept: 'first', spec: { size: 2 } })
  t.throws(() => objects.modify(kind, 'shop', 'a', (o) => ({ ...o, spec: { size: 0 } })), {
    code: 422,
    message: 'Thing "a" is invalid: spec.size: Invalid value: 0: must be more',
  })
})

t.test('A kind with several versions is stored in one and served in each', async (t) => {
  const { objects, store } = await setUp(t)
  const v2 = testKind({ group: 'autoscaling', version: 'v2', kind: 'Scaler', plural: 'scalers', hasStatus: true })
  const v1 = testKind({
    ...v2,
    version: 'v1',
    storage: {
      kind: v2,
      toStorage: (object) => ({ ...object, apiVersion: 'autoscaling/v2', spec: { new: object.spec } }),
      fromStorage: (object) => ({
        ...object,
        apiVersion: 'autoscaling/v1',
        spec:
          object.spec !== null && typeof object.spec === 'object' && 'new' in object.spec ? object.spec.new : undefined,
      }),
    },
  })
  const made = objects.create(v1, given('Scaler', 's', { spec: 1 }))
  t.match(made, { apiVersion: 'autoscaling/v1', spec: 1 })
  t.match(store.get(v2, 'shop', 's'), { apiVersion: 'autoscaling/v2', spec: { new: 1 } })
  objects.update(v2, { ...objects.get(v2, 'shop', 's')!, status: { seen: true } }, { subresource: 'status' })
  t.match(objects.update(v1, { ...objects.get(v1, 'shop', 's')!, spec: 2 }), { spec: 2, status: { seen: true } })
  t.match(objects.list(v1), [{ apiVersion: 'autoscaling/v1', spec: 2 }])
  t.match(objects.delete(v1, 'shop', 's'), { gone: true, object: { apiVersion: 'autoscaling/v1' } })
})
