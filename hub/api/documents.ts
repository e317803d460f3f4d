// documents.ts - what a client reads before it asks for objects: the version, discovery, OpenAPI
import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Clock } from '../../shared/clock.ts'
import type { Kind } from '../../shared/kinds/kind.ts'
import { noSuchPath, StatusError } from '../../shared/kinds/status-error.ts'
import { sendAnswer, sendBytes } from './answer.ts'
import type { ApiCounters } from './counters.ts'
import {
  aggregated,
  aggregatedContentType,
  aggregatedVersion,
  apiGroup,
  apiGroupList,
  apiResourceList,
  apiVersions,
} from './discovery.ts'
import { OPENAPI_V2, OPENAPI_V2_TYPE, type OpenApi, type OpenApiDocument } from './openapi.ts'
import { segments } from './paths.ts'

export interface DocumentsDeps {
  kinds: () => readonly Kind[]
  openApi: OpenApi
  clock: Clock
  counters: ApiCounters
}

export interface Document {
  body?: object
  contentType?: string
  /** For documents that are no JSON objects, or have headers of their own. */
  send?(): Promise<void>
}

export interface Documents {
  /** Undefined when the path is none of ours. */
  find(request: IncomingMessage, response: ServerResponse, url: URL): Document | undefined
}

const YEAR_MS = 365 * 24 * 60 * 60 * 1000

export function createDocuments({ kinds, openApi, clock, counters }: DocumentsDeps): Documents {
  function groups(request: IncomingMessage, isCore: boolean): Document {
    const version = aggregatedVersion(request.headers.accept)
    if (version) return { body: aggregated(kinds(), isCore, version), contentType: aggregatedContentType(version) }
    return { body: isCore ? apiVersions(request.headers.host ?? '') : apiGroupList(kinds()) }
  }

  function sendV2(request: IncomingMessage, response: ServerResponse) {
    response.setHeader('content-type', OPENAPI_V2_TYPE)
    return sendBytes(request, response, 200, OPENAPI_V2, counters)
  }

  async function sendIndex(request: IncomingMessage, response: ServerResponse) {
    await sendAnswer(request, response, { code: 200, body: await openApi.index() }, counters)
  }

  async function sendV3(request: IncomingMessage, response: ServerResponse, url: URL, parts: string[]) {
    const document = await openApiDocument(request, parts)
    const asked = url.searchParams.get('hash')
    if (asked && asked !== document.hash) {
      response.writeHead(301, { location: `${url.pathname}?hash=${document.hash}` }).end()
      return
    }
    response.setHeader('content-type', 'application/json')
    response.setHeader('etag', `"${document.hash}"`)
    response.setHeader('vary', 'Accept')
    if (asked) {
      response.setHeader('cache-control', 'public, immutable')
      response.setHeader('expires', new Date(clock.wallMs() + YEAR_MS).toUTCString())
    }
    if (request.headers['if-none-match'] === `"${document.hash}"`) response.writeHead(304).end()
    else await sendBytes(request, response, 200, Buffer.from(document.text), counters)
  }

  async function openApiDocument(request: IncomingMessage, [root, ...rest]: string[]): Promise<OpenApiDocument> {
    const [group, version] = root === 'apis' ? [rest[0], rest[1]] : ['', rest[0]]
    const isWellFormed = (root === 'apis' && rest.length === 2) || (root === 'api' && rest.length === 1)
    const document = isWellFormed ? await openApi.document(group ?? '', version ?? '') : undefined
    if (!document) throw noSuchPath()
    if (!/json|\*\/\*/.test(request.headers.accept ?? '*/*'))
      throw new StatusError(406, 'NotAcceptable', 'only the following media types are accepted: application/json')
    return document
  }

  return {
    find(request, response, url) {
      const [root, first, second, ...more] = segments(url.pathname)
      if (root === 'openapi' && first === 'v2' && !second) return { send: () => sendV2(request, response) }
      if (root === 'openapi' && first === 'v3') {
        if (second === undefined) return { send: () => sendIndex(request, response) }
        return { send: () => sendV3(request, response, url, [second, ...more]) }
      }
      if (more.length > 0 || (root !== 'api' && root !== 'apis')) return undefined
      if (first === undefined) return groups(request, root === 'api')
      if (root === 'api') return second === undefined ? { body: apiResourceList(kinds(), '', first) } : undefined
      return { body: second === undefined ? apiGroup(kinds(), first) : apiResourceList(kinds(), first, second) }
    },
  }
}
