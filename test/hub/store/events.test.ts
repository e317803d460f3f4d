// events.test.ts - events are counted, bounded, swept, and never in the way of who tells them
import t, { type Test } from 'tap'
import { EVENTS_PER_NAMESPACE_MAX, eventsToDrop, spend, type Allowance } from '../../../hub/store/event-limits.ts'
import { createEventRecorder, referenceTo, type Occurrence } from '../../../hub/store/events.ts'
import { createObjects } from '../../../hub/store/objects.ts'
import { EVENT } from '../../../shared/kinds/event.ts'
import { NAMESPACE } from '../../../shared/kinds/namespace.ts'
import { NODE } from '../../../shared/kinds/node.ts'
import type { Event } from '../../../shared/kinds/object.ts'
import { POD } from '../../../shared/kinds/pod.ts'
import { silentLog } from '../../../shared/log.ts'
import { systemRandom } from '../../../shared/random.ts'
import { createManualClock } from '../../support/manual-clock.ts'
import { PODS, startedStore, storedObject } from '../../support/store.ts'

const START_MS = Date.UTC(2026, 10, 20, 12)

async function setUp(t: Pick<Test, 'teardown'>) {
  const store = await startedStore()
  const clock = createManualClock(START_MS)
  const objects = createObjects({ store, namespaces: NAMESPACE, clock, random: systemRandom })
  for (const name of ['default', 'shop']) {
    objects.create(NAMESPACE, { apiVersion: 'v1', kind: 'Namespace', metadata: { name }, spec: {} })
  }
  const events = createEventRecorder({ objects, clock, random: systemRandom, log: silentLog })
  await events.start()
  t.teardown(async () => {
    await events.stop()
    await store.stop()
  })
  return { store, clock, objects, events }
}

const backOff = (name = 'web-1', rest: Partial<Occurrence> = {}): Occurrence => ({
  about: referenceTo(storedObject(PODS, name, { namespace: 'shop' }), 'spec.containers{app}'),
  severity: 'Warning',
  reason: 'BackOff',
  message: 'Back-off restarting failed container',
  component: 'kubelet',
  host: 'node-1',
  ...rest,
})

t.test('An event says about what, from whom, when; a repeat counts instead of filling the list', async (t) => {
  const { objects, events, clock } = await setUp(t)
  events.record(backOff())
  await clock.advance(60_000)
  events.record(backOff())
  events.record(backOff('web-1', { count: 3 }))
  events.record(backOff('web-1', { reason: 'Killing', severity: 'Normal', message: 'Stopping container app' }))
  const [first, second, ...more] = objects.list(EVENT, 'shop').toSorted((a, b) => (a.reason! < b.reason! ? -1 : 1))
  t.match(first, {
    metadata: { name: /^web-1\.[0-9a-f]{16}$/, namespace: 'shop' },
    involvedObject: { kind: 'Pod', name: 'web-1', namespace: 'shop', fieldPath: 'spec.containers{app}' },
    type: 'Warning',
    source: { component: 'kubelet', host: 'node-1' },
    count: 5,
    firstTimestamp: '2026-11-20T12:00:00Z',
    lastTimestamp: '2026-11-20T12:01:00Z',
  })
  t.match(second, { reason: 'Killing', count: 1 })
  t.same(more, [])
  const inOrderOfNames = objects.list(EVENT, 'shop').toSorted((a, b) => (a.metadata.name < b.metadata.name ? -1 : 1))
  t.same(
    inOrderOfNames.map(({ reason }) => reason),
    ['BackOff', 'Killing'],
    'clients that sort by name show them in the order in which they happened',
  )
})

t.test('What has no namespace is talked about in default, with the time that was given', async (t) => {
  const { objects, events } = await setUp(t)
  events.record(backOff('n', { about: { kind: 'Node', name: 'node-1' }, atMs: START_MS - 5_000 }))
  t.match(objects.list(EVENT, 'default'), [{ involvedObject: { kind: 'Node' }, lastTimestamp: '2026-11-20T11:59:55Z' }])
})

