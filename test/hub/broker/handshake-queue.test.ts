// handshake-queue.test.ts - checks that a crowd of strangers is let in a few at a time, in order, and within bounds
import { Socket } from 'node:net'
import t from 'tap'
import { createHandshakeQueue, WAITING_MAX } from '../../../hub/broker/handshake-queue.ts'
import { createManualClock } from '../../support/manual-clock.ts'

function rig() {
  const clock = createManualClock()
  const begun: Socket[] = []
  const queue = createHandshakeQueue({ clock, begin: (socket) => void begun.push(socket) })
  const come = (count: number) =>
    Array.from({ length: count }, () => {
      const socket = new Socket()
      return { socket, isIn: queue.enter(socket) }
    })
  return { clock, begun, queue, come }
}

t.test('A few are let in at once, the others in the order in which they came', async (t) => {
  const { clock, begun, queue, come } = rig()
  const sockets = come(100).map(({ socket }) => socket)
  t.equal(begun.length, 8)
  t.notOk(queue.isCrowded)
  await clock.advance(40)
  t.equal(begun.length, 16)
  await clock.advance(1_000)
  t.same(begun, sockets)
  await clock.advance(100)
  t.equal(clock.pending, 0, 'nobody waits, nothing ticks')
  come(1)
  t.equal(begun.length, 101, 'at once again')
  queue.stop()
})

t.test('Who goes away loses its place, and a hub that is late takes one at a time', async (t) => {
  const { clock, begun, queue, come } = rig()
  const sockets = come(30).map(({ socket }) => socket)
  const gone = sockets[8]
  gone?.destroy()
  await new Promise<void>((resolve) => gone?.once('close', () => resolve()))
  await clock.advance(40)
  t.notOk(gone && begun.includes(gone))
  t.equal(begun.length, 16)
  queue.stop()
  t.ok(sockets.at(-1)?.destroyed)
})

t.test('A crowd is noticed, and has a bound', async (t) => {
  const { begun, queue, come } = rig()
  const all = come(8 + WAITING_MAX + 5)
  t.ok(queue.isCrowded)
  t.equal(all.filter(({ isIn }) => !isIn).length, 5)
  t.equal(begun.length, 8)
  queue.stop()
})
