// schema-walk.test.ts - what clients send is pruned and checked along the schema, in Go's words, however hostile it is
import t from 'tap'
import { decodeObject, schemaOf } from '../../support/decode-object.ts'
import { DEPLOYMENT } from '../../../shared/kinds/deployment.ts'
import type { Json } from '../../../shared/kinds/object.ts'
import { POD } from '../../../shared/kinds/pod.ts'
import {
  applyDefaults,
  COMPLAINTS_MAX,
  decode,
  DEPTH_MAX,
  items,
  property,
  resolve,
} from '../../../shared/kinds/schema-walk.ts'
import type { Schema } from '../../../shared/kinds/schema.ts'

const decodePod = (spec: Json) => decode({ apiVersion: 'v1', kind: 'Pod', spec }, schemaOf(POD))

t.test('Unknown fields and nulls go, and the unknown are named', async (t) => {
  const sent = { containers: [{ name: 'a', imagee: 'x' }], nodeNam: 'n', hostname: null }
  const { value, unknown, typeErrors } = decodePod(sent)
  t.same(value, { apiVersion: 'v1', kind: 'Pod', spec: { containers: [{ name: 'a' }] } })
  t.same(
    unknown,
    ['spec.containers[0].imagee', 'spec.nodeNam'].map((path) => path.replace('[0]', '')),
  )
  t.same(typeErrors, [])
  t.ok('nodeNam' in sent, 'the argument is left as it was')
})

t.test('Wrong types are refused in the words of Go', async (t) => {
  const errors: [Json, string][] = [
    [
      { containers: 'one' },
      'json: cannot unmarshal string into Go struct field PodSpec.spec.containers of type []v1.Container',
    ],
    [
      { hostNetwork: 'yes' },
      'json: cannot unmarshal string into Go struct field PodSpec.spec.hostNetwork of type bool',
    ],
    [{ nodeName: 7 }, 'json: cannot unmarshal number into Go struct field PodSpec.spec.nodeName of type string'],
    [
      { nodeSelector: { a: true } },
      'json: cannot unmarshal bool into Go struct field PodSpec.spec.nodeSelector.a of type string',
    ],
    [
      { terminationGracePeriodSeconds: 1.5 },
      'json: cannot unmarshal number 1.5 into Go struct field PodSpec.spec.terminationGracePeriodSeconds of type int64',
    ],
    [
      { terminationGracePeriodSeconds: 2 ** 63 },
      `json: cannot unmarshal number ${2 ** 63} into Go struct field PodSpec.spec.terminationGracePeriodSeconds of type int64`,
    ],
    [
      { containers: [{ ports: [{ containerPort: 2 ** 40 }] }] },
      `json: cannot unmarshal number ${2 ** 40} into Go struct field ContainerPort.spec.containers.ports.containerPort of type int32`,
    ],
    [
      { containers: [{ resources: { limits: { cpu: 'much' } } }] },
      "quantities must match the regular expression '^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'",
    ],
  ]
  for (const [spec, message] of errors) t.same(decodePod(spec).typeErrors, [message])
  t.throws(() => decodeObject(DEPLOYMENT, { spec: { replicas: 'three' } }), {
    code: 400,
    message:
      'Deployment in version "v1" cannot be handled as a Deployment: json: cannot unmarshal string into Go struct field DeploymentSpec.spec.replicas of type int32',
  })
  t.throws(() => decodeObject(POD, []), { code: 400 })
  t.throws(() => decodeObject(POD, 'text'), { code: 400 })
  t.match(
    decode({ metadata: { creationTimestamp: 'yesterday' } }, schemaOf(POD)).typeErrors[0],
    'parsing time "yesterday"',
  )
})

t.test('Quantities become their canonical text, and ports by number or name pass', async (t) => {
  const limits = { cpu: 1, memory: '1024Mi' }
  const { value, typeErrors } = decodePod({
    containers: [{ resources: { limits }, livenessProbe: { httpGet: { port: 'http' }, tcpSocket: { port: 80 } } }],
  })
  t.same(typeErrors, [])
  t.match(value, { spec: { containers: [{ resources: { limits: { cpu: '1', memory: '1Gi' } } }] } })
})

const nested = (depth: number): Json => JSON.parse('{"a":'.repeat(depth) + '1' + '}'.repeat(depth))

t.test('Depth has an end, in known and in open places', async (t) => {
  t.same(decode(nested(100_000), undefined).typeErrors, ['json: exceeded max depth'])
  t.same(decode(nested(DEPTH_MAX), undefined).typeErrors, [])
  const recursive: Schema = {
    type: 'object',
    properties: { a: { type: 'object', 'x-kubernetes-preserve-unknown-fields': true } },
  }
  t.same(decode(nested(5_000), recursive).typeErrors, ['json: exceeded max depth'])
  t.doesNotThrow(() => applyDefaults(nested(5_000), recursive))
})

t.test('A hundred thousand unknown fields are not all remembered', async (t) => {
  const many = Object.fromEntries(Array.from({ length: 100_000 }, (_, index) => [`field${index}`, 1]))
  const { value, unknown } = decodePod(many)
  t.equal(unknown.length, COMPLAINTS_MAX)
  t.same(value, { apiVersion: 'v1', kind: 'Pod', spec: {} })
})

t.test('Names of the language itself are data, not behaviour', async (t) => {
  const sent: Json = JSON.parse(
    '{"metadata":{"labels":{"__proto__":"x","constructor":"y"}},"spec":{"__proto__":{"polluted":true},"toString":1}}',
  )
  const { value, unknown } = decode(sent, schemaOf(POD))
  t.same(unknown, ['metadata.labels.__proto__', 'spec.__proto__', 'spec.toString'])
  t.same(value, { metadata: { labels: { constructor: 'y' } }, spec: {} })
  t.equal(Reflect.get({}, 'polluted'), undefined)
})

t.test('A schema that refers to nothing, or to itself, ends', async (t) => {
  t.same(resolve({ $ref: '#/components/schemas/constructor' }), {})
  t.same(decode({ a: 1 }, { $ref: 'https://example.com/x' }).value, { a: 1 })
})

t.test('Fields, list items and merge keys are found through references', async (t) => {
  const spec = property(schemaOf(POD), 'spec')
  const containers = property(spec, 'containers')
  t.equal(containers?.['x-kubernetes-patch-merge-key'], 'name')
  t.equal(property(items(containers), 'ports')?.['x-kubernetes-patch-merge-key'], 'containerPort')
  t.same(property(items(containers), 'ports')?.['x-kubernetes-list-map-keys'], ['containerPort', 'protocol'])
  t.equal(property(spec, 'nodeSelector')?.['x-kubernetes-map-type'], 'atomic')
  t.equal(property(spec, 'toString'), undefined)
})

t.test('Defaults of a custom schema fill what is absent, at every level', async (t) => {
  const schema: Schema = {
    type: 'object',
    properties: {
      spec: {
        type: 'object',
        default: {},
        properties: {
          size: { type: 'integer', default: 3 },
          parts: {
            type: 'array',
            items: { type: 'object', properties: { kind: { type: 'string', default: 'plain' } } },
          },
        },
      },
    },
  }
  const empty = {}
  applyDefaults(empty, schema)
  t.same(empty, { spec: { size: 3 } })
  const partly = { spec: { size: 0, parts: [{}, { kind: 'x' }] } }
  applyDefaults(partly, schema)
  t.same(partly, { spec: { size: 0, parts: [{ kind: 'plain' }, { kind: 'x' }] } })
})
