// managed-fields.test.ts - who owns which field after creates, updates and applies
import t from 'tap'
import type { FieldSet } from '../../../hub/api/field-set.ts'
import { trackCreate, trackUpdate, type Tracking } from '../../../hub/api/managed-fields.ts'
import { applyTo, trackApply } from '../../../hub/api/server-side-apply.ts'
import { components } from '../../../shared/kinds/generated/schemas.ts'
import type { KubeObject, ManagedFieldsEntry } from '../../../shared/kinds/object.ts'

const by = (manager: string, operation: 'Apply' | 'Update' = 'Update', time = '2026-11-20T12:00:00Z'): Tracking => ({
  id: { manager, operation },
  schema: components['io.k8s.api.apps.v1.Deployment'],
  time,
})

type Content = { spec?: unknown; labels?: Record<string, string>; managedFields?: readonly ManagedFieldsEntry[] }

const deployment = ({ spec, labels, managedFields }: Content): KubeObject => ({
  apiVersion: 'apps/v1',
  kind: 'Deployment',
  metadata: {
    name: 'web',
    uid: 'u',
    resourceVersion: '1',
    creationTimestamp: '',
    ...(labels && { labels }),
    ...(managedFields && { managedFields }),
  },
  ...(spec !== undefined && { spec }),
})

const template = (...containers: object[]) => ({ template: { spec: { containers } } })
const fieldsBy = (entries: readonly ManagedFieldsEntry[] | undefined, manager: string): FieldSet | undefined =>
  entries?.find((entry) => entry.manager === manager)?.fieldsV1 as FieldSet | undefined

/** A live deployment that one manager applied. */
const applied = (manager: string, content: Content) => {
  const object = deployment(content)
  return deployment({ ...content, managedFields: trackApply(object, by(manager, 'Apply')) })
}

function reapply(live: KubeObject, manager: string, content: Content, force = false) {
  const result = applyTo(live, deployment(content), by(manager, 'Apply', '2026-11-20T13:00:00Z'), force)
  const { spec } = result.object
  const { labels } = result.object.metadata as { labels?: Record<string, string> }
  return deployment({ spec, managedFields: result.managedFields, ...(labels && { labels }) })
}

t.test('a creator owns what it sent, and nothing of the server', async (t) => {
  const entries = trackCreate(deployment({ labels: { a: '1' }, spec: { replicas: 1 } }), by('kubectl'))
  t.match(entries, [{ manager: 'kubectl', operation: 'Update', apiVersion: 'apps/v1', fieldsType: 'FieldsV1' }])
  t.same(fieldsBy(entries, 'kubectl'), {
    'f:metadata': { 'f:labels': { '.': {}, 'f:a': {} } },
    'f:spec': { 'f:replicas': {} },
  })
})

t.test('who changes a value takes it over from whoever had it', async (t) => {
  const live = deployment({ spec: { replicas: 1, paused: true } })
  const owned = deployment({ spec: live.spec, managedFields: trackCreate(live, by('one')) })
  const entries = trackUpdate(owned, deployment({ spec: { replicas: 2, paused: true } }), by('two'))
  t.same(fieldsBy(entries, 'one'), { 'f:spec': { 'f:paused': {} } })
  t.same(fieldsBy(entries, 'two'), { 'f:spec': { 'f:replicas': {} } })
})

t.test('an update that changes nothing leaves the entries and their times alone', async (t) => {
  const live = deployment({ spec: { replicas: 1 } })
  const owned = deployment({ spec: live.spec, managedFields: trackCreate(live, by('one')) })
  t.same(trackUpdate(owned, owned, by('one', 'Update', '2030-01-01T00:00:00Z')), owned.metadata.managedFields)
})

t.test('a client may set the entries itself, and forget them all with one empty entry', async (t) => {
  const live = applied('one', { spec: { replicas: 1 } })
  const reset = deployment({ spec: { replicas: 1 }, managedFields: [{}] })
  t.same(trackUpdate(live, reset, by('two')), [])
  const broken = deployment({
    spec: { replicas: 1 },
    managedFields: [{ manager: 'x', operation: 'Apply', fieldsV1: { bad: {} } }],
  })
  t.ok(fieldsBy(trackUpdate(live, broken, by('two')), 'one'), 'entries that cannot be read count as absent')
})

t.test('many updaters are gathered under one name', async (t) => {
  let live = deployment({ labels: {} })
  for (let at = 0; at < 15; at += 1) {
    const labels = { ...live.metadata.labels, [`l${at}`]: 'x' }
    const time = `2026-11-20T12:00:${String(at).padStart(2, '0')}Z`
    live = deployment({
      labels,
      managedFields: trackUpdate(live, deployment({ labels }), by(`m${at}`, 'Update', time)),
    })
  }
  t.equal(live.metadata.managedFields?.length, 10)
  t.match(fieldsBy(live.metadata.managedFields, 'ancient-changes'), {
    'f:metadata': { 'f:labels': { 'f:l0': {}, 'f:l5': {} } },
  })
})

