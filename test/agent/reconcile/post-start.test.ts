// post-start.test.ts - checks that a container counts as running when its postStart hook has ended well, and is killed when not
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import t, { type Test } from 'tap'
import type { Container } from '../../../shared/kinds/object.ts'
import { container, pod } from '../../support/builders.ts'
import { createDevice } from '../../support/device.ts'
import { eventually } from '../../support/eventually.ts'
import { fastDir } from '../../support/fast-dir.ts'

const exec = (...command: string[]) => ({ exec: { command } })
const hooked = (
  postStart: NonNullable<NonNullable<Container['lifecycle']>['postStart']>,
  rest: Partial<Container> = {},
) => container({ name: 'first', lifecycle: { postStart }, ...rest })

async function edgeOf(t: Test) {
  const edge = createDevice(fastDir(t))
  t.teardown(() => edge.stop())
  await edge.start()
  const started = () =>
    edge.runtime.actions.filter((one) => one.do === 'start' && one.container).map(({ container: name }) => name)
  const execs = () => edge.runtime.actions.filter((one) => one.do === 'exec').map(({ command }) => command?.join(' '))
  return Object.assign(Object.create(edge) as typeof edge, { started, execs })
}

t.test('A hook runs once after each start, and what comes after it in the pod waits for it', async (t) => {
  const edge = await edgeOf(t)
  const web = pod('web', { containers: [hooked({ sleep: { seconds: 5 } }), container({ name: 'second' })] })
  await edge.want([web])
  await edge.run(2_000)
  t.same(edge.started(), ['first'])
  t.match(edge.status('web'), {
    phase: 'Pending',
    containerStatuses: [{ ready: false, started: false, state: { waiting: { reason: 'ContainerCreating' } } }, {}],
  })
  await edge.run(4_000)
  t.same(edge.started(), ['first', 'second'])
  t.match(edge.status('web'), { phase: 'Running', containerStatuses: [{ ready: true, state: { running: {} } }, {}] })
})

t.test('A command that succeeds changes nothing, and is not repeated by a restart of the agent', async (t) => {
  const edge = await edgeOf(t)
  await edge.want([pod('web', { containers: [hooked(exec('set', 'up'))] })])
  await edge.run(1_000)
  t.same(edge.execs(), ['set up'])
  await edge.restart()
  await edge.run(1_000)
  t.same(edge.execs(), ['set up'])
  t.match(edge.status('web'), { containerStatuses: [{ ready: true, restartCount: 0 }] })
})

t.test('A container whose hook fails is killed and starts again, with a back-off', async (t) => {
  const edge = await edgeOf(t)
  edge.runtime.behave('my-image', { exec: () => ({ stdout: 'no such table', exitCode: 3 }), exitCodeOnTerm: 143 })
  await edge.want([pod('web', { containers: [hooked(exec('set', 'up'))] })])
  await edge.run(20_000)
  const times = edge.started().length
  t.ok(times >= 4 && times < 10, `${times} starts`)
  const told = edge.journal()
  t.ok(told.includes('FailedPostStartHook PostStartHook failed: no such table'))
  t.ok(told.includes('Killing Container first failed its postStart hook, will be killed'))
  t.match(edge.status('web'), {
    containerStatuses: [{ ready: false, state: { waiting: { reason: 'CrashLoopBackOff' } } }],
  })
})

t.test('A pod that is not restarted fails with its hook', async (t) => {
  const edge = await edgeOf(t)
  edge.runtime.behave('my-image', { exec: () => ({ exitCode: 1 }) })
  await edge.want([pod('web', { restartPolicy: 'Never', containers: [hooked(exec('false'))] })])
  await edge.run(5_000)
  t.equal(edge.started().length, 1)
  t.equal(edge.status('web').phase, 'Failed')
})

t.test('A GET is a hook too, and nobody who answers it is a failure', async (t) => {
  const seen: string[] = []
  const server = createServer((request, response) => {
    seen.push(request.url ?? '')
    response.end()
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  const edge = await edgeOf(t)
  t.teardown(() => server.close())
  edge.runtime.behave('my-image', { dial: () => ({ address: '127.0.0.1', port }) })
  await edge.want([pod('web', { containers: [hooked({ httpGet: { port: 80, path: '/warm' } })] })])
  await eventually(async () => {
    await edge.run(100)
    return edge.status('web').phase === 'Running'
  })
  t.same(seen, ['/warm'])
  server.closeAllConnections()
  await new Promise((resolve) => server.close(resolve))
  await edge.want([pod('cold', { containers: [hooked({ httpGet: { port: 80 } })] })])
  await eventually(async () => {
    await edge.run(100)
    return edge.journal().some((line) => line.startsWith('FailedPostStartHook'))
  })
})

t.test('A sidecar lets the next one go when its hook has ended', async (t) => {
  const edge = await edgeOf(t)
  const proxy = hooked({ sleep: { seconds: 3 } }, { name: 'proxy', restartPolicy: 'Always' })
  await edge.want([pod('web', { initContainers: [proxy], containers: [container()] })])
  await edge.run(2_000)
  t.same(edge.started(), ['proxy'])
  await edge.run(2_000)
  t.same(edge.started(), ['proxy', 'app'])
})

t.test('A container that cannot be started holds nobody up', async (t) => {
  const edge = await edgeOf(t)
  const missing = hooked(exec('true'), { image: 'missing', imagePullPolicy: 'Never' })
  await edge.want([pod('web', { containers: [missing, container({ name: 'second' })] })])
  await edge.run(5_000)
  t.same(edge.started(), ['second'])
})
