// protobuf.ts - reads protobuf request bodies: clients on client-go 0.32 and later send them and have no fallback to JSON
import { badRequest, StatusError } from '../../shared/kinds/status-error.ts'
import type { Json, JsonObject } from '../../shared/kinds/object.ts'
import { DEPTH_MAX, scanJson } from './json-scan.ts'
import { DROP_EMPTY, KEEP_FALSE, KEEP_ZERO, MESSAGES, type Field } from './protobuf-table.ts'
import { BYTES, createWireReader, readFields, VARINT, type WireReader } from './protobuf-wire.ts'

export const PROTOBUF_TYPE = 'application/vnd.kubernetes.protobuf'
const MAGIC = Buffer.from('k8s\0', 'latin1')

export interface DecodedProtobuf {
  value: JsonObject
  /** "core.v1.PodSpec field 99": sent by a client that is newer than our table. */
  unknown: readonly string[]
}

/** "k8s\0", then runtime.Unknown{1: TypeMeta{1: apiVersion, 2: kind}, 2: raw}. */
export function decodeProtobuf(body: Buffer): DecodedProtobuf {
  if (!body.subarray(0, MAGIC.length).equals(MAGIC)) throw badRequest('error decoding: not a Kubernetes protobuf body')
  const envelope = readFields(body.subarray(MAGIC.length))
  const typeMeta = readFields(envelope.bytes(1) ?? Buffer.alloc(0))
  const apiVersion = textOf(typeMeta.bytes(1))
  const kind = textOf(typeMeta.bytes(2))
  const message = messageName(apiVersion, kind)
  if (!MESSAGES.has(message)) throw unsupported(apiVersion, kind)
  const unknown = new Set<string>()
  const value = readMessage(message, envelope.bytes(2) ?? Buffer.alloc(0), 0, unknown)
  return { value: { apiVersion, kind, ...value }, unknown: [...unknown] }
}

const textOf = (bytes: Buffer | undefined): string => bytes?.toString('utf8') ?? ''

/** "rbac.authorization.k8s.io/v1" Role is "rbac.v1.Role": messages are named for the Go package. */
function messageName(apiVersion: string, kind: string): string {
  if (kind === 'DeleteOptions') return 'meta.v1.DeleteOptions'
  const [group, version] = apiVersion.includes('/') ? apiVersion.split('/') : ['core', apiVersion]
  return `${group?.split('.')[0]}.${version}.${kind}`
}

const unsupported = (apiVersion: string, kind: string) =>
  new StatusError(
    415,
    'UnsupportedMediaType',
    `the body of the request was in an unknown format: protobuf is not supported for ${apiVersion}, Kind=${kind}`,
  )

function readMessage(name: string, bytes: Buffer, depth: number, unknown: Set<string>): JsonObject {
  if (depth > DEPTH_MAX) throw badRequest(`error decoding: nested deeper than ${DEPTH_MAX} levels`)
  const fields = MESSAGES.get(name)
  const reader = createWireReader(bytes)
  const object: JsonObject = {}
  while (reader.hasMore()) {
    const { field: number, wire } = reader.tag()
    const field = fields?.get(number)
    if (!field) {
      const isEmpty = isEmptyValue(wire, reader)
      if (!isEmpty || !name.endsWith('Status')) unknown.add(`${name} field ${number}`)
      continue
    }
    addField(object, field, wire, reader, depth, unknown)
  }
  return object
}

/**
 * Go writes the zero of every field that is not a pointer. Of a status that the client has not filled in, a zero that we
 * do not know is no loss, and a warning for each `create` of a newer client would hide those that mean something.
 */
function isEmptyValue(wire: number, reader: WireReader): boolean {
  if (wire === VARINT) return reader.varint() === 0n
  if (wire === BYTES) return reader.bytes().length === 0
  reader.skip(wire)
  return false
}

