// events.ts - tells people what happened to an object; repeats are counted, and nothing here can fail its caller
import { rfc3339, rfc3339Micro, type Clock, type Timer } from '../../shared/clock.ts'
import { EVENT } from '../../shared/kinds/event.ts'
import type { Event, KubeObject, NewObject } from '../../shared/kinds/object.ts'
import type { Log } from '../../shared/log.ts'
import type { Random } from '../../shared/random.ts'
import type { Service } from '../../shared/service.ts'
import {
  EVENT_TTL_MS,
  EVENTS_PER_NAMESPACE_MAX,
  eventsToDrop,
  OF_A_JOURNAL,
  OF_AN_OBJECT,
  spend,
  WARNING_TTL_MS,
  type Allowance,
  type ClockJump,
} from './event-limits.ts'
import { isLastKnown } from './last-known-events.ts'
import type { Objects } from './objects.ts'

/** apiVersion, kind, namespace, name, uid: as much of it as is known. */
export type ObjectReference = Event['involvedObject']

export interface Occurrence {
  about: ObjectReference
  severity: 'Normal' | 'Warning'
  reason: string
  message: string
  /** Who says so, as "deployment-controller". */
  component: string
  /** On which node. */
  host?: string
  /** When it happened, if not now. */
  atMs?: number
  annotations?: Readonly<Record<string, string>>
  /** From a device's journal: it has bounds of its own, and comes in all at once after a long night. */
  isJournal?: boolean
  /** How often, if it was counted elsewhere. */
  count?: number
}

export interface EventCounters {
  readonly written: number
  /** Said too fast by one object. */
  readonly suppressed: number
  /** Refused by the store, as in a namespace that is going. */
  readonly failed: number
  readonly dropped: number
}

export interface EventRecorder extends Service {
  record(occurrence: Occurrence): void
  readonly counters: EventCounters
}

export interface EventRecorderDeps {
  objects: Objects
  clock: Clock
  random: Random
  log: Log
  ttlMs?: number
}

const SWEEP_EVERY_MS = 60_000
/** Sweeping on every event beyond the bound would sort a thousand events for each. */
const SWEEP_SLACK = 100
/** What was said lately, to count its repeats, and about whom; the least recent go first. */
const REMEMBERED_MAX = 4_096
/** A clock that is set while events are kept; slower drift does not matter to an hour. */
const JUMP_MS = 60_000
const JUMPS_MAX = 16
/** Upstream's bound of the field. */
const MESSAGE_LENGTH_MAX = 1_024
const NAME_PREFIX_LENGTH_MAX = 230
/** More than happens within a millisecond. */
const SERIALS = 0x10000

/** The object as an event's `about`. */
export const referenceTo = ({ apiVersion, kind, metadata }: KubeObject, fieldPath?: string): ObjectReference => ({
  apiVersion,
  kind,
  name: metadata.name,
  uid: metadata.uid,
  resourceVersion: metadata.resourceVersion,
  ...(metadata.namespace && { namespace: metadata.namespace }),
  ...(fieldPath && { fieldPath }),
})

