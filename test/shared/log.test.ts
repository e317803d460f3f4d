// log.test.ts - log lines are one JSON object each, and say what they were told to say
import t from 'tap'
import { createLog } from '../../shared/log.ts'
import { createManualClock } from '../support/manual-clock.ts'

const START_MS = Date.UTC(2026, 10, 20, 12)

function collected() {
  const lines: string[] = []
  const log = createLog({ clock: createManualClock(START_MS), level: 'info', write: (line) => lines.push(line) })
  return { log, lines }
}

t.test('A line is one JSON object with time, level, message and fields', async (t) => {
  const { log, lines } = collected()
  log.child({ node: 'n1' }).warn({ error: new Error('no'), count: 3n }, 'something is wrong')
  log.debug({}, 'not asked for')
  t.equal(lines.length, 1)
  t.match(JSON.parse(lines[0] ?? ''), {
    time: /^2026-11-20T12:00:00/,
    level: 'warn',
    message: 'something is wrong',
    node: 'n1',
    error: /^Error: no\n/,
    count: '3',
  })
})

t.test('No field can take the place of what the line says', async (t) => {
  const { log, lines } = collected()
  log.child({ level: 'loud' }).info({ message: 'from far away', time: 'never' }, 'a device said something')
  t.same(JSON.parse(lines[0] ?? ''), {
    time: '2026-11-20T12:00:00.000000Z',
    level: 'info',
    message: 'a device said something',
  })
})
