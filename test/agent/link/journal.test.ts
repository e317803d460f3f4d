// journal.test.ts - the journal on its way to the hub, from a real cache on a disk that fills up
import t from 'tap'
import { createCache } from '../../../agent/cache/create-cache.ts'
import { createFileDisk, type CacheDisk } from '../../../agent/cache/disk.ts'
import { createJournalSender } from '../../../agent/link/journal.ts'
import type { Uplink } from '../../../agent/link/uplink.ts'
import { silentLog } from '../../../shared/log.ts'
import type { JournalMessage } from '../../../shared/protocol/messages.ts'
import { systemRandom } from '../../../shared/random.ts'
import { fastDir } from '../../support/fast-dir.ts'
import { createManualClock } from '../../support/manual-clock.ts'

/** Takes nothing while `isFull` says so, and says it in words that mean nothing to the agent. */
function fillingDisk(dir: string, isFull: () => boolean): CacheDisk {
  const { rescue: _, ...disk } = createFileDisk(dir)
  const refuse = () => {
    if (isFull()) throw new Error('no room')
  }
  return {
    ...disk,
    openDatabase() {
      const database = disk.openDatabase()
      return {
        ...database,
        put: (...row) => (refuse(), database.put(...row)),
        deleteJournalUpTo: (seq) => (refuse(), database.deleteJournalUpTo(seq)),
        transact: (work) => (refuse(), database.transact(work)),
      }
    },
    write: (file, bytes) => (refuse(), disk.write(file, bytes)),
  }
}

t.test('What a device says again after a full disk, it says as the same journal: it counts once', async (t) => {
  const dir = fastDir(t)
  const clock = createManualClock()
  const sent: Pick<JournalMessage, 'journal' | 'entries'>[] = []
  const uplink: Uplink = {
    session: 1,
    sendBytes: async () => undefined,
    async send(_what, message) {
      // Made by the sender a moment ago.
      sent.push(message as JournalMessage)
      return { body: Buffer.alloc(0), wireBytes: 0 }
    },
  }
  let isFull = false
  const life = async () => {
    const cache = createCache({
      dir,
      disk: fillingDisk(dir, () => isFull),
      clock,
      log: silentLog,
      clockIsSet: () => true,
      verify: () => undefined,
    })
    await cache.start()
    const sender = createJournalSender({ cache, clock, random: systemRandom, log: silentLog })
    sender.start()
    return { cache, sender }
  }

  const { cache, sender } = await life()
  cache.appendJournal({ body: { kind: 'event', severity: 'Normal', reason: 'Started', message: 'it runs' } })
  isFull = true
  sender.begin(uplink)
  sender.acked(1)
  await cache.stop()
  isFull = false
  const after = await life()
  after.sender.begin(uplink)
  t.same(
    sent.map(({ entries }) => entries.map(({ seq }) => seq)),
    [[1], [1]],
    'the disk was full: the entry could not be forgotten',
  )
  t.equal(sent[1]?.journal, sent[0]?.journal)
})
