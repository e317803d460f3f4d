// time-texts.test.ts - ages as kubectl prints them, waits that stay within their limits, taints that are put up with
import fc from 'fast-check'
import t from 'tap'
import { exponentialMs, fullJitterMs } from '../../shared/backoff.ts'
import { isRfc3339, rfc3339, rfc3339Micro } from '../../shared/clock.ts'
import { ageOf, humanDuration } from '../../shared/human-duration.ts'
import { tolerates, untolerated } from '../../shared/tolerations.ts'

const SECOND = 1_000
const MINUTE = 60 * SECOND
const HOUR = 60 * MINUTE
const DAY = 24 * HOUR

t.test('Ages print as kubectl prints them', async (t) => {
  const texts: [number, string][] = [
    [-5 * SECOND, '<invalid>'],
    [-SECOND, '0s'],
    [119 * SECOND, '119s'],
    [2 * MINUTE, '2m'],
    [3 * MINUTE + 20 * SECOND, '3m20s'],
    [179 * MINUTE, '179m'],
    [3 * HOUR, '3h'],
    [5 * HOUR + 12 * MINUTE, '5h12m'],
    [47 * HOUR, '47h'],
    [2 * DAY + 3 * HOUR, '2d3h'],
    [8 * DAY, '8d'],
    [729 * DAY, '729d'],
    [2 * 365 * DAY + 5 * DAY, '2y5d'],
    [9 * 365 * DAY, '9y'],
  ]
  for (const [ms, text] of texts) t.equal(humanDuration(ms), text)
  t.equal(ageOf(undefined, 0), '<unknown>')
  t.equal(ageOf('1970-01-01T00:00:00Z', 45 * SECOND), '45s')
})

t.test('Every moment is written with a year of four digits, which is all that Go reads', async (t) => {
  t.equal(rfc3339(Date.UTC(2026, 10, 20, 12) + 999), '2026-11-20T12:00:00Z')
  t.equal(rfc3339(1e300), '9999-12-31T23:59:59Z')
  t.equal(rfc3339(-1e300), '1970-01-01T00:00:00Z')
  t.equal(rfc3339Micro(1e300), '9999-12-31T23:59:59.000000Z')
  for (const text of ['2024-02-29T23:59:59Z', '0001-01-01T00:00:00Z', '2026-11-20T12:00:00.123456789-11:30'])
    t.ok(isRfc3339(text), text)
  for (const text of [
    '2026-02-29T00:00:00Z',
    '2026-11-31T00:00:00Z',
    '2026-11-20T24:00:00Z',
    '2026-11-20',
    '12026-11-20T00:00:00Z',
  ])
    t.notOk(isRfc3339(text), text)
})

t.test('Waiting doubles up to its maximum, and jitter never exceeds it', async (t) => {
  const limits = { baseMs: 1_000, maxMs: 300_000 }
  t.same(
    [0, 1, 2, 8, 9, 10_000].map((attempt) => exponentialMs(attempt, limits)),
    [1_000, 2_000, 4_000, 256_000, 300_000, 300_000],
  )
  fc.assert(
    fc.property(fc.nat(), fc.double({ min: 0, max: 0.999, noNaN: true }), (attempt, chance) => {
      const ms = fullJitterMs(attempt, limits, { float: () => chance })
      return ms >= 0 && ms <= exponentialMs(attempt, limits)
    }),
  )
})

t.test('A toleration covers the taints it names and no others', async (t) => {
  const taint = { key: 'gpu', value: 'yes', effect: 'NoSchedule' }
  t.equal(tolerates({ key: 'gpu', operator: 'Equal', value: 'yes' }, taint), true)
  t.equal(tolerates({ key: 'gpu', value: 'yes', effect: 'NoSchedule' }, taint), true)
  t.equal(tolerates({ key: 'gpu', operator: 'Exists' }, taint), true)
  t.equal(tolerates({ operator: 'Exists' }, taint), true)
  t.equal(tolerates({ key: 'gpu', value: 'no' }, taint), false)
  t.equal(tolerates({ key: 'gpu', operator: 'Exists', effect: 'NoExecute' }, taint), false)
  t.equal(tolerates({}, taint), false)
  t.same(untolerated([taint], [], ['NoSchedule']), taint)
  t.equal(untolerated([taint], [], ['NoExecute']), undefined)
  t.equal(untolerated([taint], [{ operator: 'Exists' }], ['NoSchedule']), undefined)
})
