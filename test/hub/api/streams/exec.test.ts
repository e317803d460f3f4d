// exec.test.ts - checks exec and attach through the whole hub, over every wire that clients speak
import { createServer } from 'node:http'
import t from 'tap'
import type { ExecRequest } from '../../../../agent/runtime/runtime.ts'
import { createLeases } from '../../../../hub/api/streams/leases.ts'
import { createStreamUpgrades } from '../../../../hub/api/subresources/stream-upgrades.ts'
import { systemClock } from '../../../../shared/clock.ts'
import { POD } from '../../../../shared/kinds/pod.ts'
import { openChannels } from '../../../support/channel-client.ts'
import { eventually, untilStill } from '../../../support/eventually.ts'
import type { FakeRuntime } from '../../../support/fake-runtime.ts'
import { socketBuffersBytesMax } from '../../../support/socket-buffers.ts'
import { spdyOverUpgrade } from '../../../support/spdy-client.ts'
import { startStreamHub } from '../../../support/stream-hub.ts'

const EXEC = '/api/v1/namespaces/default/pods/web/exec?command=run&stdin=true&stdout=true&stderr=true'
const shouting = {
  exec: (_command: readonly string[], stdin: string) => ({
    stdout: stdin.toUpperCase(),
    stderr: 'warned',
    exitCode: 3,
  }),
}
const withExec = (run: (request: ExecRequest) => Promise<number>) => ({
  wrap: (runtime: FakeRuntime): FakeRuntime => ({ ...runtime, exec: (_id, request) => run(request) }),
})

t.test('A command over WebSocket gets its input, and its output comes before its exit code', async (t) => {
  const { hub, runtime, runPod } = await startStreamHub(t)
  runtime.behave('app:1', shouting)
  await runPod('web')
  const client = await openChannels(hub, EXEC, { protocols: ['v5.channel.k8s.io', 'v4.channel.k8s.io'] })
  t.equal(client.protocol, 'v5.channel.k8s.io')
  client.send(0, 'some ')
  client.send(0, 'words')
  client.send(255, Uint8Array.of(0))
  t.equal(await client.closed, 1000)
  t.equal(client.text(1), 'SOME WORDS')
  t.notOk(
    client.messages(1).some(({ length }) => length === 0),
    'nothing comes before kubectl has opened the channel',
  )
  t.equal(client.text(2), 'warned')
  t.same(JSON.parse(client.text(3)), {
    metadata: {},
    status: 'Failure',
    reason: 'NonZeroExitCode',
    message: 'command terminated with non-zero exit code: exit status 3',
    details: { causes: [{ reason: 'ExitCode', message: '3' }] },
  })
})

t.test(
  'A command that ends before its input says how it ended, as in cat big | kubectl exec -i pod -- head',
  async (t) => {
    const { hub, runPod } = await startStreamHub(
      t,
      withExec(async ({ stdin, stdout }) => {
        for await (const _ of stdin ?? []) break
        stdout?.write('the first lines')
        return 0
      }),
    )
    await runPod('web')
    for (const tty of ['', '&tty=true']) {
      const client = await openChannels(hub, EXEC + tty)
      const flood = () => {
        if (client.ws.readyState !== client.ws.OPEN) return
        if (tty) client.send(4, '{"Width":80,"Height":24}')
        client.ws.send(Buffer.alloc(32 * 1024), () => setImmediate(flood))
      }
      flood()
      t.equal(await client.closed, 1000)
      t.equal(client.text(1), 'the first lines')
      t.match(JSON.parse(client.text(3)), { status: 'Success' })
    }
  },
)

t.test('The older form of the protocol works too, and a good end says Success', async (t) => {
  const { hub, runPod } = await startStreamHub(t)
  await runPod('web')
  const client = await openChannels(hub, EXEC.replace('stdin=true', 'stdin=false'), {
    protocols: ['v4.channel.k8s.io'],
  })
  await client.closed
  t.equal(client.protocol, 'v4.channel.k8s.io')
  t.equal(client.messages(1)[0]?.length, 0, 'who waits for the empty message that upstream opens with gets it')
  t.equal(client.text(1), 'run')
  t.same(JSON.parse(client.text(3)), { metadata: {}, status: 'Success' })
})

t.test('The same over SPDY, as kubectl before 1.30 speaks it', async (t) => {
  const { hub, runtime, runPod } = await startStreamHub(t)
  runtime.behave('app:1', shouting)
  await runPod('web')
  const client = await spdyOverUpgrade(hub, EXEC)
  const error = await client.open({ streamtype: 'error' })
  const stdin = await client.open({ streamtype: 'stdin' })
  const stdout = await client.open({ streamtype: 'stdout' })
  const stderr = await client.open({ streamtype: 'stderr' })
  client.write(stdin, 'some words')
  client.end(stdin)
  await client.closed
  t.equal(client.text(stdout), 'SOME WORDS')
  t.equal(client.text(stderr), 'warned')
  t.match(JSON.parse(client.text(error)), { status: 'Failure', details: { causes: [{ message: '3' }] } })
})

