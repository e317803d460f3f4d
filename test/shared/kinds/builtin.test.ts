// builtin.test.ts - every row of the table of kinds keeps the promises that the generic parts build on
import t from 'tap'
import { builtinKinds } from '../../../shared/kinds/builtin.ts'
import { decodeObject, schemaOf } from '../../support/decode-object.ts'
import { apiVersionOf, type Kind } from '../../../shared/kinds/kind.ts'
import type { KubeObject } from '../../../shared/kinds/object.ts'
import { requiredCauses } from '../../../shared/kinds/schema-causes.ts'
import { createRegistry } from '../../../shared/kinds/registry.ts'
import { meta } from '../../support/builders.ts'
import { minimalManifest } from '../../support/manifests.ts'

const stored = builtinKinds.filter((kind) => kind.verbs.includes('update'))

function fromManifest(kind: Kind): KubeObject {
  const manifest = minimalManifest(apiVersionOf(kind), kind.kind)
  if (!manifest) throw new Error(`there is no manifest for ${kind.kind}`)
  const { value, unknown } = decodeObject(kind, manifest)
  t.same(unknown, [], `${kind.kind} has unknown fields`)
  const { metadata, ...body } = Object(value)
  const { namespace, ...rest } = meta(metadata.name)
  return { ...body, metadata: kind.namespaced ? { ...rest, namespace } : rest }
}

const copyOf = (object: KubeObject): KubeObject => structuredClone(object)

t.test('Every kind has a schema that says which kind it is', async (t) => {
  for (const kind of builtinKinds) {
    const { group, version, kind: name } = kind
    t.strictSame(schemaOf(kind)?.['x-kubernetes-group-version-kind']?.[0], { group, version, kind: name }, name)
  }
})

for (const kind of stored) {
  const name = `${apiVersionOf(kind)} ${kind.kind}`

  t.test(`${name}: the least that a user can write is accepted, and defaults come once`, async (t) => {
    const object = fromManifest(kind)
    kind.setDefaults?.(object)
    const once = copyOf(object)
    kind.setDefaults?.(object)
    t.strictSame(object, once, 'defaulting twice is defaulting once')
    t.same(kind.validate?.(object), [])
    t.same(kind.validate?.(object, copyOf(object)), [], 'writing it back changes nothing')
    t.same(
      decodeObject(kind, JSON.parse(JSON.stringify(once))).unknown,
      [],
      'defaults are fields that the schema knows',
    )
    t.same(requiredCauses(once, schemaOf(kind)), [])
  })

  t.test(`${name}: prints, with and without its parts`, async (t) => {
    const full = fromManifest(kind)
    kind.setDefaults?.(full)
    const bare: KubeObject = { apiVersion: apiVersionOf(kind), kind: kind.kind, metadata: full.metadata }
    for (const object of [full, bare]) {
      for (const column of kind.columns) {
        const cell = column.value(object, Date.parse('2026-11-20T13:00:00Z'))
        t.ok(
          cell === null || ['string', 'number', 'boolean'].includes(typeof cell),
          `${column.name}: ${JSON.stringify(cell)}`,
        )
        t.notMatch(JSON.stringify(cell), /undefined|NaN|object/, column.name)
      }
      for (const read of Object.values(kind.selectableFields)) t.doesNotThrow(() => read(object))
    }
  })

  t.test(`${name}: an object without its parts is refused or accepted, never a crash`, async (t) => {
    const bare: KubeObject = { apiVersion: apiVersionOf(kind), kind: kind.kind, metadata: fromManifest(kind).metadata }
    t.doesNotThrow(() => kind.setDefaults?.(bare))
    t.doesNotThrow(() => kind.validate?.(bare))
    t.doesNotThrow(() => kind.warnings?.(bare))
  })

  t.test(`${name}: a hostile name is refused`, async (t) => {
    const object = fromManifest(kind)
    kind.setDefaults?.(object)
    const named = (text: string) => ({ ...object, metadata: { ...object.metadata, name: text } })
    for (const text of ['', '..', '../etc', 'a/b']) {
      const fields = kind.validate?.(named(text)).map(({ field }) => field)
      t.ok(fields?.includes('metadata.name'), JSON.stringify(text))
    }
  })
}

t.test('Kinds that are only stored say so, once, when they are created', async (t) => {
  const says = (kind: Kind, old?: KubeObject) => kind.warnings?.(fromManifest(kind), old) ?? []
  const storedOnly = stored.filter((kind) => says(kind).some((text) => text.includes('is stored, but')))
  t.same(storedOnly.map(({ kind }) => kind).sort(), [
    'ClusterRole',
    'ClusterRoleBinding',
    'CronJob',
    'EndpointSlice',
    'Endpoints',
    'HorizontalPodAutoscaler',
    'Ingress',
    'Job',
    'LimitRange',
    'NetworkPolicy',
    'PersistentVolume',
    'PersistentVolumeClaim',

    'PodTemplate',
    'PriorityClass',
    'ReplicationController',
    'ResourceQuota',
    'Role',
    'RoleBinding',
    'Service',
    'StatefulSet',
    'StorageClass',
  ])
  for (const kind of storedOnly) t.same(says(kind, fromManifest(kind)), [], kind.kind)
})

t.test('The table finds rows, and tells when it changes', async (t) => {
  const registry = createRegistry(builtinKinds)
  t.equal(registry.find('apps', 'v1', 'deployments')?.kind, 'Deployment')
  t.equal(registry.byKind('v1', 'Pod')?.plural, 'pods')
  t.equal(registry.byResource('autoscaling', 'horizontalpodautoscalers')?.version, 'v2')
  t.equal(registry.byResource('', 'pods')?.kind, 'Pod')
  t.same(registry.groups().get('autoscaling'), ['v2', 'v1'])
  t.same([...registry.groups().keys()].at(0), '')
  t.same([...registry.groups().keys()].at(-1), 'metrics.k8s.io')
  let changes = 0
  const end = registry.onChange(() => (changes += 1))
  const [first] = builtinKinds
  if (!first) throw new Error('the table is empty')
  const custom = { ...first, group: 'example.com', plural: 'widgets', kind: 'Widget' }
  registry.add(custom)
  registry.add({ ...custom, singular: 'other' })
  t.equal(registry.byKind('example.com/v1', 'Widget')?.singular, 'other')
  registry.remove(custom)
  registry.remove(custom)
  t.equal(registry.find('example.com', 'v1', 'widgets'), undefined)
  t.equal(changes, 3)
  end()
  registry.add(custom)
  t.equal(changes, 3)
})
