// active-deadline.test.ts - checks that a pod fails when it was active for too long: without a hub, and whatever happened to the agent
import t, { type Test } from 'tap'
import type { PodSpec } from '../../../shared/kinds/object.ts'
import { container, pod } from '../../support/builders.ts'
import { createDevice } from '../../support/device.ts'
import { fastDir } from '../../support/fast-dir.ts'

const EXCEEDED = { phase: 'Failed', reason: 'DeadlineExceeded', message: /active on the node longer than/ }
const MINUTE_MS = 60_000

const limited = (rest: Partial<PodSpec> = {}) => pod('web', { activeDeadlineSeconds: 60, ...rest })

async function edgeOf(t: Test, images?: readonly string[]) {
  const edge = createDevice(fastDir(t), images ? { images } : {})
  t.teardown(() => edge.stop())
  await edge.start()
  const running = () => edge.runtime.containers().filter(({ state }) => state === 'running').length
  return Object.assign(Object.create(edge) as typeof edge, { running })
}

t.test('A pod that is active for longer than its deadline is stopped, fails, and stays failed', async (t) => {
  const edge = await edgeOf(t)
  await edge.want([limited({ containers: [container(), container({ name: 'log' })] })])
  await edge.run(58_000)
  t.match(edge.status('web'), { phase: 'Running', containerStatuses: [{ ready: true }, { ready: true }] })
  await edge.run(5_000)
  t.match(edge.status('web'), EXCEEDED)
  t.equal(edge.running(), 0)
  t.equal(edge.runtime.containers().length, 2, 'kept for their logs, without the network that they shared')
  await edge.run(10 * MINUTE_MS)
  await edge.restart()
  edge.runtime.reboot('exited')
  await edge.crash()
  await edge.run(10 * MINUTE_MS)
  t.equal(edge.running(), 0, 'neither a restart nor a power cut brings it back')
  t.match(edge.status('web'), EXCEEDED)
  t.equal(edge.journal().filter((line) => line.startsWith('DeadlineExceeded')).length, 1)
})

t.test('It has its grace, and is not failed before it has ended', async (t) => {
  const edge = await edgeOf(t)
  edge.runtime.behave('my-image', { termMs: 20_000 })
  await edge.want([limited()])
  await edge.run(65_000)
  t.match(edge.status('web'), { phase: 'Running', reason: 'DeadlineExceeded' })
  await edge.run(20_000)
  t.match(edge.status('web'), EXCEEDED)
})

t.test('A restart of the agent does not begin the count anew; a power cut does', async (t) => {
  const edge = await edgeOf(t)
  await edge.want([limited()])
  await edge.run(40_000)
  await edge.restart()
  await edge.run(10_000)
  t.equal(edge.running(), 1)
  edge.runtime.reboot('exited')
  await edge.crash()
  await edge.run(50_000)
  t.equal(edge.running(), 1, 'nobody knows how long the power was gone')
  await edge.restart()
  await edge.run(12_000)
  t.match(edge.status('web'), EXCEEDED)
})

t.test('A pod that cannot start fails by its deadline too', async (t) => {
  const edge = await edgeOf(t, [])
  await edge.want([limited({ containers: [container({ image: 'missing', imagePullPolicy: 'Never' })] })])
  await edge.run(50_000)
  t.equal(edge.status('web').phase, 'Pending')
  await edge.run(12_000)
  t.match(edge.status('web'), EXCEEDED)
})

t.test('Who is done in time stays what it became', async (t) => {
  const edge = await edgeOf(t)
  edge.runtime.behave('my-image', { exitAfterMs: 1_000, exitCode: 0 })
  await edge.want([limited({ restartPolicy: 'Never' })])
  await edge.run(5 * MINUTE_MS)
  t.equal(edge.status('web').phase, 'Succeeded')
  t.equal(edge.status('web').reason, undefined)
})

t.test('A deadline that is shortened counts from when the pod began, and may be over at once', async (t) => {
  const edge = await edgeOf(t)
  const web = limited({ activeDeadlineSeconds: 3_600 })
  await edge.want([web])
  await edge.run(10 * MINUTE_MS)
  t.equal(edge.running(), 1)
  await edge.want([{ ...web, spec: { ...web.spec, activeDeadlineSeconds: 300 } }])
  await edge.run(1_000)
  t.match(edge.status('web'), EXCEEDED)
})

t.test('A pod that failed so goes when it is deleted', async (t) => {
  const edge = await edgeOf(t)
  const web = limited()
  await edge.want([web])
  await edge.run(65_000)
  const metadata = { ...web.metadata, deletionTimestamp: '2026-11-20T12:00:00Z', deletionGracePeriodSeconds: 1 }
  await edge.want([{ ...web, metadata }])
  await edge.run(5_000)
  t.equal(edge.runtime.containers().length, 0)
  await edge.want([])
  await edge.run(1_000)
  t.same(edge.cache.knownPods(), [], 'and nothing is remembered')
})
