// wear.test.ts - what the agent writes to the disk is told once an hour, over a day at most
import t from 'tap'
import { createWearMeter } from '../../../agent/system/wear.ts'
import { createManualClock } from '../../support/manual-clock.ts'

const HOUR_MS = 3_600_000

t.test('Disk writes are told after an hour, stay the same until the next, and cover a day at most', async (t) => {
  const clock = createManualClock()
  let written = 0
  const meter = createWearMeter({ clock, read: () => written })
  t.equal(meter.now(), undefined)
  written = 500
  await clock.advance(HOUR_MS)
  t.same(meter.now(), { bytes: 500, seconds: 3_600 })
  written = 900
  await clock.advance(HOUR_MS / 2)
  t.same(meter.now(), { bytes: 500, seconds: 3_600 }, 'nothing new to send')
  for (let hour = 0; hour < 30; hour++) {
    written += 100
    await clock.advance(HOUR_MS)
    meter.now()
  }
  t.same(meter.now(), { bytes: 2_400, seconds: 86_400 })
})

t.test('Where the kernel does not count, nothing is said', async (t) => {
  const clock = createManualClock()
  const meter = createWearMeter({ clock, read: () => undefined })
  await clock.advance(2 * HOUR_MS)
  t.equal(meter.now(), undefined)
})
