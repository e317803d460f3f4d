// docker-faults.test.ts - an engine that hangs, breaks, lies or comes back: never read as "there are no containers"
import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import { json as readJson } from 'node:stream/consumers'
import type { Test } from 'tap'
import t from 'tap'
import { createDockerRuntime } from '../../../agent/runtime/docker.ts'
import { ImageError, RuntimeUnavailable, StartError, type RuntimeEvent } from '../../../agent/runtime/runtime.ts'
import { systemClock, type Clock } from '../../../shared/clock.ts'
import { silentLog } from '../../../shared/log.ts'
import { systemRandom } from '../../../shared/random.ts'
import { containerSpec } from '../../support/container-spec.ts'
import { eventually } from '../../support/eventually.ts'
import { createLittleEngine, hang, json } from '../../support/little-engine.ts'
import { createManualClock } from '../../support/manual-clock.ts'

async function engine(t: Test, clock: Clock = systemClock) {
  const little = createLittleEngine()
  await little.start()
  t.teardown(() => little.close())
  const runtime = createDockerRuntime({
    address: little.address,
    node: 'node-1',
    clock,
    random: systemRandom,
    log: silentLog,
  })
  return { ...little, runtime }
}

const thrown = (promise: Promise<unknown>) =>
  promise.then(
    () => undefined,
    (error: unknown) => error,
  )

void t.test('An engine that takes the call and never answers is unavailable after a bounded time', async (t) => {
  const clock = createManualClock()
  const { runtime, answers, asked } = await engine(t, clock)
  answers.set('/containers/json', hang)
  const listing = thrown(runtime.list())
  await eventually(() => asked.length === 1)
  await clock.advance(60_000)
  t.ok((await listing) instanceof RuntimeUnavailable)
  t.equal(clock.pending, 0)
})

void t.test('A server error about everything is unavailable; about one container it is that container’s', async (t) => {
  const { runtime, answers } = await engine(t)
  answers.set('/containers/json', json(500, { message: 'database is broken' }))
  t.match(await thrown(runtime.list()), { name: 'RuntimeUnavailable', message: /database is broken/ })
  answers.set('/containers/a/start', json(500, { message: 'OCI runtime create failed: no such file' }))
  t.match(await thrown(runtime.startContainer('a')), { name: 'StartError', reason: 'RunContainerError' })
  answers.set('/containers/b/start', json(500, { message: 'containerd: connection refused' }))
  t.ok((await thrown(runtime.startContainer('b'))) instanceof RuntimeUnavailable)
})

void t.test('A list in which one inspect fails is no list', async (t) => {
  const { runtime, answers } = await engine(t)
  answers.set('/containers/json', json(200, [{ Id: 'a' }, { Id: 'b' }]))
  answers.set('/containers/b/json', json(500, { message: 'oh' }))
  t.ok((await thrown(runtime.list())) instanceof RuntimeUnavailable)
})

void t.test('Podman’s 500 for a name in use is a leftover to take over', async (t) => {
  const { runtime, answers } = await engine(t)
  const spec = containerSpec()
  const labels = {
    'holdfast.dev/node': 'node-1',
    'holdfast.dev/pod-uid': spec.identity.podUid,
    'holdfast.dev/role': 'app',
    'holdfast.dev/attempt': '0',
    'holdfast.dev/spec-hash': spec.identity.specHash,
  }
  answers.set('/containers/create', json(500, { message: 'the container name "x" is already in use by "abc"' }))
  answers.set('/containers/hf_default_web_main_b3a8f5a0_0/json', json(200, { Id: 'abc', Config: { Labels: labels } }))
  t.equal(await runtime.createContainer(spec), 'abc')
  answers.set('/containers/create', json(400, { message: 'invalid mount' }))
  const error = await thrown(runtime.createContainer(spec))
  t.ok(error instanceof StartError)
  t.match(error, { reason: 'CreateContainerError', message: 'invalid mount' })
})

void t.test('An engine on another machine starts containers without the file for their last words', async (t) => {
  const { runtime, answers } = await engine(t)
  const termination = { path: '/dev/termination-log', orLogs: false, folder: join(t.testdir(), 'messages') }
  const bodies: { HostConfig: { Mounts: { Source: string }[] } }[] = []
  answers.set('/containers/create', (request, response) => {
    void readJson(request).then((body) => {
      // What the driver has sent.
      bodies.push(body as (typeof bodies)[number])
      const source = bodies.at(-1)?.HostConfig.Mounts[0]?.Source
      const message = `invalid mount config for type "bind": bind source path does not exist: ${source}`
      json(source ? 400 : 201, source ? { message } : { Id: `made-${bodies.length}` })(request, response)
    })
  })
  t.equal(await runtime.createContainer(containerSpec({ termination })), 'made-2')
  t.same(readdirSync(termination.folder), [], 'and leaves none behind')
  t.equal(await runtime.createContainer(containerSpec({ termination })), 'made-3', 'and is not asked again')
  t.same(
    bodies.map(({ HostConfig }) => HostConfig.Mounts.length),
    [1, 0, 0],
  )
})

void t.test('Where no file can be made a container starts all the same', async (t) => {
  const { runtime, answers } = await engine(t)
  answers.set('/containers/create', json(201, { Id: 'made' }))
  const folder = join(t.testdir({ full: '' }), 'full/messages')
  const termination = { path: '/dev/termination-log', orLogs: false, folder }
  t.equal(await runtime.createContainer(containerSpec({ termination })), 'made')
})

