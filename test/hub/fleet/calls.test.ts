// calls.test.ts - checks that the hub reaches its agents on demand, whole and in order, and only the agents that it means
import { createServer, type Socket } from 'node:net'
import { PassThrough } from 'node:stream'
import t from 'tap'
import type { Runtime } from '../../../agent/runtime/runtime.ts'
import { CALLS_PER_NODE_MAX } from '../../../hub/fleet/calls.ts'
import { systemClock } from '../../../shared/clock.ts'
import { CHANNEL, type CallStream } from '../../../shared/protocol/calls.ts'
import { startCallRig } from '../../support/call-rig.ts'
import { containerSpec } from '../../support/container-spec.ts'
import { eventually, untilStill } from '../../support/eventually.ts'
import { createFakeRuntime, type FakeRuntime } from '../../support/fake-runtime.ts'
import { socketBuffersBytesMax } from '../../support/socket-buffers.ts'

const never = new AbortController().signal
const pod = { podUid: 'pod-1', container: 'main' }
const logs = { kind: 'logs' as const, ...pod, follow: false, previous: false, timestamps: false }
const exec = { kind: 'exec' as const, ...pod, stdin: true, stdout: true, stderr: true, tty: false, command: ['cat'] }
const bytes = (text: string) => new TextEncoder().encode(text)

async function running(runtime: FakeRuntime, attempt = 0): Promise<string> {
  const id = await runtime.createContainer(containerSpec({ image: 'app:1', identity: { podUid: pod.podUid, attempt } }))
  await runtime.startContainer(id)
  return id
}

function collect(stream: CallStream): Map<number, Buffer> {
  const seen = new Map<number, Buffer>()
  stream.onFrame((channel, data) => void seen.set(channel, Buffer.concat([seen.get(channel) ?? Buffer.alloc(0), data])))
  return seen
}

t.test('Logs come from the node that the pod runs on, both streams apart', async (t) => {
  const rig = await startCallRig(t)
  const runtime = createFakeRuntime({ clock: systemClock, images: ['app:1'] })
  await rig.addAgent('node-1', [runtime])
  const id = await running(runtime)
  runtime.write(id, 'stdout', 'hello')
  runtime.write(id, 'stderr', 'oh no')
  const stream = await rig.calls.open('node-1', logs, never)
  const seen = collect(stream)
  t.same(await stream.ended, { outcome: 'done', exitCode: 0 })
  t.equal(String(seen.get(CHANNEL.stdout)), 'hello\n')
  t.equal(String(seen.get(CHANNEL.stderr)), 'oh no\n')
  await eventually(() => rig.calls.counts().open === 0)
})

t.test(
  'The logs of the container before the restart are there when asked for, and an error when there was none',
  async (t) => {
    const rig = await startCallRig(t)
    const runtime = createFakeRuntime({ clock: systemClock, images: ['app:1'] })
    await rig.addAgent('node-1', [runtime])
    const first = await running(runtime)
    runtime.write(first, 'stdout', 'first life')
    await t.rejects(rig.calls.open('node-1', { ...logs, previous: true }, never), {
      code: 400,
      message: /previous terminated container "main" in pod .* not found/,
    })
    runtime.exit(first, 1)
    const second = await running(runtime, 1)
    runtime.write(second, 'stdout', 'second life')
    const stream = await rig.calls.open('node-1', { ...logs, previous: true }, never)
    const seen = collect(stream)
    await stream.ended
    t.equal(String(seen.get(CHANNEL.stdout)), 'first life\n')
  },
)

t.test('A command gets its input and gives back its output and exit code', async (t) => {
  const rig = await startCallRig(t)
  const runtime = createFakeRuntime({ clock: systemClock, images: ['app:1'] })
  runtime.behave('app:1', {
    exec: (_command, stdin) => ({ stdout: stdin.toUpperCase(), stderr: 'warned', exitCode: 3 }),
  })
  await rig.addAgent('node-1', [runtime])
  await running(runtime)
  const stream = await rig.calls.open('node-1', exec, never)
  const seen = collect(stream)
  await stream.send(CHANNEL.stdin, bytes('shout'))
  await stream.send(CHANNEL.stdinEnd, bytes(''))
  t.same(await stream.ended, { outcome: 'done', exitCode: 3 })
  t.equal(String(seen.get(CHANNEL.stdout)), 'SHOUT')
  t.equal(String(seen.get(CHANNEL.stderr)), 'warned')
})

