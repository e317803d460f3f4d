// faults.test.ts - every call to the runtime fails once, in every way; the device still ends where it should
import t from 'tap'
import { RuntimeUnavailable } from '../../../agent/runtime/runtime.ts'
import type { Pod } from '../../../shared/kinds/object.ts'
import { container, pod } from '../../support/builders.ts'
import { createDevice } from '../../support/device.ts'

const CALLS = ['list', 'inspect', 'findImage', 'pull', 'sandbox', 'create', 'start', 'signal', 'remove'] as const
const FAILURES = {
  'does not answer': () => new RuntimeUnavailable('connection reset'),
  'answers with nonsense': () => new Error('500: something went wrong'),
}

const two = () => pod('two', { containers: [container(), container({ name: 'log' })] })
const deleted = (given: Pod): Pod => ({
  ...given,
  metadata: { ...given.metadata, deletionTimestamp: '2026-11-20T12:00:00Z', deletionGracePeriodSeconds: 5 },
})

for (const [what, failure] of Object.entries(FAILURES)) {
  void t.test(`Whatever call fails once because the runtime ${what}, a pod starts, stays whole and ends`, async (t) => {
    for (const call of CALLS) {
      const edge = createDevice(t.testdir())
      await edge.start()
      const web = two()
      edge.runtime.failNext(call, failure())
      await edge.want([web])
      await edge.run(60_000)
      const running = () => edge.runtime.containers().filter(({ state }) => state === 'running')
      t.equal(running().length, 3, `${call}: all run`)
      t.equal(new Set(running().map(({ identity }) => identity.container)).size, 3, `${call}: each once`)
      const ids = running().map(({ id }) => id)

      edge.runtime.failNext(call, failure())
      await edge.run(120_000)
      t.same(
        running().map(({ id }) => id),
        ids,
        `${call}: nothing is restarted for it`,
      )

      edge.runtime.failNext(call, failure())
      await edge.want([deleted(web)])
      await edge.run(60_000)
      t.same(edge.runtime.containers(), [], `${call}: all is gone`)
      t.equal(edge.report('two')?.stopped, true, `${call}: and said to be`)
      await edge.stop()
    }
  })
}

void t.test('An agent that is killed at any moment of a start leaves no twin behind', async (t) => {
  for (let moment = 0; moment < 12; moment++) {
    const edge = createDevice(t.testdir())
    await edge.start()
    const wanting = edge.want([two()])
    for (let turn = 0; turn < moment; turn++) await Promise.resolve()
    await edge.restart()
    await wanting
    await edge.run(60_000)
    const names = edge.runtime.containers().map(({ identity, state }) => `${identity.container} ${state}`)
    t.same(names.toSorted(), [' running', 'app running', 'log running'], `killed after ${moment} turns`)
    await edge.stop()
  }
})

void t.test('A clock that jumps by years restarts nothing', async (t) => {
  const edge = createDevice(t.testdir())
  t.teardown(() => edge.stop())
  await edge.start()
  await edge.want([two()])
  const done = edge.runtime.actions.length
  for (const years of [-50, 10, -10]) {
    edge.clock.setWall(edge.clock.wallMs() + years * 365 * 86_400_000)
    await edge.run(120_000)
    await edge.restart()
  }
  t.equal(edge.runtime.actions.length, done)
  t.equal(edge.status('two').phase, 'Running')
})
