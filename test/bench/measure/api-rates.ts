// api-rates.ts - how fast the API creates, reads, lists and tells watchers, with every write durable
import { systemClock } from '../../../shared/clock.ts'
import { pod } from '../../support/builders.ts'
import { percentile, type Line, type Measurement } from '../measurement.ts'
import { cpuSecondsOf } from '../process-figures.ts'
import { untilMs, type BenchHub } from '../workshop.ts'

const PODS = '/api/v1/namespaces/default/pods'
const AT_ONCE = 16

/** Nowhere to go: the scheduler looks once, no device is involved. */
const body = (name: string) => {
  const { metadata, spec } = pod(name, { nodeSelector: { nowhere: 'true' } })
  return { apiVersion: 'v1', kind: 'Pod', metadata: { name: metadata.name, namespace: 'default' }, spec }
}

export const apiRates: Measurement = {
  name: 'api',
  async run({ hub: startHub, isQuick }) {
    const hub = await startHub()
    const count = isQuick ? 500 : 3_000
    // The first requests pay for what is loaded and compiled.
    await timed(hub.pid, 'warm-up', 100, 1, (at) => hub.api.send('POST', PODS, body(`warm-${at}`)))
    const create = await timed(hub.pid, 'create', count, AT_ONCE, (at) => hub.api.send('POST', PODS, body(`pod-${at}`)))
    const single = await timed(hub.pid, 'create, one after another', count / 5, 1, (at) =>
      hub.api.send('POST', PODS, body(`single-${at}`)),
    )
    const get = await timed(hub.pid, 'get', count, AT_ONCE, (at) => hub.api.get(`${PODS}/pod-${at}`))
    const list = await timed(hub.pid, 'list of 500', 50, 2, () => hub.api.get(`${PODS}?limit=500`))
    return [...create, ...single, ...get, ...list, ...(await watched(hub, isQuick ? 100 : 500))]
  },
}

/** Rate and waiting time of so many calls, so many at once. */
async function timed(
  pid: number,
  what: string,
  count: number,
  atOnce: number,
  call: (at: number) => Promise<unknown>,
): Promise<Line[]> {
  const waits: number[] = []
  const numbers = Array.from({ length: count }, (_, at) => at).values()
  const worker = async () => {
    for (const at of numbers) {
      const beganMs = systemClock.monoMs()
      await call(at)
      waits.push(systemClock.monoMs() - beganMs)
    }
  }
  const [beganMs, cpu] = [systemClock.monoMs(), cpuSecondsOf(pid)]
  await Promise.all(Array.from({ length: atOnce }, worker))
  const seconds = (systemClock.monoMs() - beganMs) / 1000
  return [
    { what, value: count / seconds, unit: '/s', note: `${atOnce} at once` },
    { what: `${what}, CPU of the hub`, value: (1000 * (cpuSecondsOf(pid) - cpu)) / count, unit: 'ms each' },
    ...waitsOf(what, waits),
  ]
}

const waitsOf = (what: string, waits: readonly number[]): Line[] => [
  { what: `${what}, p50`, value: percentile(waits, 50), unit: 'ms' },
  { what: `${what}, p99`, value: percentile(waits, 99), unit: 'ms' },
]

async function watched({ api }: BenchHub, count: number): Promise<Line[]> {
  const watch = await api.watch(`${PODS}?watch=true&fieldSelector=metadata.name=watched`)
  const waits: number[] = []
  await api.send('POST', PODS, body('watched'))
  for (let at = 0; at < count; at++) {
    const [beganMs, seen] = [systemClock.monoMs(), watch.events.length]
    const patch = { metadata: { labels: { at: String(at) } } }
    await api.send('PATCH', `${PODS}/watched`, patch, { 'content-type': 'application/merge-patch+json' })
    await untilMs(() => watch.events.length > seen, 10_000, 0)
    waits.push(systemClock.monoMs() - beganMs)
  }
  watch.end()
  return waitsOf('write to watch event', waits)
}