t.test('An object that talks too much is cut short, others are not', async (t) => {
  const { objects, events, clock } = await setUp(t)
  for (let at = 0; at < 100; at++) events.record(backOff('loud', { message: `try ${at}` }))
  events.record(backOff('quiet'))
  t.equal(objects.list(EVENT, 'shop').length, 26)
  t.equal(events.counters.suppressed, 75)
  await clock.advance(300_000)
  events.record(backOff('loud', { message: 'later' }))
  t.equal(events.counters.suppressed, 75)
})

t.test('An event that cannot be written troubles nobody', async (t) => {
  const { objects, events } = await setUp(t)
  objects.delete(NAMESPACE, undefined, 'shop')
  events.record(backOff())
  t.match(events.counters, { written: 0, failed: 1 })
})

t.test('Events are gone an hour after they were last seen, warnings after a day', async (t) => {
  const { objects, events, clock } = await setUp(t)
  const pulled = (name: string) => backOff(name, { severity: 'Normal', reason: 'Pulled' })
  events.record(backOff('troubled'))
  events.record(pulled('old'))
  events.record(pulled('seen-again'))
  await clock.advance(30 * 60_000)
  events.record(pulled('seen-again'))
  await clock.advance(35 * 60_000)
  const names = () => objects.list(EVENT, 'shop').map(({ involvedObject }) => involvedObject.name)
  t.same(names(), ['seen-again', 'troubled'])
  await clock.advance(60 * 60_000)
  t.same(names(), ['troubled'])
  await clock.advance(23 * 60 * 60_000)
  t.same(objects.list(EVENT), [])
  events.record(pulled('old'))
  t.match(objects.list(EVENT), [{ involvedObject: { name: 'old' }, count: 1 }], 'a forgotten event begins anew')
})

t.test(
  'Events of a device that is away, and of its pods, stay as the last that is known, within the bound',
  async (t) => {
    const { objects, events, clock } = await setUp(t)
    const ready = (status: 'True' | 'Unknown') =>
      objects.modify(
        NODE,
        undefined,
        'till',
        (node) => ({ ...node, status: { ...node.status, conditions: [{ type: 'Ready', status }] } }),
        { subresource: 'status' },
      )
    const till = objects.create(NODE, { apiVersion: 'v1', kind: 'Node', metadata: { name: 'till' }, spec: {} })
    ready('True')
    const metadata = { name: 'web', namespace: 'shop' }
    const spec = { nodeName: 'till', containers: [{ name: 'a', image: 'b' }] }
    const web = objects.create(POD, { apiVersion: 'v1', kind: 'Pod', metadata, spec })
    const pulled = (rest: Partial<Occurrence>) => backOff('other', { severity: 'Normal', reason: 'Pulled', ...rest })
    events.record(pulled({ about: referenceTo(web) }))
    events.record(pulled({ about: referenceTo(till) }))
    events.record(pulled({ about: { ...referenceTo(web), uid: 'an older one of this name' } }))
    events.record(pulled({}))
    ready('Unknown')
    await clock.advance(30 * 24 * 3_600_000)
    const uids = () => objects.list(EVENT).map(({ involvedObject }) => involvedObject.uid)
    t.same(new Set(uids()), new Set([till.metadata.uid, web.metadata.uid]))
    t.match(objects.list(EVENT, 'shop'), [{ lastTimestamp: '2026-11-20T12:00:00Z' }], 'with the time that they are of')
    for (let at = 0; at < EVENTS_PER_NAMESPACE_MAX + 150; at++)
      events.record(backOff(`pod-${at}`, { severity: 'Normal', atMs: clock.wallMs() }))
    t.notOk(uids().includes(web.metadata.uid), 'never in the way of what is new')
    ready('True')
    await clock.advance(60_000)
    t.notOk(uids().includes(till.metadata.uid), 'it is back and can say what is')
  },
)

t.test('A namespace holds a bounded number of events, the oldest go first', async (t) => {
  const { objects, events } = await setUp(t)
  for (let at = 0; at < EVENTS_PER_NAMESPACE_MAX + 150; at++)
    events.record(backOff(`pod-${at}`, { atMs: START_MS + at }))
  const count = objects.list(EVENT, 'shop').length
  t.ok(count <= EVENTS_PER_NAMESPACE_MAX + 100 && count >= EVENTS_PER_NAMESPACE_MAX, `${count} events`)
})