t.test('What cannot be done is refused before anything streams, with a reason', async (t) => {
  const rig = await startCallRig(t)
  const runtime = createFakeRuntime({ clock: systemClock, images: ['app:1'] })
  await rig.addAgent('node-1', [runtime])
  await t.rejects(rig.calls.open('node-2', logs, never), { code: 503, message: /node "node-2" is not connected/ })
  await t.rejects(rig.calls.open('node-1', logs, never), { code: 404, message: /is not on this node/ })
  const id = await running(runtime)
  runtime.exit(id, 2)
  await t.rejects(rig.calls.open('node-1', exec, never), {
    code: 400,
    message: /is not running: it exited with code 2/,
  })
  runtime.setAvailable(false)
  await t.rejects(rig.calls.open('node-1', logs, never), { code: 503 })
})

t.test('A stream with the certificate of another node, or with a guessed number, is refused', async (t) => {
  const rig = await startCallRig(t)
  const runtime = createFakeRuntime({ clock: systemClock, images: ['app:1'] })
  await running(runtime)
  await rig.addAgent('node-1', [runtime], 'node-2')
  const gaveUp = new AbortController()
  const opening = rig.calls.open('node-1', logs, gaveUp.signal)
  const agent = await rig.addAgent('node-3', [runtime])
  await eventually(() => rig.sent.length === 1)
  agent.calls.take({ ...rig.sent[0]!, session: 7, number: 99, id: '0'.repeat(32) }, 7)
  await eventually(() => agent.calls.counts().running === 0)
  t.equal(rig.calls.counts().waiting, 1, 'the call still waits for the right one')
  gaveUp.abort()
  await t.rejects(opening, /cancelled/)
  t.same(rig.calls.counts(), { open: 0, waiting: 0 })
})

t.test('A call that is sent again, or that was made for an older session, is not taken', async (t) => {
  const rig = await startCallRig(t)
  const runtime = createFakeRuntime({ clock: systemClock, images: ['app:1'] })
  const agent = await rig.addAgent('node-1', [runtime])
  await running(runtime)
  const stream = await rig.calls.open('node-1', logs, never)
  await stream.ended
  agent.calls.take(rig.sent[0]!, 7)
  agent.calls.take({ ...rig.sent[0]!, number: 2 }, 8)
  t.same(agent.calls.counts(), { running: agent.calls.counts().running, refused: 2 })
})

t.test('An agent that takes the call and never comes is reported, not waited for', async (t) => {
  const { createManualClock } = await import('../../support/manual-clock.ts')
  const clock = createManualClock()
  const rig = await startCallRig(t, clock)
  const agent = await rig.addAgent('node-1', [])
  agent.calls.take = () => undefined
  const opening = rig.calls.open('node-1', logs, never)
  const refusal = t.rejects(opening, { code: 504, message: /did not answer within 10 s/ })
  await clock.advance(10_000)
  await refusal
})

t.test('One node serves so many streams and no more, and gives the places back', async (t) => {
  const rig = await startCallRig(t)
  const runtime = createFakeRuntime({ clock: systemClock, images: ['app:1'] })
  await rig.addAgent('node-1', [runtime])
  await running(runtime)
  const follow = { ...logs, follow: true }
  const all = await Promise.all(
    Array.from({ length: CALLS_PER_NODE_MAX }, () => rig.calls.open('node-1', follow, never)),
  )
  await t.rejects(rig.calls.open('node-1', follow, never), { code: 429 })
  all[0]?.close()
  await eventually(() => rig.calls.counts().open < CALLS_PER_NODE_MAX)
  await rig.calls.open('node-1', follow, never)
  rig.calls.closeNode('node-1')
  await eventually(() => rig.calls.counts().open === 0)
})

t.test('When the user goes, the command on the device is told to stop', async (t) => {
  const rig = await startCallRig(t)
  const seen: AbortSignal[] = []
  const runtime = withExec(createFakeRuntime({ clock: systemClock, images: ['app:1'] }), async ({ signal }) => {
    seen.push(signal)
    await new Promise((resolve) => signal.addEventListener('abort', resolve))
    return 137
  })
  await rig.addAgent('node-1', [runtime])
  await running(runtime)
  const stream = await rig.calls.open('node-1', exec, never)
  await eventually(() => seen.length === 1)
  stream.close()
  await eventually(() => seen[0]?.aborted === true)
})