export function createEventRecorder(deps: EventRecorderDeps): EventRecorder {
  const { objects, clock, random, log } = deps
  const limits = {
    ttlMs: deps.ttlMs ?? EVENT_TTL_MS,
    warningTtlMs: WARNING_TTL_MS,
    perNamespace: EVENTS_PER_NAMESPACE_MAX,
  }
  const names = new Map<string, string>()
  const allowances = new Map<string, Allowance>()
  const count = { written: 0, suppressed: 0, failed: 0, dropped: 0 }
  const jumps: ClockJump[] = []
  let wallAheadMs = clock.wallMs() - clock.monoMs()
  let timer: Timer | undefined

  /** Set back, it needs no care: events then only stay longer, and are bounded in number. */
  function noticeJump() {
    const nowAheadMs = clock.wallMs() - clock.monoMs()
    const aheadMs = nowAheadMs - wallAheadMs
    if (Math.abs(aheadMs) < JUMP_MS) return
    wallAheadMs = nowAheadMs
    if (aheadMs > 0) jumps.push({ beforeMs: clock.wallMs() - aheadMs, aheadMs })
    if (jumps.length > JUMPS_MAX) jumps.shift()
  }
  // Not from nought: after a restart a device may tell of the same moment again.
  let serial = Buffer.from(random.bytes(2)).readUInt16BE()

  function write(occurrence: Occurrence) {
    const namespace = namespaceOf(occurrence.about)
    const key = repeatKey(occurrence)
    const repeated = names.get(key)
    if (repeated && objects.modify(EVENT, namespace, repeated, (event) => again(event, occurrence, clock.wallMs())))
      return
    const name = `${occurrence.about.name ?? 'unknown'}`.slice(0, NAME_PREFIX_LENGTH_MAX)
    const made = objects.create(EVENT, newEvent(occurrence, namespace, `${name}.${suffix(occurrence)}`, clock.wallMs()))
    remember(names, key, made.metadata.name)
    const there = objects.list(EVENT, namespace)
    if (there.length > limits.perNamespace + SWEEP_SLACK) drop(there)
  }

  /** Begins with the moment, as upstream's: clients sort by whole seconds, and within one the names keep the order. */
  function suffix({ atMs }: Occurrence): string {
    const moment = Math.trunc(Math.max(0, atMs ?? clock.wallMs()))
    serial = (serial + 1) % SERIALS
    return `${moment.toString(16).padStart(12, '0')}${serial.toString(16).padStart(4, '0')}`
  }

  const lastKnown = (event: Event) => isLastKnown(event, objects)

  function drop(events: readonly Event[]) {
    for (const { metadata } of eventsToDrop(events, clock.wallMs(), limits, jumps, lastKnown)) {
      objects.delete(EVENT, metadata.namespace, metadata.name)
      count.dropped++
    }
  }

  function sweep() {
    noticeJump()
    try {
      const namespaces = new Set(objects.list(EVENT).map((event) => event.metadata.namespace))
      for (const namespace of namespaces) drop(objects.list(EVENT, namespace))
    } catch (error) {
      log.warn({ error }, 'old events could not be removed')
    }
  }

  return {
    record(occurrence) {
      const source = sourceOf(occurrence)
      const pace = occurrence.isJournal ? OF_A_JOURNAL : OF_AN_OBJECT
      const left = spend(allowances.get(source), clock.monoMs(), pace)
      if (!left) return void count.suppressed++
      remember(allowances, source, left)
      noticeJump()
      try {
        write(occurrence)
        count.written++
      } catch (error) {
        count.failed++
        log.debug({ reason: occurrence.reason, about: occurrence.about, error }, 'an event could not be written')
      }
    },
    get counters() {
      return { ...count }
    },
    start() {
      timer = clock.every(SWEEP_EVERY_MS, sweep)
    },
    stop() {
      timer?.cancel()
    },
  }
}

const sourceOf = ({ component, about, host, isJournal }: Occurrence): string =>
  isJournal ? `journal ${host ?? ''}` : `${component} ${about.uid ?? ''} ${about.name ?? ''}`

/** What has no namespace is talked about in "default". */
const namespaceOf = (about: ObjectReference): string => about.namespace || 'default'

const repeatKey = ({ about, severity, reason, message, component, host }: Occurrence): string =>
  JSON.stringify([
    about.kind,
    about.namespace,
    about.name,
    about.uid,
    about.fieldPath,
    severity,
    reason,
    message,
    component,
    host,
  ])

function remember<V>(map: Map<string, V>, key: string, value: V) {
  map.delete(key)
  map.set(key, value)
  const oldest = map.keys().next()
  if (map.size > REMEMBERED_MAX && !oldest.done) map.delete(oldest.value)
}

const again = (event: Event, { atMs, count = 1 }: Occurrence, wallMs: number): Event => ({
  ...event,
  count: (event.count ?? 1) + count,
  lastTimestamp: rfc3339(atMs ?? wallMs),
})

function newEvent(occurrence: Occurrence, namespace: string, name: string, wallMs: number): NewObject<Event> {
  const { about, severity, reason, message, component, host, atMs, annotations, count = 1 } = occurrence
  const time = rfc3339(atMs ?? wallMs)
  return {
    apiVersion: 'v1',
    kind: 'Event',
    metadata: { name, namespace, ...(annotations && { annotations: { ...annotations } }) },
    involvedObject: about,
    type: severity,
    reason,
    message: message.slice(0, MESSAGE_LENGTH_MAX),
    source: { component, ...(host && { host }) },
    reportingComponent: component,
    reportingInstance: host ?? '',
    count,
    firstTimestamp: time,
    lastTimestamp: time,
    // What a device saw within one second keeps its order.
    ...(atMs !== undefined && { eventTime: rfc3339Micro(atMs) }),
  }
}
