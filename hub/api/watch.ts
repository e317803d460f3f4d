// watch.ts - follows a kind from a revision on: what is there first if asked, then every change, bookmarks, a bounded life
import type { ServerResponse } from 'node:http'
import type { Clock, Timer } from '../../shared/clock.ts'
import type { Kind } from '../../shared/kinds/kind.ts'
import type { KubeObject } from '../../shared/kinds/object.ts'
import { StatusError, tooManyRequests } from '../../shared/kinds/status-error.ts'
import type { Random } from '../../shared/random.ts'
import type { Store, Unwatch } from '../store/store.ts'
import { storedKind } from '../store/stored-version.ts'
import type { ApiCounters } from './counters.ts'
import { watchOptions, type WatchOptions } from './list-options.ts'
import { contentTypeOf, type Shape } from './negotiate.ts'
import { objectFilter } from './read.ts'
import { shownAs } from './stored.ts'
import { includeOf } from './table.ts'
import { createEventPrinter, eventFor, type EventPrinter } from './watch-events.ts'
import { createWatchStream, type WatchStream } from './watch-stream.ts'

const BOOKMARK_EVERY_MS = 60_000
/** Upstream's: watches without a time limit of their own end after half an hour to an hour, spread so that not all return at once. */
const LIFE_MS_MIN = 30 * 60_000
/** Each holds a connection and hears every change of its kind. */
export const WATCHES_MAX = 4_096

export interface WatchRequest {
  kind: Kind
  namespace?: string | undefined
  name?: string | undefined
  query: URLSearchParams
  shape: Shape
  /** When the credential ends, so does what it opened. */
  expiresAtMonoMs?: number | undefined
}

export interface Watches {
  serve(request: WatchRequest, response: ServerResponse): Promise<void>
  /** Ends all of them in order, so that clients come back elsewhere or later. */
  endAll(): void
}

export interface WatchesDeps {
  store: Store
  clock: Clock
  random: Random
  counters: ApiCounters
}

interface Session {
  request: WatchRequest
  options: WatchOptions
  matches: (object: KubeObject) => boolean
  stream: WatchStream
  printer: EventPrinter
  response: ServerResponse
  timers: Timer[]
  unwatch: Unwatch | undefined
}

export function createWatches({ store, clock, random, counters }: WatchesDeps): Watches {
  const open = new Set<Session>()

  function session(request: WatchRequest, response: ServerResponse): Session {
    const { kind, query, shape } = request
    const include = includeOf(query)
    return {
      request,
      options: watchOptions(query),
      matches: matcher(request),
      stream: createWatchStream({ response, onSlow: () => (counters.watchesEndedSlow += 1) }),
      printer: createEventPrinter(kind, () => ({ shape, include, nowMs: clock.wallMs() })),
      response,
      timers: [],
      unwatch: undefined,
    }
  }

  function close(watch: Session) {
    if (!open.delete(watch)) return
    counters.watchesOpen = open.size
    watch.unwatch?.()
    for (const timer of watch.timers) timer.cancel()
  }

  function finish(watch: Session) {
    close(watch)
    watch.stream.finish()
  }

  const bookmark = (watch: Session, revision: number, marksEndOfState = false) =>
    watch.stream.send(() => watch.printer.bookmark(revision, marksEndOfState))

  /** Only while it follows: before, not everything up to this revision has been told. */
  function tellProgress(watch: Session) {
    if (watch.unwatch && watch.options.bookmarks) bookmark(watch, store.durableRevision)
  }

  function sendState(watch: Session, objects: readonly KubeObject[], revision: number) {
    const { request, options, stream, printer } = watch
    if (options.sendsState) {
      const matching = objects.map((object) => shownAs(request.kind, object)).filter(watch.matches)
      stream.sendInitial(matching.map((object) => () => printer.line({ type: 'ADDED', object })))
    }
    if (options.marksEndOfState) bookmark(watch, revision, true)
  }

  function follow(watch: Session, since: number) {
    const { request, stream, printer } = watch
    watch.unwatch = store.watch(storedKind(request.kind), since, (change) => {
      const event = eventFor(change, watch.matches, (object) => shownAs(request.kind, object))
      if (event) stream.send(() => printer.line(event))
    })
  }

  function setTimers(watch: Session) {
    const { options, request } = watch
    const asked = options.timeoutSeconds ? options.timeoutSeconds * 1000 : LIFE_MS_MIN * (1 + random.float())
    const credentialMs = (request.expiresAtMonoMs ?? Infinity) - clock.monoMs()
    const end = () => {
      tellProgress(watch)
      finish(watch)
    }
    watch.timers.push(clock.after(Math.max(0, Math.min(asked, credentialMs)), end))
    if (options.bookmarks) watch.timers.push(clock.every(BOOKMARK_EVERY_MS, () => tellProgress(watch)))
  }

  /** Since which revision to follow, with what was there then already told. */
  async function begin(watch: Session): Promise<void> {
    const { request, options } = watch
    if (options.since !== undefined) return follow(watch, options.since)
    const revision = store.revision
    const objects = store.list(storedKind(request.kind), request.namespace)
    await store.durable(revision)
    if (!open.has(watch)) return
    sendState(watch, objects, revision)
    follow(watch, revision)
  }

  return {
    async serve(request, response) {
      if (open.size >= WATCHES_MAX) {
        counters.watchesRefused += 1
        throw tooManyRequests('too many watches are open, please try again later', 1)
      }
      const watch = session(request, response)
      open.add(watch)
      counters.watchesOpen = open.size
      response.on('close', () => close(watch))
      response.writeHead(200, { 'content-type': contentTypeOf(request.shape), 'cache-control': 'no-cache, private' })
      response.flushHeaders()
      setTimers(watch)
      try {
        await begin(watch)
      } catch (error) {
        // The answer has begun: what is wrong can only be told as an event.
        if (!(error instanceof StatusError)) throw error
        watch.stream.send(() => watch.printer.error(error))
        finish(watch)
      }
    },
    endAll() {
      for (const watch of open) finish(watch)
    },
  }
}

function matcher({ kind, namespace, name, query }: WatchRequest): (object: KubeObject) => boolean {
  const selected = objectFilter(kind, query)
  return (object) =>
    (namespace === undefined || object.metadata.namespace === namespace) &&
    (name === undefined || object.metadata.name === name) &&
    selected(object)
}
