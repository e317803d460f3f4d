// negotiate.ts - which shape a client wants its answer in: Accept: application/json;as=Table;v=v1;g=meta.k8s.io,...
import { StatusError } from '../../shared/kinds/status-error.ts'

export interface Shape {
  as: 'object' | 'Table' | 'PartialObjectMetadata'
  /** Of meta.k8s.io, when `as` is not the object itself. */
  version: string
  yaml: boolean
}

export const PLAIN_SHAPE: Shape = { as: 'object', version: 'v1', yaml: false }

const METADATA = new Set(['PartialObjectMetadata', 'PartialObjectMetadataList'])
const JSON_TYPES = new Set(['application/json', 'application/*', '*/*'])

/** The first part of the header that we can serve; 406 when there is none. */
export function negotiate(accept: string | undefined): Shape {
  if (!accept) return PLAIN_SHAPE
  for (const part of accept.split(',')) {
    const shape = shapeOf(parseMediaRange(part))
    if (shape) return shape
  }
  throw new StatusError(
    406,
    'NotAcceptable',
    'only the following media types are accepted: application/json, application/yaml',
  )
}

/** Answers that are no objects come as JSON whatever was asked, unless YAML was. */
export function wantsYaml(accept: string | undefined): boolean {
  return (accept ?? '').split(',').map(parseMediaRange).map(shapeOf).find(Boolean)?.yaml ?? false
}

interface MediaRange {
  type: string
  parameters: ReadonlyMap<string, string>
}

export function parseMediaRange(text: string): MediaRange {
  const [type = '', ...rest] = text.split(';').map((word) => word.trim())
  const pairs = rest.map((pair): [string, string] => {
    const equals = pair.indexOf('=')
    return [pair.slice(0, equals), pair.slice(equals + 1)]
  })
  return { type: type.toLowerCase(), parameters: new Map(pairs) }
}

function shapeOf({ type, parameters }: MediaRange): Shape | undefined {
  const as = parameters.get('as')
  if (type === 'application/yaml' && !as) return { ...PLAIN_SHAPE, yaml: true }
  if (!JSON_TYPES.has(type)) return undefined
  if (!as) return PLAIN_SHAPE
  const version = parameters.get('v') ?? ''
  if (parameters.get('g') !== 'meta.k8s.io' || !['v1', 'v1beta1'].includes(version)) return undefined
  if (as === 'Table') return { as, version, yaml: false }
  return METADATA.has(as) ? { as: 'PartialObjectMetadata', version, yaml: false } : undefined
}

export const contentTypeOf = (shape: Shape, isList = false): string => {
  if (shape.as === 'object') return shape.yaml ? 'application/yaml' : 'application/json'
  const as = shape.as === 'PartialObjectMetadata' && isList ? 'PartialObjectMetadataList' : shape.as
  return `application/json;as=${as};v=${shape.version};g=meta.k8s.io`
}
