// probes.test.ts - probes against real servers on this machine, and their rhythm on a clock that the test moves
import { createServer as createHttp, type RequestListener } from 'node:http'
import { createServer as createTcp, type AddressInfo, type Server } from 'node:net'
import t from 'tap'
import { containersOf } from '../../../agent/reconcile/pod-shape.ts'
import { createProber } from '../../../agent/reconcile/probes.ts'
import { counted, type ProbeCount } from '../../../agent/reconcile/probe-result.ts'
import { askOnce, portNumber, type Handler } from '../../../agent/reconcile/probe-run.ts'
import { systemClock } from '../../../shared/clock.ts'
import type { Container } from '../../../shared/kinds/object.ts'
import { container, pod } from '../../support/builders.ts'
import { containerSpec } from '../../support/container-spec.ts'
import { createFakeRuntime } from '../../support/fake-runtime.ts'
import { createManualClock } from '../../support/manual-clock.ts'

interface Test {
  teardown(run: () => void): void
}

async function listening(test: Test, server: Server): Promise<number> {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  test.teardown(() => server.close())
  return (server.address() as AddressInfo).port
}
const http = (test: Test, handler: RequestListener) => listening(test, createHttp(handler))

async function target(exec?: (command: readonly string[]) => { stdout?: string; exitCode: number }) {
  const runtime = createFakeRuntime({ clock: systemClock, images: ['my-image'] })
  runtime.behave('my-image', { dial: (port) => ({ address: '127.0.0.1', port }), ...(exec && { exec }) })
  const web = pod('web', { containers: [container({ ports: [{ name: 'http', containerPort: 8080 }] })] })
  const shape = containersOf(web)[0]!
  const identity = { podUid: web.metadata.uid, container: 'app' }
  const id = await runtime.createContainer(containerSpec({ image: 'my-image', identity }))
  await runtime.startContainer(id)
  return { runtime, container: shape, id, networkId: id }
}
const ask = async (handler: Handler, timeoutMs = 1_000) => askOnce(handler, await target(), timeoutMs, systemClock)

t.test('An HTTP answer from 200 to 399 is well, everything else is not', async (t) => {
  let status = 200
  const port = await http(t, (_request, response) => void response.writeHead(status).end('hello'))
  for (const good of [200, 204, 399]) {
    status = good
    t.same(await ask({ httpGet: { port } }), { ok: true }, String(good))
  }
  for (const bad of [400, 404, 503]) {
    status = bad
    t.same(await ask({ httpGet: { port } }), { ok: false, output: `HTTP probe failed with statuscode: ${bad}` })
  }
})

t.test('A program that wants to speak another protocol fails its probe', async (t) => {
  const port = await listening(
    t,
    createTcp((socket) => {
      socket.on('error', () => {})
      socket.once('data', () =>
        socket.write('HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: h2c\r\n\r\n'),
      )
    }),
  )
  const { ok, output } = { output: '', ...(await ask({ httpGet: { port } })) }
  t.notOk(ok)
  t.match(output, /closed without an answer/)
})

t.test('The path and the headers of the probe are sent', async (t) => {
  const seen: string[] = []
  const port = await http(t, (request, response) => {
    seen.push(`${request.url} ${String(request.headers['x-colour'])} ${request.headers.host}`)
    response.end()
  })
  const httpHeaders = [
    { name: 'X-Colour', value: 'green' },
    { name: 'Host', value: 'web.local' },
  ]
  await ask({ httpGet: { port, path: '/healthz?full=1', httpHeaders } })
  t.same(seen, ['/healthz?full=1 green web.local'])
})

t.test('A redirect is followed on the same host only: a workload must not aim the agent at others', async (t) => {
  let isReached = false
  const port = await http(t, (request, response) => {
    if (request.url === '/here') return void response.writeHead(302, { Location: '/there' }).end()
    if (request.url === '/there') return void response.writeHead(500).end()
    if (request.url === '/away')
      return void response.writeHead(302, { Location: `http://localhost:${port}/trap` }).end()
    if (request.url === '/loop') return void response.writeHead(302, { Location: '/loop' }).end()
    isReached = true
    response.end()
  })
  t.equal((await ask({ httpGet: { port, path: '/here' } })).ok, false)
  t.same(await ask({ httpGet: { port, path: '/away' } }), { ok: true })
  t.equal(isReached, false)
  t.match(await ask({ httpGet: { port, path: '/loop' } }), { ok: false, output: /stopped after 10 redirects/ })
})

t.test('A server that does not answer in time, or never stops answering, does not hold the probe', async (t) => {
  const port = await http(t, (request, response) => {
    if (request.url === '/slow') return
    const more = () => response.write('x'.repeat(4_096), () => void setImmediate(more))
    if (!response.destroyed) more()
    response.on('error', () => undefined)
  })
  t.match(await ask({ httpGet: { port, path: '/slow' } }, 100), { ok: false, output: /deadline exceeded/ })
  t.same(await ask({ httpGet: { port, path: '/endless' } }, 5_000), { ok: true })
})