t.test(
  'When a namespace is full of news, warnings stay longer than the rest, and neither kind drives out the other',
  async (t) => {
    const event = (type: 'Normal' | 'Warning', at: number): Event =>
      ({
        ...storedObject(EVENT, `${type}-${at}`),
        type,
        involvedObject: {},
        metadata: {
          ...storedObject(EVENT, `${type}-${at}`).metadata,
          creationTimestamp: new Date(at * 1000).toISOString(),
        },
      }) as Event
    const some = (type: 'Normal' | 'Warning', count: number) =>
      Array.from({ length: count }, (_, at) => event(type, at))
    const limits = { ttlMs: 3_600_000, warningTtlMs: 3_600_000, perNamespace: 10 }
    const dropped = (...events: Event[]) => eventsToDrop(events, 60_000, limits).map(({ metadata }) => metadata.name)
    t.same(dropped(...some('Normal', 9), ...some('Warning', 4)), ['Normal-0', 'Normal-1', 'Normal-2'])
    t.same(dropped(...some('Normal', 3), ...some('Warning', 9)), ['Warning-0', 'Warning-1'])
    t.same(dropped(...some('Normal', 7), ...some('Warning', 7)), ['Normal-0', 'Normal-1', 'Warning-0', 'Warning-1'])
    t.same(dropped(...some('Normal', 5), ...some('Warning', 5)), [])
  },
)

t.test("A device's wrong clock neither keeps its events for ever nor throws them away at once", async (t) => {
  const seen = (name: string, heardMs: number, saidMs: number): Event =>
    ({
      ...storedObject(EVENT, name),
      metadata: { ...storedObject(EVENT, name).metadata, creationTimestamp: new Date(heardMs).toISOString() },
      involvedObject: {},
      lastTimestamp: new Date(saidMs).toISOString(),
    }) as Event
  const HOUR = 3_600_000
  const events = [seen('in-1970', START_MS, 0), seen('in-2090', START_MS - 2 * HOUR, Date.UTC(2090, 1))]
  const dropped = eventsToDrop(events, START_MS + 1, { ttlMs: HOUR, warningTtlMs: HOUR, perNamespace: 10 })
  t.same(
    dropped.map((event) => event.metadata.name),
    ['in-2090'],
  )
})

t.test('An allowance refills with time, never beyond its bound', async (t) => {
  let allowance: Allowance | undefined
  for (let at = 0; at < 25; at++) allowance = spend(allowance, 0)
  t.equal(spend(allowance, 0), undefined)
  t.match(spend(allowance, 300_000), { tokens: 0 })
  t.match(spend(allowance, 1e12), { tokens: 24 })
})

t.test(
  'What a device tells after a long night is all there, in its order, though one pod says most of it',
  async (t) => {
    const { events, objects } = await setUp(t)
    for (let at = 0; at < 300; at++)
      events.record(backOff('web-1', { isJournal: true, message: `try ${at}`, atMs: START_MS - 60_000 + at * 10 }))
    t.match(events.counters, { written: 300, suppressed: 0 })
    const byTime = objects.list(EVENT, 'shop').toSorted((a, b) => ((a.eventTime ?? '') < (b.eventTime ?? '') ? -1 : 1))
    t.same(
      byTime.map(({ message }) => message),
      Array.from({ length: 300 }, (_, at) => `try ${at}`),
    )
    t.match(byTime[1], { firstTimestamp: '2026-11-20T11:59:00Z', eventTime: '2026-11-20T11:59:00.010000Z' })
  },
)

t.test("When somebody sets the hub's clock, events live as long as they would have", async (t) => {
  const { events, objects, clock } = await setUp(t)
  const HOUR = 3_600_000
  const reasons = () => objects.list(EVENT, 'shop').map(({ message }) => message)
  const normal = (message: string) => backOff('web-1', { severity: 'Normal', message })
  events.record(normal('before'))
  for (const jumpMs of [HOUR, 10 * 365 * 24 * HOUR]) {
    clock.setWall(clock.wallMs() + jumpMs)
    await clock.advance(10 * 60_000)
  }
  t.same(reasons(), ['before'])
  events.record(normal('after'))
  await clock.advance(41 * 60_000)
  t.same(reasons(), ['after'], 'an hour has passed for the first one')
  clock.setWall(clock.wallMs() - HOUR)
  await clock.advance(10 * 60_000)
  t.same(reasons(), ['after'])
})
