// resource.ts - one request for objects: authorise it, read its body, do the verb, shape what comes back
import type { IncomingMessage } from 'node:http'
import type { Clock } from '../../shared/clock.ts'
import type { Verb } from '../../shared/kinds/kind.ts'
import { isJsonObject } from '../../shared/kinds/schema-walk.ts'
import { badRequest, methodNotAllowed, noSuchPath } from '../../shared/kinds/status-error.ts'
import type { Store } from '../store/store.ts'
import { createWarner, type Answer } from './answer.ts'
import { bodyBytesMax, mediaType, readBody, unsupportedMediaType, type Body } from './body.ts'
import type { Call, ResourceRequest } from './call.ts'
import type { Access, Handler } from './extension.ts'
import { patchTypesOf } from './patch.ts'
import type { KindLookup, ResourcePath } from './paths.ts'
import { flag } from './query.ts'
import type { Verbs } from './verbs.ts'
import { fieldManager, isDryRun, writeOptions } from './write-options.ts'

export interface ResourceDeps {
  store: Store
  registry: KindLookup
  access: Access
  handlers: ReadonlyMap<string, Handler>
  verbs: Verbs
  clock: Clock
}

export interface Resources {
  /** Undefined when the response has been written, as streams are. */
  answer(asked: ResourceRequest): Promise<Answer | undefined>
}

export function createResources({ store, registry, access, handlers, verbs }: ResourceDeps): Resources {
  function authorize({ at, user }: ResourceRequest, verb: Verb) {
    const { kind, namespace, name, subresource } = at
    access.authorize(user, {
      verb,
      group: kind.group,
      version: kind.version,
      resource: kind.plural,
      ...(subresource !== undefined && { subresource }),
      ...(namespace !== undefined && { namespace }),
      ...(name !== undefined && { name }),
    })
  }

  async function handle(handler: Handler, asked: ResourceRequest, body: Body): Promise<Answer | undefined> {
    const { at, user, query, request, response } = asked
    if (body.value !== undefined && !isJsonObject(body.value)) throw badRequest('the body must be an object')
    const warn = createWarner(response)
    for (const warning of body.warnings) warn(warning)
    const answer = await handler(
      {
        ...at,
        query,
        user,
        request,
        ...(body.value !== undefined && { body: body.value }),
        dryRun: isDryRun(query),
        fieldManager: fieldManager(query, request.headers['user-agent']),
        warn,
      },
      response,
    )
    if (answer === undefined) return undefined
    await store.durable(store.revision)
    return { code: response.statusCode, body: answer }
  }

  function callOf(asked: ResourceRequest, body: Body): Call {
    const { at, query, request, response } = asked
    const warn = createWarner(response)
    for (const warning of body.warnings) warn(warning)
    const notes = { duplicates: body.duplicates, warn }
    return {
      ...asked,
      body: body.value,
      options: {
        ...writeOptions(query, request.headers['user-agent'], notes),
        ...(at.subresource !== undefined && { subresource: at.subresource }),
      },
    }
  }

  /** A custom kind may have changed or gone while the body came: up to a minute on a poor link. */
  function asItIsNow(at: ResourcePath): ResourcePath {
    const { group, version, plural, namespaced } = at.kind
    const kind = registry.find(group, version, plural)
    if (!kind || kind.namespaced !== namespaced) throw noSuchPath()
    return { ...at, kind }
  }

  return {
    async answer(asked) {
      const { at, request, query } = asked
      const verb = verbOf(request.method ?? 'GET', at, query)
      authorize(asked, verb)
      const handler = handlers.get(handlerKey(at))
      checkServed(at, verb, request, handler !== undefined)
      const body = hasBody(request) ? await readBody(request, bodyBytesMax(at.kind)) : NO_BODY
      const now = { ...asked, at: asItIsNow(at) }
      checkServed(now.at, verb, request, handler !== undefined)
      return handler ? handle(handler, now, body) : verbs.run(verb, callOf(now, body))
    },
  }
}

const NO_BODY: Body = { value: undefined, duplicates: [], warnings: [] }
const hasBody = ({ method }: IncomingMessage): boolean => method !== 'GET' && method !== 'HEAD'

/** "group/plural/subresource", or "group/plural". */
export const handlerKey = ({ kind, subresource }: ResourcePath): string =>
  [kind.group, kind.plural, ...(subresource === undefined ? [] : [subresource])].join('/')

function verbOf(method: string, { name, subresource }: ResourcePath, query: URLSearchParams): Verb {
  switch (method) {
    case 'GET':
    case 'HEAD':
      if (subresource === undefined && flag(query, 'watch')) return 'watch'
      return name === undefined ? 'list' : 'get'
    case 'POST':
      return 'create'
    case 'PUT':
      return 'update'
    case 'PATCH':
      return 'patch'
    case 'DELETE':
      return name === undefined ? 'deletecollection' : 'delete'
    default:
      throw methodNotAllowed()
  }
}

/** Everything that can be refused without the body is refused before it is read. */
function checkServed(at: ResourcePath, verb: Verb, request: IncomingMessage, isHandled: boolean): void {
  const { kind, namespace, name, subresource } = at
  const verbs = subresource === undefined ? kind.verbs : kind.subresources[subresource]?.verbs
  // A handler for a part that is in no row is there to say why it is not served.
  if (!verbs && isHandled) return
  if (!verbs) throw noSuchPath()
  const isWhole = subresource === undefined
  const needsNamespace =
    kind.namespaced && namespace === undefined && (verb === 'create' || verb === 'deletecollection')
  const needsName = (verb === 'update' || verb === 'patch') && name === undefined
  const refusesName = verb === 'create' && name !== undefined && isWhole
  if (!verbs.includes(verb) || needsNamespace || needsName || refusesName) throw methodNotAllowed()
  if (verb === 'patch' && !isHandled && !patchTypesOf(kind).includes(mediaType(request)))
    throw unsupportedMediaType(patchTypesOf(kind))
}