t.test('A TCP probe wants somebody to listen', async (t) => {
  const server = createTcp((socket) => socket.end())
  const port = await listening(t, server)
  t.same(await ask({ tcpSocket: { port } }), { ok: true })
  t.match(await ask({ tcpSocket: { port: 1 } }), { ok: false, output: /dial tcp 127\.0\.0\.1:1: / })
  t.match(await ask({ tcpSocket: { port: 'nameless' } }), { ok: false, output: "couldn't find port: nameless" })
  t.equal(
    portNumber(
      'http',
      containersOf(pod('w', { containers: [container({ ports: [{ name: 'http', containerPort: 8080 }] })] }))[0]!,
    ),
    8080,
  )
})

t.test('A command is well when it ends with 0, and gRPC is refused by name', async (t) => {
  const run = async (exitCode: number) =>
    askOnce({ exec: { command: ['check'] } }, await target(() => ({ stdout: 'words', exitCode })), 1_000, systemClock)
  t.same(await run(0), { ok: true })
  t.same(await run(1), { ok: false, output: 'words' })
  t.match(await ask({ grpc: { port: 1 } }), { ok: false, output: /gRPC/ })
})

t.test('An engine that does not answer says nothing about the container in it', async (t) => {
  const clock = createManualClock()
  const it = await target(() => ({ exitCode: 0 }))
  const spec = {
    ...it.container.spec,
    livenessProbe: { exec: { command: ['true'] }, periodSeconds: 1, failureThreshold: 1 },
  }
  const told: string[] = []
  const prober = createProber({
    clock,
    events: { record: (_pod, { message }) => void told.push(message), forget() {} },
    onChange: (uid) => void told.push(uid),
  })
  prober.watch(pod('web'), [{ ...it, container: { ...it.container, spec }, isAdopted: false }])
  it.runtime.setAvailable(false)
  await clock.advance(5_000)
  t.same(told, [], 'nobody is told of a failure')
  t.equal(prober.result(it.id).live, true)
  prober.stop()
})

t.test('Thresholds decide when an answer counts', async (t) => {
  const after = (answers: string, start: boolean, probe = {}) =>
    answers.split('').reduce<ProbeCount>((count, answer) => counted(count, answer === '+', probe), {
      passing: start,
      successes: 0,
      failures: 0,
    }).passing
  t.equal(after('--', true), true)
  t.equal(after('---', true), false)
  t.equal(after('--+--', true), true)
  t.equal(after('+', false), true)
  t.equal(after('+', false, { successThreshold: 2 }), false)
  t.equal(after('++', false, { successThreshold: 2 }), true)
  t.equal(after('-', true, { failureThreshold: 1 }), false)
})

async function watched(rest: Partial<Container>, isAdopted = false) {
  const clock = createManualClock()
  const state = { exitCode: 0, asked: [] as string[], changes: 0 }
  const one = await target((command) => {
    state.asked.push(command.join(' '))
    return { exitCode: state.exitCode }
  })
  const web = pod('web', { containers: [container(rest)] })
  const prober = createProber({ clock, events: { record() {}, forget() {} }, onChange: () => void state.changes++ })
  prober.watch(web, [{ ...one, container: containersOf(web)[0]!, isAdopted }])
  return { clock, state, prober, result: () => prober.result(one.id), web }
}
const command = (name: string) => ({ exec: { command: [name] } })

t.test('Liveness and readiness wait until the startup probe has passed', async (t) => {
  const startupProbe = { ...command('startup'), periodSeconds: 1, failureThreshold: 5 }
  const { clock, state, result } = await watched({
    startupProbe,
    livenessProbe: { ...command('live'), periodSeconds: 1 },
    readinessProbe: { ...command('ready'), periodSeconds: 1 },
  })
  state.exitCode = 1
  await clock.advance(2_500)
  t.same(new Set(state.asked), new Set(['startup']))
  t.same(result(), { started: false, ready: false, live: true })
  state.exitCode = 0
  await clock.advance(1_000)
  t.same(result(), { started: true, ready: true, live: true })
  t.ok(state.asked.includes('live') && state.asked.includes('ready'))
})

t.test('A startup probe that never passes gives the container up', async (t) => {
  const { clock, state, result } = await watched({
    startupProbe: { ...command('startup'), periodSeconds: 1, failureThreshold: 3 },
  })
  state.exitCode = 1
  await clock.advance(1_500)
  t.equal(result().live, true)
  await clock.advance(1_000)
  t.match(result(), { live: false, failed: 'startup' })
})

t.test('The initial delay is kept for a new container, and not for one that ran before the agent did', async (t) => {
  const readinessProbe = { ...command('ready'), initialDelaySeconds: 60 }
  const fresh = await watched({ readinessProbe })
  t.equal(fresh.result().ready, false)
  await fresh.clock.advance(59_000)
  t.same(fresh.state.asked, [])
  await fresh.clock.advance(2_000)
  t.same(fresh.state.asked, ['ready'])
  const adopted = await watched({ readinessProbe }, true)
  t.equal(adopted.result().ready, true, 'taken to be well until it is asked')
  await adopted.clock.advance(10)
  t.same(adopted.state.asked, ['ready'])
})

t.test('Who does not run any more is not asked any more', async (t) => {
  const { clock, state, prober, web } = await watched({ livenessProbe: { ...command('live'), periodSeconds: 1 } })
  await clock.advance(1_500)
  prober.watch(web, [])
  const asked = state.asked.length
  await clock.advance(10_000)
  t.equal(state.asked.length, asked)
  t.equal(clock.pending, 0)
})
