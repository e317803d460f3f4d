// runtime-watch.test.ts - an agent that stops while a runtime still answers begins nothing anew with what it hears
import t from 'tap'
import { createObserver } from '../../../agent/reconcile/observer.ts'
import { createRuntimeWatch } from '../../../agent/reconcile/runtime-watch.ts'
import { deferred } from '../../../shared/deferred.ts'
import { silentLog } from '../../../shared/log.ts'
import { systemRandom } from '../../../shared/random.ts'
import { createFakeRuntime } from '../../support/fake-runtime.ts'
import { createManualClock } from '../../support/manual-clock.ts'

function watched() {
  const clock = createManualClock()
  const told: string[] = []
  const answer = deferred<[]>()
  const runtime = { ...createFakeRuntime({ clock }), list: () => answer.promise }
  const watch = createRuntimeWatch({
    ...{ runtime, observer: createObserver(), clock, random: systemRandom, log: silentLog },
    onListed: () => void told.push('listed'),
    onChanged: () => void told.push('changed'),
    onLost: () => void told.push('lost'),
  })
  return { clock, told, answer, watch }
}

t.test('A list that comes in while the agent runs is told', async (t) => {
  const { clock, told, answer, watch } = watched()
  await watch.start()
  answer.resolve([])
  await clock.advance(0)
  t.same(told, ['listed'])
  await watch.stop()
})

t.test('A list that comes in after the agent was stopped is told to nobody', async (t) => {
  const { clock, told, answer, watch } = watched()
  await watch.start()
  await watch.stop()
  answer.resolve([])
  await clock.advance(60_000)
  t.same(told, [])
  t.equal(clock.pending, 0)
})

t.test('A list that fails after the agent was stopped is told to nobody', async (t) => {
  const { clock, told, answer, watch } = watched()
  await watch.start()
  await watch.stop()
  answer.reject(new Error('connection reset'))
  await clock.advance(60_000)
  t.same(told, [])
  t.equal(clock.pending, 0)
})