t.test('A forwarded connection carries both ways and ends each way by itself', async (t) => {
  const rig = await startCallRig(t)
  const server = createServer({ allowHalfOpen: true }, (socket: Socket) => {
    let text = ''
    socket.on('data', (data) => (text += String(data)))
    socket.on('end', () => socket.end(`you said ${text}`))
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  t.teardown(() => server.close())
  const address = server.address()
  const port = typeof address === 'object' && address ? address.port : 0
  const runtime = createFakeRuntime({ clock: systemClock, images: ['app:1'] })
  runtime.behave('app:1', { dial: (wanted) => ({ address: '127.0.0.1', port: wanted === 80 ? port : 1 }) })
  await rig.addAgent('node-1', [runtime])
  await running(runtime)
  const stream = await rig.calls.open('node-1', { kind: 'portforward', podUid: 'pod-1', port: 80 }, never)
  const seen = collect(stream)
  await stream.send(CHANNEL.stdin, bytes('good '))
  await stream.send(CHANNEL.stdin, bytes('day'))
  await stream.send(CHANNEL.stdinEnd, bytes(''))
  t.same(await stream.ended, { outcome: 'done', exitCode: 0 })
  t.equal(String(seen.get(CHANNEL.stdout)), 'you said good day')
  const refused = rig.calls.open('node-1', { kind: 'portforward', podUid: 'pod-1', port: 81 }, never)
  await t.rejects(refused, { code: 400, message: /cannot connect to port 81/ })
})

t.test('Usage is measured from two samples', async (t) => {
  const rig = await startCallRig(t)
  const fake = createFakeRuntime({ clock: systemClock, images: ['app:1'] })
  const startedAtMs = systemClock.monoMs()
  const runtime: FakeRuntime = {
    ...fake,
    // Half a core, all the time.
    usage: async (ids) => {
      const sampledAtMonoMs = systemClock.monoMs()
      return ids.map((id) => ({
        id,
        cpuNanos: (sampledAtMonoMs - startedAtMs) * 5e5,
        memoryBytes: 4096,
        sampledAtMonoMs,
      }))
    },
  }
  await rig.addAgent('node-1', [runtime])
  await running(runtime)
  const stream = await rig.calls.open('node-1', { kind: 'usage' }, never)
  const result = await stream.ended
  if (result.outcome === 'failed') throw new Error(result.message)
  t.match(result.body, { containers: [{ podUid: 'pod-1', container: 'main', cpuNanoCores: 5e8, memoryBytes: 4096 }] })
})

/** What waits in the kernel and in both programs. */
const BETWEEN_BYTES_MAX = socketBuffersBytesMax() + 16 * 1024 * 1024

t.test('A reader who is slow holds back the device instead of filling the hub', async (t) => {
  const total = 2 * BETWEEN_BYTES_MAX
  const rig = await startCallRig(t)
  let produced = 0
  const runtime = withExec(createFakeRuntime({ clock: systemClock, images: ['app:1'] }), async ({ stdout }) => {
    const piece = Buffer.alloc(256 * 1024, 'x')
    for (; produced < total; produced += piece.length)
      if (!stdout?.write(piece)) await new Promise((resolve) => stdout?.once('drain', resolve))
    return 0
  })
  await rig.addAgent('node-1', [runtime])
  await running(runtime)
  const stream = await rig.calls.open('node-1', exec, never)
  let taken = 0
  let go: () => void = () => undefined
  const gate = new Promise<void>((resolve) => (go = resolve))
  stream.onFrame(async (_channel, data) => {
    await gate
    taken += data.length
  })
  // It produces until every buffer between is full, and then stands still.
  await untilStill(() => produced)
  t.ok(produced < BETWEEN_BYTES_MAX, `the device stopped after ${produced} bytes`)
  go()
  t.same(await stream.ended, { outcome: 'done', exitCode: 0 })
  t.equal(taken, total)
})

t.test('Input waits for a program that does not read', async (t) => {
  const rig = await startCallRig(t)
  const inputs: PassThrough[] = []
  const runtime = withExec(createFakeRuntime({ clock: systemClock, images: ['app:1'] }), async ({ stdin, signal }) => {
    if (stdin instanceof PassThrough) inputs.push(stdin)
    await new Promise((resolve) => signal.addEventListener('abort', resolve))
    return 0
  })
  await rig.addAgent('node-1', [runtime])
  await running(runtime)
  const stream = await rig.calls.open('node-1', exec, never)
  let sent = 0
  const flood = (async () => {
    for (; sent < 2 * BETWEEN_BYTES_MAX; sent += 65_536) await stream.send(CHANNEL.stdin, new Uint8Array(65_536))
  })().catch(() => undefined)
  await untilStill(() => sent)
  t.ok(sent < BETWEEN_BYTES_MAX, `the hub stopped after ${sent} bytes`)
  t.ok((inputs[0]?.readableLength ?? 0) < 1024 * 1024, 'the device holds little')
  stream.close()
  await flood
})

type Exec = Runtime['exec']
const withExec = (runtime: FakeRuntime, run: (request: Parameters<Exec>[1]) => Promise<number>): FakeRuntime => ({
  ...runtime,
  exec: (_id, request) => run(request),
})
