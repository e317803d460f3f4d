// beats.test.ts - a link that takes everything and answers nothing is found by the beats themselves
import t from 'tap'
import { createBeats } from '../../../agent/link/beats.ts'
import type { Uplink } from '../../../agent/link/uplink.ts'
import { silentLog } from '../../../shared/log.ts'
import { createManualClock } from '../../support/manual-clock.ts'

function rig(answers: boolean) {
  const clock = createManualClock()
  const sent: (0 | 1)[] = []
  let silences = 0
  const uplink: Uplink = {
    session: 1,
    sendBytes: async () => undefined,
    send(_what, _message, { qos = 1 } = {}) {
      sent.push(qos)
      return qos === 0 || answers
        ? Promise.resolve({ body: Buffer.alloc(0), wireBytes: 0 })
        : new Promise(() => undefined)
    },
  }
  const beats = createBeats({
    ...{ clock, log: silentLog, everyMs: () => 10_000, held: () => ({ epoch: 1, revision: 1 }) },
    sample: () => ({ cpu: 1, mem: 1, disk: 1, load: 1, up: 1 }),
    onSilence: () => silences++,
  })
  beats.begin(uplink)
  return { clock, beats, sent, silences: () => silences }
}

t.test('One beat a minute asks for an answer, and a link that gives it stays', async (t) => {
  const { clock, sent, beats, silences } = rig(true)
  await clock.advance(600_000)
  t.equal(sent.length, 61)
  t.equal(sent.filter((qos) => qos === 1).length, 10)
  t.equal(silences(), 0)
  beats.end()
})

t.test('A half-open link is given up within a minute and a half, and the beats in between do not wait', async (t) => {
  const { clock, sent, beats, silences } = rig(false)
  await clock.advance(89_000)
  t.equal(silences(), 0)
  t.equal(sent.length, 9)
  await clock.advance(2_000)
  t.equal(silences(), 1)
  beats.end()
})
