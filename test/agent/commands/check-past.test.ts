// check-past.test.ts - what `holdfast-agent doctor` tells of a device's past, with its agent running, stopped or harmed
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { createCache } from '../../../agent/cache/create-cache.ts'
import { cacheFolder } from '../../../agent/cache/disk.ts'
import { checkPast } from '../../../agent/commands/check-past.ts'
import { ownerOf, type Identity } from '../../../agent/link/identity.ts'
import { createRecord } from '../../../agent/link/record.ts'
import { silentLog } from '../../../shared/log.ts'
import type { DesiredState } from '../../../shared/protocol/messages.ts'
import { createManualClock } from '../../support/manual-clock.ts'

const identity: Identity = {
  nodeName: 'till',
  hub: { host: 'hub.example.com', apiPort: 6443, mqttPort: 8883 },
  ca: '-----BEGIN CERTIFICATE-----',
  certificate: '-----BEGIN CERTIFICATE-----',
  key: '-----BEGIN PRIVATE KEY-----',
  signingKeys: ['-----BEGIN PUBLIC KEY-----'],
}

const STATE: DesiredState = {
  type: 'state',
  node: 'till',
  epoch: 2,
  revision: 17,
  pods: [],
  configMaps: {},
  secrets: {},
  settings: { beatEveryMs: 10_000 },
}

function device(t: Test) {
  const dataDir = t.testdir()
  const clock = createManualClock()
  const start = () => {
    const dir = cacheFolder(dataDir)
    const owner = ownerOf(identity)
    const cache = createCache({ dir, owner, clock, log: silentLog, clockIsSet: () => true, verify: () => undefined })
    void cache.start()
    return { cache, record: createRecord({ cache, clock }) }
  }
  const past = () =>
    checkPast({ identity, dataDir, nowMs: clock.wallMs() })
      .map(({ name, result, detail, mend }) => `${result} ${name}: ${detail}${mend ? ` | ${mend}` : ''}`)
      .join('\n')
  return { dataDir, clock, start, past }
}

t.test('The doctor tells of a device that runs what it holds since when, and that nothing was refused', async (t) => {
  const { start, past, clock } = device(t)
  const { cache, record } = start()
  t.teardown(() => cache.stop())
  record.online()
  cache.commitDesired(STATE, Buffer.from('signed'))
  await clock.advance(7_200_000)
  const told = past()
  t.match(told, /PASS the agent: it runs/)
  t.match(told, /PASS what this device was told to run: epoch 2, revision 17, since \S+Z \(120m ago\)/)
  t.match(told, /PASS contact with the hub: connected since \S+Z \(120m ago\)/)
  t.match(told, /PASS messages that changed nothing: none/)
  t.match(told, /PASS the agent's store: never damaged/)
})

t.test('With the agent stopped, the doctor tells what was refused and when the hub was heard last', async (t) => {
  const { start, past, clock } = device(t)
  const { cache, record } = start()
  record.online()
  for (const cause of ['forged', 'conflicting', 'replayed', 'forged'] as const) record.refused(cause)
  record.stop()
  await cache.stop()
  await clock.advance(300_000)
  const told = past()
  t.match(told, /NOTE the agent: it does not run \| start it/)
  t.match(told, /NOTE contact with the hub: last heard \S+Z \(5m ago\), then the agent ended/)
  t.match(
    told,
    /NOTE messages that changed nothing: 1 replayed, 1 of the same number with other bytes, 2 forged; the last .*5m ago/,
  )
})

t.test('A device whose identity was revoked is told so without the hub', async (t) => {
  const { start, past } = device(t)
  const { cache, record } = start()
  t.teardown(() => cache.stop())
  record.away({ kind: 'identity', message: 'Not authorized' })
  t.match(past(), /NOTE contact with the hub: away since .*Not authorized.*; never heard \| .*join with a new token/)
})

t.test('A store that was made anew is told with its reason, and for ever after', async (t) => {
  const { start, past, dataDir } = device(t)
  const first = start()
  first.cache.commitDesired(STATE, Buffer.from('signed'))
  await first.cache.stop()
  writeFileSync(join(cacheFolder(dataDir), 'agent.sqlite'), 'this is no database, and long enough to be looked at')
  const { cache } = start()
  const told = past()
  t.match(told, /NOTE the agent's store: made anew once, the last .*not confirmed yet.*agent\.sqlite\.damaged-1/)
  cache.ackJournal(Number.MAX_SAFE_INTEGER)
  cache.commitDesired({ ...STATE, revision: 18 }, Buffer.from('signed'))
  await cache.stop()
  t.match(past(), /NOTE the agent's store: made anew once/)
  t.notMatch(past(), /not confirmed/)
})

t.test('Before the first start there is nothing to tell, and what is damaged is said', async (t) => {
  const { start, past, dataDir } = device(t)
  t.match(past(), /NOTE what the agent has noted: nothing yet/)
  await start().cache.stop()
  writeFileSync(join(cacheFolder(dataDir), 'mark'), 'nonsense')
  t.match(past(), /NOTE what the agent has noted: the mark was damaged/)
})
