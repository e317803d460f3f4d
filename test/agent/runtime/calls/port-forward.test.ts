// port-forward.test.ts - a connection whose caller leaves, or that breaks, while it is being made
import { createServer, type AddressInfo, type Socket } from 'node:net'
import type { Test } from 'tap'
import t from 'tap'
import { answerPortForward } from '../../../../agent/runtime/calls/port-forward.ts'
import { systemClock } from '../../../../shared/clock.ts'
import type { AnswerStream } from '../../../../shared/protocol/calls.ts'
import { containerSpec } from '../../../support/container-spec.ts'
import { eventually } from '../../../support/eventually.ts'
import { createFakeRuntime } from '../../../support/fake-runtime.ts'

/** A pod with one port that a real program listens at. */
async function listeningPod(t: Test) {
  const callers: Socket[] = []
  const server = createServer((socket) => void callers.push(socket.on('error', () => {}).resume()))
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  t.teardown(() => {
    for (const caller of callers) caller.destroy()
    server.close()
  })
  const fake = createFakeRuntime({ clock: systemClock, images: ['busybox'] })
  await fake.startContainer(await fake.createContainer(containerSpec()))
  const dial = async () => ({ address: '127.0.0.1', port })
  const answer = (stream: AnswerStream, signal: AbortSignal, dialled = dial) => {
    const runtimes = [{ ...fake, dial: dialled }]
    const request = { kind: 'portforward', podUid: containerSpec().identity.podUid, port: 80 } as const
    return answerPortForward(request, { runtimes, podName: String, stream, signal, clock: systemClock })
  }
  return { callers, dial, answer }
}

const openSockets = () => process.getActiveResourcesInfo().filter((name) => name === 'TCPSocketWrap').length

const silentStream: AnswerStream = { begin: async () => {}, send: async () => {}, onFrame: () => {} }

t.test('A caller who leaves while the connection is made holds nothing up', async (t) => {
  const { callers, dial, answer } = await listeningPod(t)
  const caller = new AbortController()
  const dialled = async () => {
    caller.abort()
    return dial()
  }
  await t.rejects(answer(silentStream, caller.signal, dialled), { name: 'AbortError' })
  await eventually(() => callers.every(({ readableEnded, destroyed }) => readableEnded || destroyed))
})

t.test('A connection that breaks before the caller listens is told as broken', async (t) => {
  const { callers, answer } = await listeningPod(t)
  const before = openSockets()
  const stream: AnswerStream = {
    ...silentStream,
    async begin() {
      await eventually(() => callers.length === 1)
      callers[0]?.resetAndDestroy()
      // The reset has come when the socket of this end is gone too; those that other tests have left may still be there.
      await eventually(() => openSockets() <= before)
    },
  }
  await t.rejects(answer(stream, new AbortController().signal), { code: 'ECONNRESET' })
})
