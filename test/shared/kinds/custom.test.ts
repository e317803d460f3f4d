// custom.test.ts - a definition becomes kinds that behave as it says, and a bad or hostile definition is refused
import t from 'tap'
import { customKinds } from '../../../shared/kinds/custom.ts'
import {
  CUSTOM_RESOURCE_DEFINITION,
  type CustomResourceDefinition,
} from '../../../shared/kinds/custom-resource-definition.ts'
import { decodeObject } from '../../support/decode-object.ts'
import { parseJsonPath, valuesAt } from '../../../shared/kinds/json-path.ts'
import type { Kind } from '../../../shared/kinds/kind.ts'
import type { Json, JsonObject } from '../../../shared/kinds/object.ts'
import { meta } from '../../support/builders.ts'

const SCHEMA: JsonObject = {
  type: 'object',
  required: ['metadata', 'spec'],
  properties: {
    spec: {
      type: 'object',
      required: ['size'],
      properties: {
        size: { type: 'integer', minimum: 1 },
        color: { type: 'string', default: 'red', enum: ['red', 'blue'] },
        port: { 'x-kubernetes-int-or-string': true },
      },
    },
    status: {
      type: 'object',
      properties: {
        ready: { type: 'boolean' },
        replicas: { type: 'integer' },
        since: { type: 'string', format: 'date-time' },
      },
    },
  },
}

const version = (rest: JsonObject = {}): JsonObject => ({
  name: 'v1',
  served: true,
  storage: true,
  schema: { openAPIV3Schema: SCHEMA },
  ...rest,
})

/** Through the decoder, as everything that a user sends. */
function definition(spec: JsonObject = {}, name = 'widgets.example.com'): CustomResourceDefinition {
  const body = {
    group: 'example.com',
    scope: 'Namespaced',
    names: { plural: 'widgets', kind: 'Widget' },
    versions: [version()],
    ...spec,
  }
  const manifest = { apiVersion: 'apiextensions.k8s.io/v1', kind: 'CustomResourceDefinition', metadata: {}, spec: body }
  const object = { ...Object(decodeObject(CUSTOM_RESOURCE_DEFINITION, manifest).value), metadata: meta(name) }
  CUSTOM_RESOURCE_DEFINITION.setDefaults?.(object)
  return object
}

function only(kinds: readonly Kind[]): Kind {
  const [kind] = kinds
  if (!kind) throw new Error('there is no kind')
  return kind
}

const causesOf = (spec: JsonObject, name?: string, old?: CustomResourceDefinition) =>
  (CUSTOM_RESOURCE_DEFINITION.validate?.(definition(spec, name), old) ?? []).map(
    ({ field, message }) => `${field}: ${message}`,
  )

const withSchema = (openAPIV3Schema: Json) => ({ versions: [version({ schema: { openAPIV3Schema } })] })
const specOf = (schema: JsonObject): JsonObject => withSchema({ type: 'object', properties: { spec: schema } })

let deep: JsonObject = { type: 'string' }
for (let level = 0; level < 60; level += 1) deep = { type: 'object', properties: { a: deep } }
const wide = {
  type: 'object',
  properties: Object.fromEntries(Array.from({ length: 25_000 }, (_, index) => [`p${index}`, { type: 'string' }])),
}

