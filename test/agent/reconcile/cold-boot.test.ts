// cold-boot.test.ts - checks that a pod begins from its init containers when the device was switched off, and only then
import t, { type Test } from 'tap'
import type { Pod } from '../../../shared/kinds/object.ts'
import { container, pod } from '../../support/builders.ts'
import { createDevice, type Device } from '../../support/device.ts'
import { fastDir } from '../../support/fast-dir.ts'

const init = (name: string) => container({ name, image: name })
const web = (rest: Partial<Pod['spec']> = {}) =>
  pod('web', { initContainers: [init('first'), init('second')], containers: [container({ image: 'app' })], ...rest })

interface Edge extends Device {
  /** Names of what was started since the last call, in order. */
  started(): string[]
  /** Power goes, and the device comes back without a link. */
  powerCut(left: 'exited' | 'gone'): Promise<void>
}

async function edgeOf(t: Test): Promise<Edge> {
  const device = createDevice(fastDir(t), { images: ['first', 'second', 'app', 'proxy'] })
  for (const name of ['first', 'second']) device.runtime.behave(name, { exitAfterMs: 50, exitCode: 0 })
  t.teardown(() => device.stop())
  await device.start()
  let read = 0
  return Object.assign(Object.create(device) as Device, {
    started() {
      const all = device.runtime.actions.filter((action) => action.do === 'start' && action.container)
      return all.slice(read, (read = all.length)).map(({ container: name }) => name ?? '')
    },
    async powerCut(left: 'exited' | 'gone') {
      device.runtime.reboot(left)
      await device.crash()
      await device.run(5_000)
    },
  })
}

for (const left of ['exited', 'gone'] as const) {
  t.test(`After a power cut init containers run again, in order, before the app (containers ${left})`, async (t) => {
    const edge = await edgeOf(t)
    await edge.want([web()])
    await edge.run(5_000)
    t.same(edge.started(), ['first', 'second', 'app'])
    for (let cut = 0; cut < 2; cut++) {
      await edge.powerCut(left)
      t.same(edge.started(), ['first', 'second', 'app'])
      t.match(edge.status('web'), { phase: 'Running', initContainerStatuses: [{ ready: true }, { ready: true }] })
    }
    t.equal(edge.status('web').initContainerStatuses?.[0]?.restartCount, 2)
  })
}

t.test('A crash of the app, and a restart of the agent, run no init container again', async (t) => {
  const edge = await edgeOf(t)
  await edge.want([web()])
  await edge.run(5_000)
  await edge.powerCut('exited')
  edge.started()
  await edge.restart()
  edge.runtime.exit(edge.runtime.containers().find(({ state }) => state === 'running')?.id ?? '', 1)
  await edge.run(10_000)
  t.same(edge.started(), ['app'])
})

t.test('An agent that is restarted between the init containers of a cold boot goes on where they were', async (t) => {
  const edge = await edgeOf(t)
  await edge.want([web()])
  await edge.run(5_000)
  edge.started()
  edge.runtime.behave('second', { exitAfterMs: 60_000, exitCode: 0 })
  await edge.powerCut('exited')
  t.same(edge.started(), ['first', 'second'])
  t.match(edge.status('web'), { phase: 'Pending', conditions: [{}, { type: 'Initialized', status: 'False' }] })
  await edge.restart()
  await edge.run(120_000)
  t.same(edge.started(), ['app'])
})

t.test('An init container that fails after a power cut is tried until it succeeds; the app waits', async (t) => {
  const edge = await edgeOf(t)
  await edge.want([web()])
  await edge.run(5_000)
  edge.started()
  edge.runtime.behave('first', { exitAfterMs: 50, exitCode: 1 })
  await edge.powerCut('exited')
  edge.runtime.behave('first', { exitAfterMs: 50, exitCode: 0 })
  await edge.run(20_000)
  const started = edge.started()
  t.same(new Set(started.slice(0, -2)), new Set(['first']))
  t.ok(started.length > 3, 'more than once')
  t.same(started.slice(-2), ['second', 'app'])
})

t.test('A pod that has done its work, or may run once only, does not begin again', async (t) => {
  const edge = await edgeOf(t)
  await edge.want([web({ restartPolicy: 'Never' })])
  await edge.run(5_000)
  edge.started()
  await edge.powerCut('exited')
  t.same(edge.started(), [])
  t.match(edge.status('web'), { phase: 'Failed' })
})

t.test('Sidecars start in their place before the app again', async (t) => {
  const edge = await edgeOf(t)
  const proxy = container({ name: 'proxy', image: 'proxy', restartPolicy: 'Always' })
  await edge.want([web({ initContainers: [init('first'), proxy, init('second')] })])
  await edge.run(5_000)
  t.same(edge.started(), ['first', 'proxy', 'second', 'app'])
  await edge.powerCut('exited')
  t.same(edge.started(), ['first', 'proxy', 'second', 'app'])
})

t.test('What was made by an agent that did not note the boot yet is left in peace', async (t) => {
  const edge = await edgeOf(t)
  const wanted = web()
  await edge.want([wanted])
  await edge.run(5_000)
  edge.started()
  for (const { bootId: _, ...history } of edge.cache.histories(wanted.metadata.uid)) edge.cache.saveHistory(history)
  await edge.powerCut('exited')
  t.same(edge.started(), ['app'])
})
