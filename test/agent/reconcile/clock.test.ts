// clock.test.ts - a wall clock that jumps, or was never set, changes nothing of what a device does
import t from 'tap'
import type { Pod } from '../../../shared/kinds/object.ts'
import { container, pod } from '../../support/builders.ts'
import { createDevice } from '../../support/device.ts'
import { fastDir } from '../../support/fast-dir.ts'

const SECOND_MS = 1_000
const HOUR_MS = 3_600_000
const YEAR_MS = 365 * 24 * HOUR_MS

type Jumps = readonly ((wallMs: number) => number)[]

/** One after another: an hour, ten years, both ways, a clock that was never set, and a night of suspend. */
const WILD: Jumps = [
  (wallMs) => wallMs + HOUR_MS,
  (wallMs) => wallMs - HOUR_MS,
  (wallMs) => wallMs + 10 * YEAR_MS,
  (wallMs) => wallMs - 10 * YEAR_MS,
  () => 0,
  // The monotonic clock stands still meanwhile, as the kernel's does.
  (wallMs) => wallMs + 8 * HOUR_MS,
]
const STEADY: Jumps = [(wallMs) => wallMs]

const deleted = (given: Pod): Pod => ({
  ...given,
  metadata: { ...given.metadata, deletionTimestamp: '2026-11-20T12:00:00Z', deletionGracePeriodSeconds: 30 },
})

/** Some minutes with everything that waits for something, looked at every other second. */
async function history(dir: string, jumps: Jumps, wallMs = Date.UTC(2026, 10, 20)): Promise<string[]> {
  const edge = createDevice(dir, { images: ['my-image', 'crasher', 'stubborn', 'sick'], wallMs })
  edge.runtime.behave('crasher', { exitAfterMs: 500, exitCode: 1 })
  edge.runtime.behave('stubborn', { ignoresTerm: true })
  edge.runtime.behave('sick', { exec: () => ({ exitCode: 1 }) })
  await edge.start()
  const of = (name: string, rest: Parameters<typeof container>[0] = {}) =>
    pod(name, { containers: [container({ image: name === 'web' ? 'my-image' : name, ...rest })] })
  const livenessProbe = { exec: { command: ['check'] }, periodSeconds: 10, failureThreshold: 3 }
  const pods = [of('web'), of('crasher'), of('stubborn'), of('sick', { livenessProbe }), of('missing')]
  await edge.want(pods)
  const seen: string[] = []
  for (let second = 0; second < 240; second += 2) {
    if (second === 40) await edge.want(pods.map((one) => (one.metadata.name === 'stubborn' ? deleted(one) : one)))
    if (second === 100) await edge.restart()
    const jump = jumps[(second / 2) % jumps.length]
    if (jump) edge.clock.setWall(jump(edge.clock.wallMs()))
    await edge.run(2 * SECOND_MS)
    const states = edge.runtime
      .containers()
      .map(({ identity, state }) => `${identity.pod}#${identity.attempt} ${state}`)
    seen.push(`${second} ${edge.runtime.actions.length} ${states.join(', ')}`)
  }
  await edge.stop()
  return seen
}

t.test('Back-offs, grace periods, probes and pulls go by the same seconds, however the wall clock jumps', async (t) => {
  const steady = await history(fastDir(t), STEADY)
  t.match(steady.at(-1), /crasher#\d+ .*sick#[1-9]/)
  t.notMatch(steady.at(-1), /stubborn/)
  t.same(await history(fastDir(t), WILD), steady)
  t.same(await history(fastDir(t), STEADY, 0), steady, 'in 1970 too')
})

t.test('A device that wakes up in 1970 marks its times until somebody sets the clock', async (t) => {
  const edge = createDevice(fastDir(t), { wallMs: 0 })
  t.teardown(() => edge.stop())
  await edge.start()
  await edge.want([pod('web')])
  edge.clock.setWall(Date.UTC(2026, 10, 20))
  await edge.want([pod('web'), pod('two')])
  const marks = edge.cache.peekJournal(100).map(({ clockSet, seq }) => ({ clockSet, seq }))
  t.equal(marks[0]?.clockSet, false)
  t.equal(marks.at(-1)?.clockSet, true)
  t.same(
    marks.map(({ seq }) => seq),
    marks.map((_, index) => (marks[0]?.seq ?? 0) + index),
    'in the order in which it happened, whatever the clock said',
  )
})
