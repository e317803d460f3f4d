// message-room.test.ts - what programs say about their ends never makes a report too large to be sent
import t from 'tap'
import { withinPod, withinReport } from '../../../agent/reconcile/message-room.ts'
import type { PodStatus } from '../../../shared/kinds/object.ts'
import type { PodReport } from '../../../shared/protocol/messages.ts'

const ended = (name: string, message: string) => ({
  ...{ name, image: 'i', imageID: '', ready: false, restartCount: 1 },
  state: { terminated: { exitCode: 1, message } },
  lastState: { terminated: { exitCode: 1, message } },
})
const statusWith = (...messages: string[]): PodStatus => ({
  phase: 'Failed',
  containerStatuses: messages.map((message, at) => ended(`c${at}`, message)),
})
const report = (at: number, status: PodStatus): PodReport => ({
  ...{ uid: `uid-${at}`, namespace: 'default', name: `web-${at}`, status },
})
const messageOf = (status: PodStatus | undefined) => status?.containerStatuses?.[0]?.state?.terminated?.message ?? ''

t.test('A pod shows 12 KiB of them at most, shared by its containers, and a short one whole', async (t) => {
  const few = statusWith('x'.repeat(4_096), 'short')
  t.equal(withinPod(few), few)
  const many = withinPod(statusWith(...Array.from({ length: 6 }, () => 'x'.repeat(4_096)), 'short'))
  t.equal(messageOf(many).length, Math.floor((12 * 1024) / 7))
  t.equal(many.containerStatuses?.at(-1)?.lastState?.terminated?.message, 'short')
})

t.test('A report of a device full of talkative pods fits, and keeps what is short', async (t) => {
  const quiet = [report(0, statusWith('disk full'))]
  t.equal(withinReport(quiet), quiet)
  // What JSON writes in six bytes each.
  const loud = [...quiet, ...Array.from({ length: 500 }, (_, at) => report(at + 1, statusWith('\u0001'.repeat(4_096))))]
  const bounded = withinReport(loud)
  t.ok(JSON.stringify(bounded).length < 1.5 * 1024 * 1024)
  t.equal(messageOf(bounded[0]?.status), 'disk full')
  t.ok(messageOf(bounded[1]?.status).length > 100)
})

t.test('A character is never cut in two', async (t) => {
  const { containerStatuses = [] } = withinPod(
    statusWith(...Array.from({ length: 5 }, () => '\u{1F30A}'.repeat(1_024))),
  )
  for (const { state } of containerStatuses) t.match(state?.terminated?.message, /^(\u{1F30A})+$/u)
})
