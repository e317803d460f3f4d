// protobuf.test.ts - bodies as newer Go clients send them
import t from 'tap'
import { decodeProtobuf, PROTOBUF_TYPE } from '../../../hub/api/protobuf.ts'
import { MESSAGES } from '../../../hub/api/protobuf-table.ts'
import { startTestHub } from '../../support/test-hub.ts'

const varint = (value: number): number[] => (value < 128 ? [value] : [(value & 127) | 128, ...varint(value >>> 7)])
const number = (field: number, value: number) => Buffer.from([...varint(field << 3), ...varint(value)])
const bytes = (field: number, content: Buffer | string) => {
  const data = Buffer.from(content)
  return Buffer.concat([Buffer.from([...varint((field << 3) | 2), ...varint(data.length)]), data])
}
const message = (field: number, ...parts: Buffer[]) => bytes(field, Buffer.concat(parts))
const envelope = (apiVersion: string, kind: string, ...raw: Buffer[]) =>
  Buffer.concat([Buffer.from('k8s\0'), message(1, bytes(1, apiVersion), bytes(2, kind)), message(2, ...raw)])
const entry = (key: string, value: string) => [bytes(1, key), bytes(2, value)]

t.test('maps, bytes, times and the zeros that Go writes', async (t) => {
  const metadata = message(
    1,
    bytes(1, 'a'),
    bytes(2, ''),
    message(8),
    message(11, ...entry('team', 'red')),
    number(7, 0),
  )
  const secret = envelope(
    'v1',
    'Secret',
    metadata,
    message(2, ...entry('k', 'value')),
    bytes(3, 'Opaque'),
    number(5, 0),
  )
  t.same(decodeProtobuf(secret), {
    value: {
      apiVersion: 'v1',
      kind: 'Secret',
      metadata: { name: 'a', labels: { team: 'red' } },
      data: { k: 'dmFsdWU=' },
      type: 'Opaque',
      immutable: false,
    },
    unknown: [],
  })
})

t.test('quantities, ports by name or number, and structs that are inlined', async (t) => {
  const limits = message(8, message(1, bytes(1, 'cpu'), message(2, bytes(1, '200m'))))
  const handler = message(1, message(2, bytes(1, '/up'), message(2, number(1, 0), number(2, 8080))))
  const probe = message(10, handler, number(2, 5))
  const volume = message(1, bytes(1, 'tmp'), message(2, message(2, bytes(1, ''))))
  const pod = envelope('v1', 'Pod', message(2, volume, message(2, bytes(1, 'c'), limits, probe), number(4, 0)))
  t.match(decodeProtobuf(pod).value, {
    spec: {
      terminationGracePeriodSeconds: 0,
      volumes: [{ name: 'tmp', emptyDir: {} }],
      containers: [
        {
          resources: { limits: { cpu: '200m' } },
          livenessProbe: { httpGet: { path: '/up', port: 8080 }, initialDelaySeconds: 5 },
        },
      ],
    },
  })
})

t.test('broken bodies are bad requests', async (t) => {
  const good = envelope('v1', 'ConfigMap', message(1, bytes(1, 'a')))
  for (let length = 0; length < good.length; length += 1) {
    try {
      decodeProtobuf(good.subarray(0, length))
    } catch (error) {
      t.match(error, { code: /^4/ })
    }
  }
  t.throws(() => decodeProtobuf(envelope('v1', 'Nothing')), { code: 415 })
  t.throws(() => decodeProtobuf(Buffer.concat([Buffer.from('k8s\0'), Buffer.alloc(20, 0xff)])), { code: 400 })
})

t.test('every message that a field names is in the table', async (t) => {
  const words = new Set('string int32 int64 bool bytes quantity intstr time duration json strings double'.split(' '))
  const missing = [...MESSAGES].flatMap(([name, fields]) =>
    [...fields.values()]
      .filter(({ type }) => !words.has(type) && !MESSAGES.has(type))
      .map((field) => `${name}.${field.name}`),
  )
  t.same(missing, [])
})

t.test('a field that we do not know is skipped with a warning', async (t) => {
  const hub = await startTestHub()
  t.teardown(() => hub.stop())
  const body = envelope('v1', 'ConfigMap', message(1, bytes(1, 'a')), message(2, ...entry('k', 'v')), bytes(99, 'new'))
  const headers = { 'content-type': PROTOBUF_TYPE, accept: `${PROTOBUF_TYPE},application/json` }
  const created = await hub.ask('POST', '/api/v1/namespaces/default/configmaps', { body, headers })
  t.match(created, { code: 201, json: { data: { k: 'v' } }, headers: { warning: /core\.v1\.ConfigMap field 99/ } })
})

t.test('A status that the client has not filled in warns of nothing, however new the client', async (t) => {
  const status = message(3, bytes(14, ''), number(17, 0), number(99, 0), bytes(98, ''))
  t.same(decodeProtobuf(envelope('v1', 'Pod', status)).unknown, [])
  const job = envelope('batch/v1', 'Job', message(3, bytes(7, '')))
  t.same(decodeProtobuf(job).unknown, [])
  t.same(decodeProtobuf(envelope('v1', 'Pod', message(3, number(99, 1)))).unknown, ['core.v1.PodStatus field 99'])
  const lost = envelope('v1', 'Pod', message(2, number(999, 0)))
  t.same(decodeProtobuf(lost).unknown, ['core.v1.PodSpec field 999'], 'where false may be what somebody has asked for')
})
