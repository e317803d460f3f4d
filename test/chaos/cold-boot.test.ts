// cold-boot.test.ts - chaos sees what a device should have started without a hub, and asks for nothing else
import t from 'tap'
import type { Pod } from '../../shared/kinds/object.ts'
import { pod } from '../support/builders.ts'
import { ONCE } from './apps.ts'
import { notBack } from './cold-boot.ts'

const withUid = (name: string, deletionTimestamp?: string): Pod => {
  const made = pod(name, { nodeName: 'n1' })
  return { ...made, metadata: { ...made.metadata, uid: name, ...(deletionTimestamp && { deletionTimestamp }) } }
}
const running = (...names: readonly string[]) => names.map((name) => ({ identity: { pod: name, podUid: name } }))

t.test('What ran and is wanted has to run again', async (t) => {
  const wanted = [withUid('web-1'), withUid('web-2')]
  t.equal(notBack(running('web-1', 'web-2'), wanted, running('web-2', 'web-1')), undefined)
  t.match(notBack(running('web-1', 'web-2'), wanted, running('web-1')), /web-2 does not run/)
})

t.test('What did not run, is going, or waits for the hub does not have to', async (t) => {
  const wanted = [withUid('web-1'), withUid('web-2', '2026-01-01T00:00:00Z'), withUid(`${ONCE}-1`)]
  t.equal(notBack(running('web-0', 'web-2', `${ONCE}-1`), wanted, []), undefined)
})