function addField(
  object: JsonObject,
  field: Field,
  wire: number,
  reader: WireReader,
  depth: number,
  unknown: Set<string>,
) {
  if (field.shape === 'map') {
    const [key, value] = readEntry(field.type, reader.bytes(), depth, unknown)
    const map = (object[field.name] ??= {})
    if (key !== '__proto__' && isObject(map)) map[key] = value
    return
  }
  const value = readValue(field.type, wire, reader, depth, unknown)
  if (value === undefined) return
  if (field.shape === 'inline') Object.assign(object, value)
  else if (field.shape === 'list') {
    const list = (object[field.name] ??= [])
    if (Array.isArray(list)) list.push(value)
  } else if (!isLeftOut(field.name, value)) object[field.name] = value
}

const isObject = (value: Json): value is JsonObject =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

function isLeftOut(name: string, value: Json): boolean {
  if (value === '') return true
  if (value === 0) return !KEEP_ZERO.has(name)
  if (value === false) return !KEEP_FALSE.has(name)
  return isObject(value) && Object.keys(value).length === 0 && DROP_EMPTY.has(name)
}

function readEntry(type: string, bytes: Buffer, depth: number, unknown: Set<string>): [string, Json] {
  const reader = createWireReader(bytes)
  let key = ''
  let value: Json = type === 'bytes' || type === 'string' ? '' : {}
  while (reader.hasMore()) {
    const { field, wire } = reader.tag()
    if (field === 1) key = textOf(reader.bytes())
    else value = readValue(type, wire, reader, depth, unknown) ?? value
  }
  return [key, value]
}

function readValue(
  type: string,
  wire: number,
  reader: WireReader,
  depth: number,
  unknown: Set<string>,
): Json | undefined {
  if (wire === VARINT) {
    const number = reader.varint()
    return type === 'bool' ? number !== 0n : Number(number)
  }
  if (wire === 1) return reader.double()
  const bytes = reader.bytes()
  const special = SPECIAL[type]
  return special ? special(bytes) : readMessage(type, bytes, depth + 1, unknown)
}

/** Types whose JSON is not the JSON of their message. */
const SPECIAL: Readonly<Record<string, (bytes: Buffer) => Json | undefined>> = {
  string: textOf,
  bytes: (bytes) => bytes.toString('base64'),
  quantity: (bytes) => textOf(readFields(bytes).bytes(1)) || '0',
  intstr(bytes) {
    const fields = readFields(bytes)
    return fields.number(1) === 0 ? fields.number(2) : textOf(fields.bytes(3))
  },
  time(bytes) {
    const fields = readFields(bytes)
    return fields.size === 0 ? undefined : timeText(fields.number(1), fields.number(2))
  },
  duration: (bytes) => `${readFields(bytes).number(1) / 1e9}s`,
  json(bytes) {
    const text = textOf(readFields(bytes).bytes(1))
    return text ? parseJson(text) : undefined
  },
  strings(bytes) {
    const reader = createWireReader(bytes)
    const list: string[] = []
    while (reader.hasMore()) {
      reader.tag()
      list.push(textOf(reader.bytes()))
    }
    return list
  },
}

function timeText(seconds: number, nanos: number): string {
  const milliseconds = seconds * 1000 + Math.floor(nanos / 1e6)
  const date = new Date(milliseconds)
  if (Number.isNaN(date.getTime())) throw badRequest('error decoding: time is out of range')
  if (!nanos) return date.toISOString().replace('.000Z', 'Z')
  const micros = String(Math.floor(nanos / 1000)).padStart(6, '0')
  return date.toISOString().replace(/\.\d+Z$/, `.${micros}Z`)
}

function parseJson(text: string): Json {
  scanJson(text)
  try {
    // JSON.parse can only return JSON.
    return JSON.parse(text) as Json
  } catch (error) {
    throw badRequest(`error decoding: ${error instanceof Error ? error.message : String(error)}`)
  }
}