t.test('The size of the terminal reaches the device, and a hostile size does not', async (t) => {
  const sizes: number[][] = []
  const { hub, runPod } = await startStreamHub(
    t,
    withExec(async ({ onResize, stdin }) => {
      onResize?.((columns, rows) => void sizes.push([columns, rows]))
      for await (const _ of stdin ?? []);
      return 0
    }),
  )
  await runPod('web')
  const client = await openChannels(hub, `${EXEC}&tty=true`)
  client.send(4, '{"Width":80,"Height":24}')
  client.send(4, '{"Width":1e9,"Height":-1}')
  client.send(4, 'nonsense')
  client.send(4, '{"Width":120,"Height":40}')
  await eventually(() => sizes.length === 2)
  client.send(255, Uint8Array.of(0))
  await client.closed
  t.same(sizes, [
    [80, 24],
    [120, 40],
  ])
})

t.test('Attaching shows what a running container says from now on', async (t) => {
  const { hub, runtime, runPod } = await startStreamHub(t)
  const { containerId } = await runPod('web')
  const client = await openChannels(hub, '/api/v1/namespaces/default/pods/web/attach?stdout=true&stderr=true')
  await eventually(() => runtime.actions.some((action) => action.do === 'attach'))
  runtime.write(containerId, 'stdout', 'hello')
  await eventually(() => client.text(1) === 'hello\n')
  runtime.exit(containerId, 0)
  t.equal(await client.closed, 1000)
})

t.test('What cannot be done is refused in HTTP, in words that say why', async (t) => {
  const { hub, rig, runtime, runPod } = await startStreamHub(t)
  const { containerId } = await runPod('web')
  await runPod('two', {
    containers: [
      { name: 'main', image: 'app:1' },
      { name: 'side', image: 'app:1' },
    ],
  })
  const refused = (path: string, options = {}) =>
    openChannels(hub, path, options).then(
      () => t.fail(path),
      (error: unknown) => error,
    )
  t.match(await refused(EXEC, { token: hub.tokens.viewer }), {
    code: 403,
    message: /User "viewer" cannot create resource "pods\/exec"/,
  })
  t.match(await refused(EXEC, { token: 'wrong' }), { code: 401 })
  t.match(await refused(EXEC.replace('web', 'none')), { code: 404, message: 'pods "none" not found' })
  t.match(await refused(`${EXEC}&container=other`), { code: 400, message: 'container other is not valid for pod web' })
  t.match(await refused(EXEC.replace('web', 'two')), { code: 400, message: /choose one of: \[main side\]/ })
  t.match(await refused(EXEC.replace('command=run&', '')), { code: 400, message: /at least 1 command/ })
  const plain = await hub.ask('GET', EXEC)
  t.match(plain, { code: 400, json: { kind: 'Status', message: 'Upgrade request required' } })
  runtime.exit(containerId, 1)
  t.match(await refused(EXEC), { code: 400, message: /is not running: it exited with code 1/ })
  const agent = await rig.addAgent('node-1', [])
  agent.connected = false
  t.match(await refused(EXEC), { code: 503, message: /node "node-1" is not connected to the hub/ })
})

t.test('A stream ends when the credential that opened it does, and the command with it', async (t) => {
  const ends: boolean[] = []
  const { hub, rig, runPod } = await startStreamHub(
    t,
    withExec(async ({ signal }) => {
      await new Promise((resolve) => signal.addEventListener('abort', resolve))
      ends.push(true)
      return 137
    }),
  )
  await runPod('web')
  const leases = createLeases(systemClock)
  const { upgrades } = createStreamUpgrades({ objects: hub.objects, calls: rig.calls, leases, clock: systemClock })
  const server = createServer()
  server.on('upgrade', (request, socket, head) => {
    const query = new URL(request.url ?? '', 'http://hub').searchParams
    const user = { name: 'robot', groups: [], expiresAtMonoMs: systemClock.monoMs() + 300 }
    const call = {
      kind: POD,
      namespace: 'default',
      name: 'web',
      query,
      user,
      request,
      dryRun: false,
      fieldManager: '',
      warn() {},
    }
    upgrades?.['/pods/exec']?.(call, socket, head)
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  t.teardown(() => server.close())
  const address = server.address()
  const url = `http://127.0.0.1:${typeof address === 'object' && address ? address.port : 0}`
  const client = await openChannels({ ...hub, url }, EXEC)
  await client.closed
  t.match(JSON.parse(client.text(3)), { status: 'Failure', reason: 'Unauthorized', message: /has expired/ })
  await eventually(() => ends.length === 1 && leases.count === 0)
})

t.test('A reader that stops reading stops the command, not the hub', async (t) => {
  // One connection from the device, one to the client, and what both programs hold.
  const most = 2 * socketBuffersBytesMax() + 16 * 1024 * 1024
  const total = most + 16 * 1024 * 1024
  let produced = 0
  const { hub, runPod } = await startStreamHub(
    t,
    withExec(async ({ stdout }) => {
      const piece = Buffer.alloc(256 * 1024, 'x')
      for (; produced < total; produced += piece.length)
        if (!stdout?.write(piece)) await new Promise((resolve) => stdout?.once('drain', resolve))
      return 0
    }),
  )
  await runPod('web')
  const client = await openChannels(hub, EXEC)
  client.ws.pause()
  const memoryBefore = process.memoryUsage().rss
  await untilStill(() => produced)
  t.ok(produced < most, `the command stopped after ${produced} bytes`)
  t.ok(process.memoryUsage().rss - memoryBefore < 128 * 1024 * 1024, 'memory stays bounded')
  client.ws.resume()
  await client.closed
  t.equal(client.text(1).length, total)
  t.match(JSON.parse(client.text(3)), { status: 'Success' })
})
