// requests.ts - the way of one request: route, authenticate, authorise, verb, answer; and the one catch for all of them
import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Clock } from '../../shared/clock.ts'
import type { Log } from '../../shared/log.ts'
import { methodNotAllowed, noSuchPath, StatusError } from '../../shared/kinds/status-error.ts'
import type { Random } from '../../shared/random.ts'
import { internalError, sendAnswer, sendText } from './answer.ts'
import type { ApiCounters } from './counters.ts'
import type { Documents } from './documents.ts'
import type { Access } from './extension.ts'
import { healthAnswer, type Check } from './health.ts'
import { resourceAt, type KindLookup } from './paths.ts'
import type { PlainRoutes } from './plain-routes.ts'
import type { Resources } from './resource.ts'
import type { VersionInfo } from './version.ts'
import { flag } from './query.ts'
import { urlOf } from './request-url.ts'

export interface RequestsDeps {
  registry: KindLookup
  access: Access
  documents: Documents
  resources: Resources
  routes: PlainRoutes
  checks: readonly Check[]
  version: VersionInfo
  counters: ApiCounters
  clock: Clock
  random: Random
  log: Log
}

/** A request of a client that waits this long is worth a line in the log. */
const SLOW_MS = 2_000

export function createRequests(deps: RequestsDeps) {
  const { registry, access, documents, resources, routes, checks, version, counters, clock, random, log } = deps

  async function openToAnyone(request: IncomingMessage, response: ServerResponse, url: URL): Promise<boolean> {
    const route = routes.find(url.pathname)
    if (route?.handle) {
      await routes.admit(route, request)
      await route.handle(request, response)
      return true
    }
    const isVersion = url.pathname === '/version' || url.pathname === '/version/'
    const health = healthAnswer(
      url.pathname,
      url.searchParams.has('verbose') && url.searchParams.get('verbose') !== 'false',
      checks,
    )
    if (!isVersion && !health) return false
    if (request.method !== 'GET' && request.method !== 'HEAD') throw methodNotAllowed()
    if (health) await sendText(request, response, health.code, health.text, counters)
    else await sendAnswer(request, response, { code: 200, body: version }, counters)
    return true
  }

  async function answerDocument(request: IncomingMessage, response: ServerResponse, url: URL): Promise<boolean> {
    const document = documents.find(request, response, url)
    if (!document) return false
    const user = await access.authenticate(request)
    access.authorize(user, { verb: 'get', group: '', resource: '', path: url.pathname })
    if (request.method !== 'GET' && request.method !== 'HEAD') throw methodNotAllowed()
    if (document.send) await document.send()
    else
      await sendAnswer(
        request,
        response,
        { code: 200, body: document.body, contentType: document.contentType },
        counters,
      )
    return true
  }

  async function route(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const url = urlOf(request)
    if (await openToAnyone(request, response, url)) return
    if (await answerDocument(request, response, url)) return
    const at = resourceAt(registry, url.pathname)
    if (!at) throw noSuchPath()
    const user = await access.authenticate(request)
    const answer = await resources.answer({ at, user, query: url.searchParams, request, response })
    if (answer) await sendAnswer(request, response, answer, counters)
  }

  async function refuse(request: IncomingMessage, response: ServerResponse, error: unknown): Promise<void> {
    const status = known(error, request)
    if (response.headersSent) return void response.destroy()
    const retryAfterSeconds = status.details?.retryAfterSeconds
    if (retryAfterSeconds) response.setHeader('retry-after', retryAfterSeconds)
    if (status.code === 401) response.setHeader('www-authenticate', 'Bearer realm="holdfast"')
    await sendAnswer(
      request,
      response,
      { code: status.code, body: status.toStatus(), contentType: 'application/json' },
      counters,
    )
  }

  /** What we did not expect goes to the log, and to the client only as the place where it stands there. */
  function known(error: unknown, request: IncomingMessage): StatusError {
    if (error instanceof StatusError) return error
    const requestId = random.uuid()
    counters.internalErrors += 1
    log.error(
      { requestId, method: request.method, path: request.url, error },
      'a request failed in a way that we did not expect',
    )
    return internalError(requestId)
  }

  function count(request: IncomingMessage, response: ServerResponse) {
    const startMs = clock.monoMs()
    counters.requests += 1
    response.on('close', () => {
      counters.answers[response.statusCode] = (counters.answers[response.statusCode] ?? 0) + 1
      const tookMs = Math.round(clock.monoMs() - startMs)
      const isStream = flag(urlOf(request).searchParams, 'watch') || flag(urlOf(request).searchParams, 'follow')
      const fields = { method: request.method, path: request.url, code: response.statusCode, tookMs }
      if (tookMs > SLOW_MS && !isStream) log.warn(fields, 'slow request')
      else log.debug(fields, 'request')
    })
  }

  return {
    known,
    async handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
      count(request, response)
      try {
        await route(request, response)
      } catch (error) {
        await refuse(request, response, error).catch((second: unknown) => {
          log.error({ error: second }, 'an error could not be answered')
          response.destroy()
        })
      }
    },
  }
}

export type Requests = ReturnType<typeof createRequests>