const REFUSED: [string, JsonObject, RegExp][] = [
  ['another name', { group: 'other.com' }, /must be spec.names.plural\+"."\+spec.group/],
  ['a group without a dot', { group: 'apps' }, /should be a domain with at least one dot/],
  ['a group of ours', { group: 'networking.k8s.io' }, /belongs to built-in kinds/],
  ['an unknown scope', { scope: 'Galaxy' }, /spec.scope: Unsupported value: "Galaxy"/],
  ['a wrong plural', { names: { plural: 'Widgets', kind: 'Widget' } }, /spec.names.plural: Invalid value: "Widgets"/],
  [
    'no stored version',
    { versions: [version({ storage: false })] },
    /must have exactly one version marked as storage version/,
  ],
  [
    'two stored versions',
    { versions: [version(), version({ name: 'v2' })] },
    /must have exactly one version marked as storage version/,
  ],
  [
    'one version twice',
    { versions: [version(), version({ storage: false })] },
    /versions\[1\].name: Duplicate value: "v1"/,
  ],
  ['no schema', { versions: [version({ schema: null })] }, /schemas are required/],
  ['a schema of a number', withSchema({ type: 'number' }), /must be object at the root/],
  [
    'a field without a type',
    specOf({}),
    /properties\[spec\].type: Required value: must not be empty for specified object fields/,
  ],
  ['an unknown type', specOf({ type: 'integr' }), /Unsupported value: "integr"/],
  ['a list of nothing', specOf({ type: 'array' }), /items: Required value: must be specified/],
  ['a reference', specOf({ type: 'object', $ref: '#/x' }), /\$ref is not supported/],
  ['a broken pattern', specOf({ type: 'string', pattern: '(' }), /must be valid regular expression/],
  [
    'properties and others',
    specOf({ type: 'object', properties: {}, additionalProperties: { type: 'string' } }),
    /mutual exclusive/,
  ],
  ['a schema that is text', specOf({ type: 'object', properties: { a: 'text' } }), /must be a schema/],
  [
    'words of the wrong type',
    specOf({ type: 'integer', minimum: 'one' }),
    /minimum: Invalid value: "": must be a number/,
  ],
  ['an endless schema', withSchema(wide), /must have at most 20000 nodes/],
  [
    'a column of no path',
    { versions: [version({ additionalPrinterColumns: [{ name: 'a', type: 'string', jsonPath: '$..a' }] })] },
    /must be a simple JSON path/,
  ],
  [
    'a column of no type',
    { versions: [version({ additionalPrinterColumns: [{ name: 'a', type: 'blob', jsonPath: '.a' }] })] },
    /type: Unsupported value: "blob"/,
  ],
  [
    'a scale outside its spec',
    {
      versions: [
        version({ subresources: { scale: { specReplicasPath: '.metadata.x', statusReplicasPath: '.status.x' } } }),
      ],
    },
    /should be a json path under .spec/,
  ],
  ['a webhook', { conversion: { strategy: 'Webhook' } }, /spec.conversion.strategy: Unsupported value: "Webhook"/],
]

for (const [what, spec, expected] of REFUSED) {
  t.test(`A definition with ${what} is refused`, async (t) => {
    const causes = causesOf(spec)
    t.ok(
      causes.some((cause) => expected.test(cause)),
      causes.join('\n') || 'accepted',
    )
    t.ok(causes.length < 200)
  })
}

t.test('A definition is accepted, keeps its names, and warns of rules that nobody evaluates', async (t) => {
  t.same(causesOf({}), [])
  t.same(causesOf({}, undefined, definition()), [])
  t.match(causesOf({ scope: 'Cluster' }, undefined, definition()), [/spec.scope: .*field is immutable/])
  t.match(definition().spec, {
    names: { singular: 'widget', listKind: 'WidgetList' },
    conversion: { strategy: 'None' },
  })
  const rules = definition(specOf({ type: 'object', 'x-kubernetes-validations': [{ rule: 'true' }] }))
  t.equal(CUSTOM_RESOURCE_DEFINITION.warnings?.(rules).length, 1)
  t.same(CUSTOM_RESOURCE_DEFINITION.warnings?.(definition()), [])
})

t.test('A schema that is too deep never reaches the rules', async (t) => {
  t.throws(() => definition(withSchema(deep)), { code: 400, message: /exceeded max depth/ })
})

t.test('Objects of a custom kind are pruned, defaulted and checked along its schema', async (t) => {
  const kind = only(customKinds(definition()))
  const make = (spec: Json) => {
    const { value, unknown } = decodeObject(kind, {
      apiVersion: 'example.com/v1',
      kind: 'Widget',
      metadata: { name: 'w', labels: { a: 'b' } },
      spec,
    })
    const object = { ...Object(value), metadata: meta('w') }
    kind.setDefaults?.(object)
    return {
      object,
      unknown,
      causes: (kind.validate?.(object) ?? []).map(({ field, message }) => `${field}: ${message}`),
    }
  }
  const good = make({ size: 2, port: '80%', extra: true })
  t.same(good.object.spec, { size: 2, color: 'red', port: '80%' })
  t.same(good.unknown, ['spec.extra'])
  t.same(good.causes, [])
  t.same(make({ size: 0, color: 'green' }).causes, [
    'spec.size: Invalid value: 0: spec.size in body should be greater than or equal to 1',
    'spec.color: Unsupported value: "green": supported values: "red", "blue"',
  ])
  t.same(make({ size: 'big' }).causes, [
    'spec.size: Invalid value: "string": spec.size in body must be of type integer: "string"',
  ])
  t.same(make({}).causes, ['spec.size: Required value'])
  t.match(make('text').causes, [/spec in body must be of type object/])
})

