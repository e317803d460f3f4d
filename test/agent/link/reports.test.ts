// reports.test.ts - how often a device says how it is: at once when it was quiet, and never more than the link is to bear
import t from 'tap'
import { createReports } from '../../../agent/link/reports.ts'
import type { Uplink } from '../../../agent/link/uplink.ts'
import { silentLog } from '../../../shared/log.ts'
import type { NodeReport } from '../../../shared/protocol/messages.ts'
import { createManualClock } from '../../support/manual-clock.ts'

/** A device whose reports cost `wireBytes` each, and what of its changes the hub was told. */
function reporting(wireBytes: number) {
  const clock = createManualClock()
  const sent: number[] = []
  const uplink: Uplink = {
    session: 1,
    sendBytes: async () => undefined,
    async send(_what, message) {
      const text = JSON.stringify(message)
      sent.push(Number(/"revision":(\d+)/.exec(text)?.[1]))
      return { body: Buffer.from(text), wireBytes }
    },
  }
  let revision = 0
  let told: (() => void) | undefined
  const report = (): NodeReport => ({ pods: [], conditions: [], observed: { epoch: 1, revision } })
  const reports = createReports({
    cache: { report, onReport: (listener) => ((told = listener), () => undefined) },
    clock,
    log: silentLog,
  })
  reports.start()
  reports.begin(uplink)
  return {
    clock,
    sent,
    stop: () => reports.stop(),
    async change(times: number, everyMs: number) {
      for (let time = 0; time < times; time++) {
        revision++
        told?.()
        await clock.advance(everyMs)
      }
    },
  }
}

t.test('Small changes are reported at once, also when somebody deploys again and again', async (t) => {
  const device = reporting(300)
  await device.clock.advance(1)
  t.same(device.sent, [0])
  await device.change(30, 100)
  t.same(device.sent.length, 31, 'nobody waits')
  device.stop()
})

t.test('Lasting turmoil costs the link no more than its allowance, and the last word always comes', async (t) => {
  const device = reporting(300)
  await device.change(4_000, 30)
  const bytes = 300 * device.sent.length
  t.ok(bytes <= 131_000, `${bytes} bytes in two minutes: one kilobyte a second, and ten seconds ahead`)
  t.ok(bytes >= 125_000, 'and what is allowed is used')
  await device.clock.advance(1_000)
  t.equal(device.sent.at(-1), 4_000)
  device.stop()
})

t.test('A large report keeps the next one waiting for a second at most', async (t) => {
  const device = reporting(50_000)
  await device.change(600, 100)
  t.ok(device.sent.length >= 68 && device.sent.length <= 72, `${device.sent.length} reports in a minute`)
  await device.clock.advance(1_000)
  t.equal(device.sent.at(-1), 600)
  device.stop()
})
