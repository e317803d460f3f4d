// inbox.test.ts - what the hub makes of messages whose connection is not the one that counts
import t from 'tap'
import type { Connection } from '../../../hub/broker/broker.ts'
import { createInbox } from '../../../hub/fleet/inbox.ts'
import { createSessions } from '../../../hub/fleet/sessions.ts'
import { sealWill } from '../../../agent/link/uplink.ts'
import { createManualClock } from '../../support/manual-clock.ts'

const connection = (id: number): Connection => ({
  id,
  node: 'node-1',
  keyFingerprint: 'f',
  instance: `process-${id}`,
  address: '192.0.2.1',
})

t.test('The will of a connection that another has replaced says nothing, whatever number it names', async (t) => {
  const sessions = createSessions({ beatEveryMs: () => 10_000 })
  const wills: number[] = []
  const inbox = createInbox({
    sessions,
    clock: createManualClock(),
    onHello: () => t.fail('nobody said hello'),
    onBeat: () => t.fail('nobody beats'),
    onStatus: () => t.fail('nobody reports'),
    onHeld() {},
    onJournal: () => t.fail('nobody has a journal'),
    onWill: (_node, { session }) => void wills.push(session),
    wantPlain: () => t.fail('nobody used a dictionary'),
    onGarbage: (_connection, why) => t.fail(why),
  })
  const [first, second] = [connection(1), connection(2)]
  sessions.open(first, 0)
  // The device has lost its disk: its sessions are counted from 1 again.
  sessions.open(second, 1_000)
  inbox.take(first, 'will', sealWill('node-1', 1))
  t.same(wills, [])
  sessions.close(second)
  inbox.take(second, 'will', sealWill('node-1', 1))
  t.same(wills, [1])
})
