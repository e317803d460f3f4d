// openapi-paths.ts - the operations on one kind, as clients look for them to know what they may send
import type { Kind } from '../../shared/kinds/kind.ts'
import { patchTypesOf } from './patch.ts'

export const REF = '#/components/schemas/'

const parameter = (name: string, type = 'string') => ({
  name,
  in: 'query',
  schema: { type, uniqueItems: true },
})

/** Without `fieldValidation` and `dryRun` clients validate by themselves, against v2. */
const WRITE = [parameter('dryRun'), parameter('fieldManager'), parameter('fieldValidation')]
const LIST = [
  parameter('allowWatchBookmarks', 'boolean'),
  parameter('continue'),
  parameter('fieldSelector'),
  parameter('labelSelector'),
  parameter('limit', 'integer'),
  parameter('resourceVersion'),
  parameter('resourceVersionMatch'),
  parameter('sendInitialEvents', 'boolean'),
  parameter('timeoutSeconds', 'integer'),
  parameter('watch', 'boolean'),
]
const DELETE = [parameter('dryRun'), parameter('gracePeriodSeconds', 'integer'), parameter('propagationPolicy')]

export function pathsOf(kind: Kind, schemaName: string): Record<string, object> {
  const root = kind.group ? `/apis/${kind.group}` : '/api'
  const base = `${root}/${kind.version}/${kind.namespaced ? 'namespaces/{namespace}/' : ''}${kind.plural}`
  const schema = { $ref: REF + schemaName }
  const has = (verb: Kind['verbs'][number]) => kind.verbs.includes(verb)
  const operation = operationsOf(kind, schema)
  const body = { requestBody: { content: { '*/*': { schema } }, required: true } }
  const patch = { requestBody: patchBody(kind) }
  const collection = {
    ...(has('list') && { get: operation('list', LIST) }),
    ...(has('create') && { post: operation('post', WRITE, body) }),
    ...(has('deletecollection') && { delete: operation('deletecollection', [...LIST, parameter('dryRun')]) }),
  }
  const one = {
    ...(has('get') && { get: operation('get', []) }),
    ...(has('update') && { put: operation('put', WRITE, body) }),
    ...(has('patch') && { patch: operation('patch', [...WRITE, parameter('force', 'boolean')], patch) }),
    ...(has('delete') && { delete: operation('delete', DELETE) }),
  }
  return { [base]: collection, ...(Object.keys(one).length > 0 && { [`${base}/{name}`]: one }) }
}

function operationsOf(kind: Kind, schema: object) {
  const names = { group: kind.group, version: kind.version, kind: kind.kind }
  const responses = {
    200: { description: 'OK', content: { 'application/json': { schema } } },
    401: { description: 'Unauthorized' },
  }
  return (action: string, parameters: readonly object[], more: object = {}) => ({
    operationId: `${action}${kind.group.split('.')[0]}${kind.version}${kind.namespaced ? 'Namespaced' : ''}${kind.kind}`,
    parameters,
    responses,
    'x-kubernetes-action': action,
    'x-kubernetes-group-version-kind': names,
    ...more,
  })
}

/** The strategic type named here makes kubectl build its patches from our schemas instead of its compiled-in types. */
const patchBody = (kind: Kind) => ({
  content: Object.fromEntries(patchTypesOf(kind).map((type) => [type, { schema: { type: 'object' } }])),
  required: true,
})
