// port-forward.test.ts - checks forwarded connections through the whole hub, in each of the forms that clients speak
import { createServer as createTcpServer, type Server, type Socket } from 'node:net'
import t, { type Test } from 'tap'
import { createLeases } from '../../../../hub/api/streams/leases.ts'
import { openChannels } from '../../../support/channel-client.ts'
import { eventually } from '../../../support/eventually.ts'
import { createManualClock } from '../../../support/manual-clock.ts'
import { spdyOverUpgrade, spdyOverWebSocket, type SpdyClient } from '../../../support/spdy-client.ts'
import { startStreamHub } from '../../../support/stream-hub.ts'

const PATH = '/api/v1/namespaces/default/pods/web/portforward'

/** Says back what it heard, once it has heard all. */
const startEcho = (t: Test): Promise<number> =>
  serve(t, (socket) => {
    const heard: Buffer[] = []
    socket.on('data', (data) => heard.push(Buffer.from(data)))
    socket.on('end', () => socket.end(Buffer.concat([Buffer.from('echo '), ...heard])))
  })

async function serve(t: Test, talk: (socket: Socket) => unknown): Promise<number> {
  const server: Server = createTcpServer({ allowHalfOpen: true }, (socket) => {
    socket.on('error', () => socket.destroy())
    talk(socket)
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  t.teardown(() => server.close())
  const address = server.address()
  return typeof address === 'object' && address ? address.port : 0
}

async function startForwarding(t: Test) {
  const port = await startEcho(t)
  const parts = await startStreamHub(t)
  parts.runtime.behave('app:1', { dial: (wanted) => ({ address: '127.0.0.1', port: wanted === 8080 ? port : 1 }) })
  await parts.runPod('web')
  return parts
}

async function forward(client: SpdyClient, port: number, requestId: string, text: string) {
  const headers = { port: String(port), requestid: requestId }
  const error = await client.open({ ...headers, streamtype: 'error' })
  client.end(error)
  const data = await client.open({ ...headers, streamtype: 'data' })
  client.write(data, text)
  client.end(data)
  return { data, error }
}

for (const [how, open] of [
  ['SPDY', (hub: Parameters<typeof spdyOverUpgrade>[0]) => spdyOverUpgrade(hub, PATH, 'portforward.k8s.io')],
  ['SPDY inside WebSocket', (hub: Parameters<typeof spdyOverUpgrade>[0]) => spdyOverWebSocket(hub, PATH)],
] as const)
  t.test(`Several connections at once over ${how}, each with its own end, and an error beside them`, async (t) => {
    const { hub, rig } = await startForwarding(t)
    const client = await open(hub)
    const first = await forward(client, 8080, '0', 'one')
    const second = await forward(client, 8080, '1', 'x'.repeat(300_000))
    const wrong = await forward(client, 9, '2', 'nobody')
    await eventually(() => [first, second].every(({ data, error }) => client.isEnded(data) && client.isEnded(error)))
    t.equal(client.text(first.data), 'echo one')
    t.equal(client.text(second.data).length, 300_005)
    t.equal(client.text(first.error), '')
    await eventually(() => client.isEnded(wrong.error) && client.isEnded(wrong.data))
    t.match(client.text(wrong.error), /^error forwarding port 9 to pod default\/web: cannot connect to port 9/)
    await eventually(() => rig.calls.counts().open === 0)
    client.close()
  })

t.test('When the session goes, its connections go', async (t) => {
  const { hub, rig } = await startForwarding(t)
  const client = await spdyOverUpgrade(hub, PATH, 'portforward.k8s.io')
  await client.open({ streamtype: 'error', port: '8080', requestid: '0' })
  await client.open({ streamtype: 'data', port: '8080', requestid: '0' })
  await eventually(() => rig.calls.counts().open === 1)
  client.close()
  await eventually(() => rig.calls.counts().open === 0)
})

t.test('The form of the Python and JavaScript clients: two channels a port, each begins with its number', async (t) => {
  const { hub } = await startForwarding(t)
  const client = await openChannels(hub, `${PATH}?ports=8080,9`, { protocols: ['v4.channel.k8s.io'] })
  await eventually(() => client.bytes(2).length >= 2 && client.bytes(3).length > 2)
  t.same([...client.bytes(0).subarray(0, 2)], [8080 & 255, 8080 >> 8])
  t.match(client.text(3).slice(2), /cannot connect to port 9/)
  client.ws.terminate()
})

t.test('What comes for a port that has closed leaves the other ports alone', async (t) => {
  const gone = await serve(t, (socket) => socket.once('data', () => socket.end('gone')))
  const there = await serve(t, (socket) => socket.on('data', () => socket.write('still here')))
  const { hub, runtime, runPod } = await startStreamHub(t)
  runtime.behave('app:1', { dial: (wanted) => ({ address: '127.0.0.1', port: wanted === 7070 ? gone : there }) })
  await runPod('web')
  const client = await openChannels(hub, `${PATH}?ports=7070,8080`, { protocols: ['v4.channel.k8s.io'] })
  await eventually(() => client.bytes(2).length >= 2)
  client.send(0, 'go')
  await eventually(() => client.text(0).slice(2) === 'gone')
  client.send(0, 'are you there?')
  client.send(2, 'and you?')
  await eventually(() => client.text(2).slice(2) === 'still here')
  client.ws.terminate()
})

t.test('Bytes that are not SPDY, frames without end and headers that swell end the connection', async (t) => {
  const { hub } = await startForwarding(t)
  const tooLong = Buffer.from([0, 0, 0, 1, 0, 0xff, 0xff, 0xff, 0])
  for (const bytes of [tooLong, Buffer.concat([Buffer.from([0x80, 3, 0, 1, 0, 0, 0, 14]), Buffer.alloc(14, 7)])]) {
    const client = await spdyOverUpgrade(hub, PATH, 'portforward.k8s.io')
    client.raw(bytes)
    await client.closed
  }
  const swelling = await spdyOverUpgrade(hub, PATH, 'portforward.k8s.io')
  await swelling.open({ streamtype: 'x'.repeat(1_000_000) })
  await swelling.closed
  t.pass('all three were closed')
})

t.test('Streams are bounded for one user and for all, and end after hours of silence', async (t) => {
  const clock = createManualClock()
  const leases = createLeases(clock)
  const user = (name: string) => ({ name, groups: [] })
  const own = Array.from({ length: 250 }, () => leases.take(user('busy')))
  t.throws(() => leases.take(user('busy')), { code: 429 })
  const other = leases.take(user('quiet'))
  own[0]?.release()
  own[0]?.release()
  t.equal(leases.count, 250)
  leases.take(user('busy'))
  const reasons: number[] = []
  void other.ended.then(({ code }) => reasons.push(code))
  await clock.advance(3 * 3600_000)
  other.touch()
  await clock.advance(3 * 3600_000)
  t.same(reasons, [])
  await clock.advance(2 * 3600_000)
  t.same(reasons, [408])
})
