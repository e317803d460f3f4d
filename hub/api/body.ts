// body.ts - reads a request's body: bounded, in one of the encodings that clients send, as plain JSON values
import type { IncomingMessage } from 'node:http'
import { badRequest, StatusError } from '../../shared/kinds/status-error.ts'
import type { Kind } from '../../shared/kinds/kind.ts'
import { parseYaml, YamlError } from '../../shared/yaml.ts'
import { scanJson } from './json-scan.ts'
import { decodeProtobuf, PROTOBUF_TYPE } from './protobuf.ts'

/** What an object may weigh on the wire; the hub keeps every object in memory. */
export const BODY_BYTES_MAX = 1024 * 1024
/** Kinds whose content is a payload: 1 MiB of data in base64, or a definition and its last-applied copy. Upstream's limit. */
export const PAYLOAD_BODY_BYTES_MAX = 3 * 1024 * 1024
const PAYLOAD_KINDS = new Set(['ConfigMap', 'CustomResourceDefinition', 'Secret'])

export const bodyBytesMax = (kind: Kind | undefined): number =>
  kind && PAYLOAD_KINDS.has(kind.kind) ? PAYLOAD_BODY_BYTES_MAX : BODY_BYTES_MAX

export interface Body {
  /** Undefined when nothing was sent. */
  value: unknown
  /** `duplicate field "spec.x"`: refused under strict validation, else a warning. */
  duplicates: readonly string[]
  warnings: readonly string[]
}

export async function readBody(request: IncomingMessage, bytesMax: number): Promise<Body> {
  const bytes = await collect(request, bytesMax)
  if (bytes.length === 0) return { value: undefined, duplicates: [], warnings: [] }
  const type = mediaType(request)
  if (type === PROTOBUF_TYPE) {
    const { value, unknown } = decodeProtobuf(bytes)
    return { value, duplicates: [], warnings: unknown.map((field) => `unknown field in protobuf body: ${field}`) }
  }
  if (type.endsWith('yaml')) return yamlBody(textOf(bytes))
  if (type.endsWith('json') || type === '*/*') return jsonBody(textOf(bytes))
  throw unsupportedMediaType(['application/json', 'application/yaml', PROTOBUF_TYPE])
}

export const mediaType = (request: IncomingMessage): string =>
  (request.headers['content-type'] ?? 'application/json').split(';')[0]!.trim().toLowerCase()

export const unsupportedMediaType = (accepted: readonly string[]) =>
  new StatusError(
    415,
    'UnsupportedMediaType',
    `the body of the request was in an unknown format - accepted media types include: ${accepted.join(', ')}`,
  )

export const tooLarge = (bytesMax: number) =>
  new StatusError(413, 'RequestEntityTooLarge', `Request entity too large: limit is ${bytesMax}`)

async function collect(request: IncomingMessage, bytesMax: number): Promise<Buffer> {
  const encoding = request.headers['content-encoding']
  if (encoding && encoding !== 'identity') throw unsupportedMediaType(['identity content encoding'])
  if (Number(request.headers['content-length'] ?? 0) > bytesMax) throw tooLarge(bytesMax)
  const chunks: Buffer[] = []
  let length = 0
  // Left open when we have seen enough: destroying it would cut the client off before it reads why.
  for await (const chunk of request.iterator({ destroyOnReturn: false })) {
    // Without an encoding set, a request yields buffers only.
    const bytes = chunk as Buffer
    length += bytes.length
    if (length > bytesMax) break
    chunks.push(bytes)
  }
  if (length <= bytesMax) return Buffer.concat(chunks, length)
  // What still comes is thrown away, for as long as the server lets a request take.
  request.resume()
  throw tooLarge(bytesMax)
}

function textOf(bytes: Buffer): string {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes)
  } catch {
    throw badRequest('error decoding: the body is not valid UTF-8')
  }
}

function jsonBody(text: string): Body {
  const duplicates = scanJson(text).map((path) => `duplicate field ${JSON.stringify(path)}`)
  return { value: parseJson(text), duplicates, warnings: [] }
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch (error) {
    throw badRequest(`error decoding: ${error instanceof Error ? error.message : String(error)}`)
  }
}

/** kubectl sends JSON under YAML's name for server-side apply; JSON is YAML, and far quicker to read as itself. */
function yamlBody(text: string): Body {
  if (text.trimStart().startsWith('{')) {
    try {
      return jsonBody(text)
    } catch (error) {
      if (!(error instanceof StatusError) || !error.message.startsWith('error decoding: ')) throw error
    }
  }
  try {
    const { value, duplicates } = parseYaml(text)
    if (value === undefined) return { value, duplicates, warnings: [] }
    // Through JSON and back: aliases become copies of their own, and what JSON cannot say is gone.
    const json = JSON.stringify(value)
    scanJson(json)
    return { value: parseJson(json), duplicates, warnings: [] }
  } catch (error) {
    if (error instanceof YamlError) throw badRequest(`error decoding: ${error.message}`)
    throw error
  }
}