t.test('a second applier meets a conflict that names the first and the field', async (t) => {
  const live = applied('one', { spec: { replicas: 1, ...template({ name: 'web', image: 'a' }) } })
  t.throws(() => reapply(live, 'two', { spec: { replicas: 2 } }), {
    code: 409,
    reason: 'Conflict',
    message: 'Apply failed with 1 conflict: conflict with "one": .spec.replicas',
    details: { causes: [{ reason: 'FieldManagerConflict', message: 'conflict with "one"', field: '.spec.replicas' }] },
  })
  t.throws(() => reapply(live, 'two', { spec: { replicas: 2, ...template({ name: 'web', image: 'b' }) } }), {
    message:
      'Apply failed with 2 conflicts: conflicts with "one":\n- .spec.replicas\n- .spec.template.spec.containers[name="web"].image',
  })
})

t.test('an updater is named with the version that it used', async (t) => {
  const object = deployment({ spec: { replicas: 1 } })
  const live = deployment({ spec: { replicas: 1 }, managedFields: trackCreate(object, by('kubectl')) })
  t.throws(() => reapply(live, 'two', { spec: { replicas: 2 } }), {
    message: 'Apply failed with 1 conflict: conflict with "kubectl" using apps/v1: .spec.replicas',
  })
})

t.test('force takes the field, and the same value is shared', async (t) => {
  const live = applied('one', { spec: { replicas: 1 } })
  const forced = reapply(live, 'two', { spec: { replicas: 2 } }, true)
  t.equal(fieldsBy(forced.metadata.managedFields, 'one'), undefined)
  t.match(forced, { spec: { replicas: 2 } })
  const shared = reapply(live, 'two', { spec: { replicas: 1 } })
  t.same(fieldsBy(shared.metadata.managedFields, 'one'), { 'f:spec': { 'f:replicas': {} } })
  t.same(fieldsBy(shared.metadata.managedFields, 'two'), { 'f:spec': { 'f:replicas': {} } })
})

t.test('what an applier no longer sends goes, unless somebody else owns it too', async (t) => {
  const content = { labels: { a: '1', b: '2' }, spec: { replicas: 1, ...template({ name: 'web' }, { name: 'side' }) } }
  const live = reapply(applied('one', content), 'two', { labels: { b: '2' } })
  const less = reapply(live, 'one', { spec: template({ name: 'web' }) })
  t.same(less.metadata.labels, { b: '2' })
  t.same(less.spec, template({ name: 'web' }))
})

t.test('containers of several appliers live in one list, ports with and without a protocol are the same', async (t) => {
  const port = { containerPort: 80, name: 'http' }
  const live = applied('one', { spec: template({ name: 'web', ports: [{ ...port, protocol: 'TCP' }] }) })
  const merged = reapply(live, 'two', { spec: template({ name: 'side', image: 's' }, { name: 'web', ports: [port] }) })
  t.same(merged.spec, template({ name: 'side', image: 's' }, { name: 'web', ports: [{ ...port, protocol: 'TCP' }] }))
})

t.test('what nobody is known to own belongs to whoever was before the first apply', async (t) => {
  const live = deployment({ spec: { replicas: 3 } })
  t.throws(() => reapply(live, 'two', { spec: { replicas: 1 } }), { message: /before-first-apply/ })
  t.match(reapply(live, 'two', { spec: { paused: true } }), { spec: { replicas: 3, paused: true } })
})

t.test('an empty map or list that an applier sends again takes nothing from those who filled it since', async (t) => {
  const content = (container: object): Content => ({ labels: {}, spec: template({ name: 'web', ...container }) })
  const live = applied('one', content({ resources: {}, env: [] }))
  const filled = content({ resources: { limits: { cpu: '1' } }, env: [{ name: 'A', value: '1' }] })
  const labels = { team: 'till' }
  const managedFields = trackUpdate(live, deployment({ ...filled, labels }), by('kubectl-set'))
  const set = deployment({ ...filled, labels, managedFields })
  const again = reapply(set, 'one', content({ resources: {}, env: [] }))
  t.same(again.spec, filled.spec)
  t.same(again.metadata.labels, labels)
  t.same(again.metadata.managedFields, managedFields, 'nobody comes to own anything else')
  const command = (...words: string[]) => template({ name: 'web', command: words })
  t.throws(() => reapply(applied('one', { spec: command('run') }), 'two', { spec: command() }), /conflict with "one"/)
})
