// disconnect-policy.test.ts - the annotations about disconnects, and that no drift of clocks lets two of the same run
import fc from 'fast-check'
import t from 'tap'
import {
  CLOCK_DRIFT_MAX,
  deadlinesOf,
  disconnectPolicyOf,
  fenceMsOf,
  isFenced,
  KILL_WITHIN_MS,
  LOST_AFTER_MS_MAX,
  LOST_AFTER_MS_MIN,
} from '../../shared/disconnect-policy.ts'
import { POD } from '../../shared/kinds/pod.ts'
import { DEPLOYMENT } from '../../shared/kinds/deployment.ts'
import { deployment, meta, pod, template } from '../support/builders.ts'

const annotated = (said: Record<string, string>, graceSeconds = 30) => {
  const annotations = Object.fromEntries(Object.entries(said).map(([key, value]) => [`holdfast.dev/${key}`, value]))
  return pod('web', { terminationGracePeriodSeconds: graceSeconds }, { metadata: meta('web', { annotations }) })
}
const messages = (said: Record<string, string>) =>
  (POD.validate?.(annotated(said)) ?? []).map(({ field, message }) => `${field}: ${message}`)

t.test('A pod that says nothing is replaced as in Kubernetes, and its ready replacement stays', async (t) => {
  const expected = { onDisconnect: 'replace', onReconnect: 'keep-replacement', lostAfterMs: 60_000, isSingleton: false }
  t.same(disconnectPolicyOf(annotated({})), expected)
  t.equal(isFenced(annotated({})), false)
})

t.test('Who stops at a deadline: what says stop, and singletons that do not wait', async (t) => {
  const table: [Record<string, string>, boolean][] = [
    [{ 'on-disconnect': 'replace' }, false],
    [{ 'on-disconnect': 'wait' }, false],
    [{ 'on-disconnect': 'stop' }, true],
    [{ singleton: 'true' }, true],
    [{ singleton: 'true', 'on-disconnect': 'stop' }, true],
    [{ singleton: 'true', 'on-disconnect': 'wait' }, false],
    [{ singleton: 'false' }, false],
  ]
  for (const [said, expected] of table) t.equal(isFenced(annotated(said)), expected, JSON.stringify(said))
})

t.test('What nobody could mean is refused by name, on pods and on templates', async (t) => {
  t.match(messages({ 'on-disconnect': 'move' }), [
    'metadata.annotations[holdfast.dev/on-disconnect]: Unsupported value: "move": supported values: "replace", "wait", "stop"',
  ])
  t.match(messages({ 'on-reconnect': 'both' }), [/"keep-original"/])
  t.match(messages({ singleton: 'yes' }), [/supported values: "true", "false"/])
  for (const wrong of ['soon', '9s', '31d', '-1s', '', '1e9']) t.match(messages({ 'lost-after': wrong }), [/from 10s/])
  t.same(messages({ 'lost-after': '10m', 'on-disconnect': 'stop', 'on-reconnect': 'keep-healthiest' }), [])
  const made = deployment('web', {
    template: { ...template(), metadata: { labels: { app: 'web' }, annotations: { 'holdfast.dev/singleton': '1' } } },
  })
  const causes = DEPLOYMENT.validate?.({ ...made, metadata: meta('web') }) ?? []
  t.match(causes, [{ field: 'spec.template.metadata.annotations[holdfast.dev/singleton]' }])
})

t.test('What hub and device both count with cannot be changed on a pod; who stays can', async (t) => {
  const causes = (next: Record<string, string>, old: Record<string, string>) =>
    (POD.validate?.(annotated(next), annotated(old)) ?? []).map(({ field }) => field)
  t.same(causes({ 'lost-after': '20s' }, { 'lost-after': '10s' }), ['metadata.annotations[holdfast.dev/lost-after]'])
  t.same(causes({}, { singleton: 'true' }), ['metadata.annotations[holdfast.dev/singleton]'])
  t.same(causes({ 'on-reconnect': 'keep-original' }, {}), [])
})

t.test(
  'However the clocks drift and however late a message is, the device has stopped before the hub moves',
  async () => {
    const rate = fc.double({ min: 1 - CLOCK_DRIFT_MAX, max: 1 + CLOCK_DRIFT_MAX, noNaN: true })
    fc.assert(
      fc.property(
        fc.integer({ min: LOST_AFTER_MS_MIN, max: LOST_AFTER_MS_MAX }),
        fc.integer({ min: 0, max: 3_600 }),
        rate,
        rate,
        fc.nat(60_000),
        (lostAfterMs, graceSeconds, deviceRate, hubRate, delayMs) => {
          const one = annotated({ singleton: 'true', 'lost-after': `${lostAfterMs}ms` }, graceSeconds)
          // True time, from the sending on: a slow clock makes the device late, a fast one makes the hub early.
          const stoppedMs = deadlinesOf(one, 0).killAtMs / deviceRate + KILL_WITHIN_MS
          const movedMs = delayMs + fenceMsOf(one) / hubRate
          return stoppedMs < movedMs
        },
      ),
    )
  },
)