void t.test('A pull that fails inside an answer that began well has failed', async (t) => {
  const { runtime, answers } = await engine(t)
  const progress: unknown[] = []
  answers.set('/images/create', (_request, response) => {
    response.write(`${JSON.stringify({ id: 'l1', progressDetail: { current: 5, total: 10 } })}\n`)
    response.end(`${JSON.stringify({ error: 'unauthorized: authentication required' })}\n`)
  })
  const signal = new AbortController().signal
  const error = await thrown(runtime.pull({ image: 'web', signal, onProgress: (seen) => progress.push(seen) }))
  t.ok(error instanceof ImageError)
  t.match(error, { reason: 'ErrImagePull', message: /unauthorized/ })
  t.strictSame(progress, [{ doneBytes: 5, totalBytes: 10 }])
  answers.set('/images/create', json(500, { message: 'dial tcp: lookup registry: no such host' }))
  t.match(await thrown(runtime.pull({ image: 'web', signal })), { reason: 'RegistryUnavailable' })
})

void t.test('The progress of a pull is what has come over the link, also while it is unpacked', async (t) => {
  const { runtime, answers } = await engine(t)
  const lines = [
    { id: 'l1', status: 'Pulling fs layer', progressDetail: {} },
    { id: 'l1', status: 'Downloading', progressDetail: { current: 5, total: 10 } },
    { id: 'l2', status: 'Downloading', progressDetail: { current: 1, total: 40 } },
    { id: 'l1', status: 'Download complete', progressDetail: {} },
    { id: 'l1', status: 'Extracting', progressDetail: { current: 2, total: 10 } },
  ]
  answers.set('/images/create', (_request, response) =>
    response.end(lines.map((line) => `${JSON.stringify(line)}\n`).join('')),
  )
  answers.set('/images/docker.io/library/web:latest/json', json(200, { Id: 'sha256:1', Config: { User: '' } }))
  const seen: string[] = []
  await runtime.pull({
    image: 'web',
    signal: new AbortController().signal,
    onProgress: ({ doneBytes, totalBytes }) => seen.push(`${doneBytes} of ${totalBytes}`),
  })
  t.strictSame(seen, ['5 of 10', '6 of 50', '11 of 50', '11 of 50'])
})

void t.test('A pull passes the credentials on, and never in the address', async (t) => {
  const { runtime, answers } = await engine(t)
  let seen: { header: unknown; url: string } | undefined
  answers.set('/images/create', (request, response) => {
    seen = { header: request.headers['x-registry-auth'], url: request.url ?? '' }
    response.end('{"status":"done"}\n')
  })
  answers.set('/images/r.test/web:1/json', json(404, { message: 'no' }))
  answers.set(`/images/r.test/web:1/json`, json(200, { Id: 'sha256:1', Config: { User: 'app' } }))
  const credentials = { username: 'u', password: 'secret', server: 'r.test' }
  const image = await runtime.pull({ image: 'r.test/web:1', credentials, signal: new AbortController().signal })
  t.strictSame(image, { id: 'sha256:1', user: 'app' })
  const decoded: unknown = JSON.parse(Buffer.from(String(seen?.header), 'base64url').toString())
  t.match(decoded, { username: 'u', password: 'secret', serveraddress: 'r.test' })
  t.match(seen?.url, /fromImage=r\.test%2Fweb&tag=1$/)
})

void t.test('A pull without progress is given up; one that goes on is not', async (t) => {
  const clock = createManualClock()
  const { runtime, answers } = await engine(t, clock)
  let more: (line: string) => void = () => undefined
  answers.set('/images/create', (_request, response) => {
    more = (line) => void response.write(line)
    more('{"status":"Pulling"}\n')
  })
  let seen = 0
  const onProgress = () => void seen++
  const pulling = thrown(runtime.pull({ image: 'web', signal: new AbortController().signal, onProgress }))
  for (const current of [1, 2, 3]) {
    await eventually(() => {
      if (seen < current) more(`${JSON.stringify({ id: 'l', progressDetail: { current, total: 9 } })}\n`)
      return seen >= current
    })
    await clock.advance(90_000)
  }
  await clock.advance(60_000)
  t.match(await pulling, { reason: 'RegistryUnavailable', message: /no progress/ })
})

void t.test('An engine that dies is told once, and listing again is asked for when it is back', async (t) => {
  const little = await engine(t)
  const { runtime, answers } = little
  const streams: { write(line: string): unknown }[] = []
  answers.set('/events', (_request, response) => {
    response.writeHead(200).flushHeaders()
    streams.push(response)
  })
  const events: RuntimeEvent[] = []
  runtime.onEvent((event) => events.push(event))
  await runtime.start()
  t.teardown(() => runtime.stop())
  await eventually(() => events.length === 1)
  t.strictSame(events, [{ kind: 'relist' }])
  const attributes = { 'holdfast.dev/pod-uid': 'u1' }
  streams[0]?.write(`${JSON.stringify({ Action: 'die', Actor: { ID: 'a', Attributes: attributes } })}\n`)
  await eventually(() => events.length === 2)
  t.match(events[1], { kind: 'changed', id: 'a', podUid: 'u1' })
  await little.stop()
  await eventually(() => events.length === 3)
  t.match(events[2], { kind: 'unavailable' })
  await little.start()
  await eventually(() => events.length === 4)
  t.match(events[3], { kind: 'relist' })
})

void t.test('Podman’s events, which begin with the first one, do not hold back the first look', async (t) => {
  const clock = createManualClock()
  const { runtime, answers, asked } = await engine(t, clock)
  answers.set('/events', hang)
  const events: RuntimeEvent[] = []
  runtime.onEvent((event) => events.push(event))
  await runtime.start()
  t.teardown(() => runtime.stop())
  await eventually(() => asked.includes('GET /events'))
  await clock.advance(1_000)
  await eventually(() => events.length === 1)
  t.strictSame(events, [{ kind: 'relist' }])
  await clock.advance(120_000)
  t.strictSame(events, [{ kind: 'relist' }], 'silence is not a failure')
})
