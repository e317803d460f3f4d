// record.test.ts - checks that what the doctor tells of the link survives, and costs an idle device no writes
import t from 'tap'
import type { StoreHealth } from '../../../agent/cache/cache.ts'
import { createRecord, parseRecord, RECORD_KEY, type LinkRecord } from '../../../agent/link/record.ts'
import { createManualClock } from '../../support/manual-clock.ts'

const AWAY = { kind: 'network', message: 'connect ETIMEDOUT' } as const
const HEALTHY: StoreHealth = { place: 'disk', onDisk: { epoch: 0, revision: 0 }, journalDropped: 0 }

function desk() {
  const clock = createManualClock()
  let health = HEALTHY
  const written: string[] = []
  const cache = {
    getValue: (key: string) => (key === RECORD_KEY ? written.at(-1) : undefined),
    setValue: (_: string, text: string) => void written.push(text),
    health: () => health,
  }
  return {
    clock,
    written,
    kept: (): LinkRecord | undefined => parseRecord(written.at(-1)),
    start: () => createRecord({ cache, clock }),
    setHealth: (next: StoreHealth) => (health = next),
  }
}

t.test('What was refused is counted over restarts of the agent', async (t) => {
  const { start, kept } = desk()
  const first = start()
  first.refused('forged')
  first.refused('forged')
  first.refused('older')
  first.stop()
  start().refused('forged')
  t.match(kept(), { refused: { forged: 3, older: 1 } })
})

t.test(
  'A device that is idle, or away for long, writes nothing; one that is flooded writes once a minute',
  async (t) => {
    const { start, written, clock, kept } = desk()
    const record = start()
    record.online()
    t.equal(written.length, 1)
    for (let minute = 0; minute < 60; minute++) {
      record.heard()
      await clock.advance(60_000)
    }
    t.equal(written.length, 1, 'an hour of answers')
    record.away(AWAY)
    for (let minute = 0; minute < 60; minute++) {
      record.away({ ...AWAY, message: `connect ECONNREFUSED, attempt ${minute}` })
      await clock.advance(60_000)
    }
    t.equal(written.length, 2, 'an hour away')
    for (let second = 0; second < 120; second++) {
      record.refused('forged')
      await clock.advance(1_000)
    }
    t.equal(written.length, 5, 'two minutes of a flood')
    t.equal(kept()?.refused.forged, 120)
  },
)

t.test('When the hub was heard last is known after the link was lost and after the agent was stopped', async (t) => {
  const { start, clock, kept } = desk()
  const record = start()
  record.online()
  await clock.advance(100_000)
  record.heard()
  const heardAtMs = clock.wallMs()
  await clock.advance(30_000)
  record.away(AWAY)
  t.match(kept(), { heardAtMs, link: { isOnline: false, sinceMs: clock.wallMs(), reason: AWAY } })
  await clock.advance(3_600_000)
  record.online()
  await clock.advance(500_000)
  record.heard()
  record.stop()
  t.match(kept(), { heardAtMs: clock.wallMs(), link: { isOnline: true } })
})

t.test('A revoked identity is a change that is kept, since when the device is away is not moved by it', async (t) => {
  const { start, clock, kept } = desk()
  const record = start()
  record.away(AWAY)
  const sinceMs = clock.wallMs()
  await clock.advance(70_000)
  record.away({ kind: 'identity', message: 'Connection refused: Not authorized' })
  t.match(kept(), { link: { sinceMs, reason: { kind: 'identity' } } })
})

t.test('A disk in trouble is left to what a device needs', async (t) => {
  const { start, written, setHealth } = desk()
  const record = start()
  setHealth({ ...HEALTHY, trouble: { kind: 'full', message: 'no space left' } })
  record.refused('truncated')
  t.equal(written.length, 0)
  setHealth(HEALTHY)
  record.refused('truncated')
  t.match(parseRecord(written.at(-1)), { refused: { truncated: 2 } })
})
