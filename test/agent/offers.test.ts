// offers.test.ts - what a device says that it offers: what has answered once, for good, and what its agent knows how to do
import t from 'tap'
import { createOffers } from '../../agent/offers.ts'
import { RuntimeUnavailable } from '../../agent/runtime/runtime.ts'
import { silentLog } from '../../shared/log.ts'
import { createFakeRuntime } from '../support/fake-runtime.ts'
import { createManualClock } from '../support/manual-clock.ts'

function device() {
  const clock = createManualClock()
  const runtime = createFakeRuntime({ clock })
  const values = new Map<string, string>()
  const cache = {
    getValue: (key: string) => values.get(key),
    setValue: (key: string, value: string) => void values.set(key, value),
  }
  let greetings = 0
  const make = () => createOffers({ cache, clock, runtimes: [runtime], log: silentLog, onChange: () => greetings++ })
  return { clock, runtime, make, greetings: () => greetings }
}

const ORDER = { 'holdfast.dev/keeps-order': 'true' }
const BOTH = { ...ORDER, 'holdfast.dev/runtime-docker': 'true' }

t.test('A runtime is offered once it has answered, also after a restart while it is down', async (t) => {
  const { clock, runtime, make, greetings } = device()
  const offers = make()
  t.same(offers.labels(), ORDER)
  await offers.start()
  await clock.advance(1)
  t.same(offers.labels(), BOTH)
  t.equal(greetings(), 1)
  await offers.stop()
  runtime.setAvailable(false)
  const again = make()
  await again.start()
  t.same(again.labels(), BOTH)
  await again.stop()
})

t.test('An answer that was lost is asked for again, though the runtime never says that it was away', async (t) => {
  const { clock, runtime, make, greetings } = device()
  runtime.failNext('info', new RuntimeUnavailable('the connection was reset'))
  const offers = make()
  await offers.start()
  await clock.advance(1_000)
  t.same(offers.labels(), ORDER)
  await clock.advance(10_000)
  t.same(offers.labels(), BOTH)
  t.equal(greetings(), 1, 'the hub is told')
  await offers.stop()
})