t.test(
  'An object of which a definition says nothing holds nothing, unless it says that it holds anything',
  async (t) => {
    const anything = { type: 'object', 'x-kubernetes-preserve-unknown-fields': true }
    const map = { type: 'object', additionalProperties: { type: 'object' } }
    const properties = { bare: { type: 'object' }, anything, map, list: { type: 'array', items: { type: 'object' } } }
    const kind = only(customKinds(definition(specOf({ type: 'object', properties }))))
    const spec = { bare: { a: 1 }, anything: { a: { b: null } }, map: { x: { a: 1 } }, list: [{ a: 1 }] }
    const { value, unknown } = decodeObject(kind, { spec })
    t.same(value, { spec: { bare: {}, anything: { a: { b: null } }, map: { x: {} }, list: [{}] } })
    t.same(unknown, ['spec.bare.a', 'spec.map.x.a', 'spec.list.a'])
  },
)

t.test('Columns, status, scale and selectable fields are as the definition says', async (t) => {
  const additionalPrinterColumns: JsonObject[] = [
    { name: 'Size', type: 'integer', jsonPath: '.spec.size' },
    { name: 'Ready', type: 'string', jsonPath: '.status.conditions[?(@.type=="Ready")].status' },
    { name: 'Since', type: 'date', jsonPath: '.status.since', priority: 1 },
    { name: 'Colors', type: 'string', jsonPath: '.spec.parts[*].color' },
  ]
  const scale = {
    specReplicasPath: '.spec.replicas',
    statusReplicasPath: '.status.replicas',
    labelSelectorPath: '.status.selector',
  }
  const kind = only(
    customKinds(
      definition({
        versions: [
          version({
            additionalPrinterColumns,
            selectableFields: [{ jsonPath: '.spec.color' }],
            subresources: { status: {}, scale },
          }),
        ],
      }),
    ),
  )
  const object = {
    apiVersion: 'example.com/v1',
    kind: 'Widget',
    metadata: meta('w'),
    spec: { size: 3, color: 'red', parts: [{ color: 'a' }, { color: 'b' }] },
    status: { since: '2026-11-20T12:00:00Z', conditions: [{ type: 'Ready', status: 'True' }] },
  }
  const nowMs = Date.parse('2026-11-20T12:05:00Z')
  t.same(
    kind.columns.map(({ name, value }) => [name, value(object, nowMs)]),
    [
      ['Name', 'w'],
      ['Size', 3],
      ['Ready', 'True'],
      ['Since', '5m'],
      ['Colors', 'a,b'],
    ],
  )
  t.same(
    kind.columns.map((column) => column.value({ apiVersion: 'x', kind: 'y', metadata: meta('w') }, nowMs)),
    ['w', null, '', '<unknown>', ''],
  )
  t.equal(kind.hasStatus, true)
  t.same(kind.scale, { spec: '.spec.replicas', status: '.status.replicas', selector: '.status.selector' })
  t.equal(kind.selectableFields['spec.color']?.(object), 'red')
  t.same(
    only(customKinds(definition())).columns.map(({ name }) => name),
    ['Name', 'Age'],
  )
})

t.test('Versions of one kind share what is stored; one that is not served has no row', async (t) => {
  const versions = [
    version({ name: 'v1', storage: false }),
    version({ name: 'v2' }),
    version({ name: 'v3', storage: false, served: false }),
  ]
  const kinds = customKinds(definition({ versions }))
  t.same(
    kinds.map((kind) => kind.version),
    ['v1', 'v2'],
  )
  const [first, second] = kinds
  t.equal(first?.storage?.kind, second)
  const object = { apiVersion: 'example.com/v1', kind: 'Widget', metadata: meta('w'), spec: { size: 1 } }
  const stored = first?.storage?.toStorage(object)
  t.equal(stored?.apiVersion, 'example.com/v2')
  t.same(stored && first?.storage?.fromStorage(stored), object)
})

t.test('Paths lead where Kubernetes leads, and nowhere else', async (t) => {
  const root = {
    a: { 'b.c': [1, { d: 2 }] },
    l: [
      { t: 'x', v: 1 },
      { t: 'y', v: 2 },
    ],
  }
  const at = (path: string) => valuesAt(root, parseJsonPath(path) ?? [])
  t.same(at("{.a['b.c'][1].d}"), [2])
  t.same(at('.a.b\\.c[0]'), [1])
  t.same(at('.l[*].v'), [1, 2])
  t.same(at('.l[?(@.t=="y")].v'), [2])
  t.same(at('.constructor'), [])
  t.same(at('.gone.deeper'), [])
  for (const path of ['', 'a', '$.a', '..a', '.a[', '.a[?(@.b>1)]', '.a.'.repeat(2_000)])
    t.equal(parseJsonPath(path), undefined, path.slice(0, 20))
})
