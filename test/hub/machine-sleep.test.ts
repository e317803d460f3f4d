// machine-sleep.test.ts - checks that the sleep of the hub's machine is what its uptime has and its monotonic clock has not
import t from 'tap'
import { createSleptMs } from '../../hub/machine-sleep.ts'
import { systemClock } from '../../shared/clock.ts'
import { createManualClock } from '../support/manual-clock.ts'

t.test('Time that only the uptime counts was slept', async (t) => {
  const clock = createManualClock()
  let asleepMs = 70_000
  const sleptMs = createSleptMs(clock, () => clock.monoMs() + asleepMs)
  t.equal(sleptMs(), 0)
  await clock.advance(60_000)
  t.equal(sleptMs(), 0)
  asleepMs += 3_600_000
  t.equal(sleptMs(), 3_600_000)
})

t.test('A machine that is awake has not slept, and one that does not say has not either', async (t) => {
  t.ok(Math.abs(createSleptMs(systemClock)()) < 1_000)
  t.equal(createSleptMs(systemClock, () => undefined)(), 0)
})
