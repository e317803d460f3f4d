// process-exec.test.ts - commands beside a plain process: over a slow link, with children that stay behind, cancelled before they began
import { existsSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { Writable } from 'node:stream'
import t from 'tap'
import { execBeside } from '../../../agent/runtime/process-exec.ts'
import { isProcessRuntimeSupported } from '../../../agent/runtime/process.ts'
import { systemClock, type Clock } from '../../../shared/clock.ts'
import { collector } from '../../contract/conversation.ts'
import { eventually } from '../../support/eventually.ts'
import { createManualClock } from '../../support/manual-clock.ts'

const skip = !isProcessRuntimeSupported() && 'plain processes need Linux'

interface Run {
  clock?: Clock
  text: string
  stdout: Writable
  signal?: AbortSignal
}

function run({ clock = systemClock, text, stdout, signal = new AbortController().signal }: Run) {
  const launch = { program: '', args: [], env: { PATH: '/usr/bin:/bin' }, cwd: '/' }
  return execBeside(clock, launch, { command: ['sh', '-c', text], tty: false, stdout, signal })
}

/** Takes one piece and no other before it is told to. */
function slowLink() {
  let bytes = 0
  let isOpen = false
  let held = () => {}
  const stream = new Writable({
    highWaterMark: 16 * 1024,
    write(chunk: Buffer, _encoding, written) {
      bytes += chunk.length
      if (isOpen) written()
      else held = written
    },
  })
  return {
    stream,
    bytes: () => bytes,
    open() {
      isOpen = true
      held()
    },
  }
}

t.test('What a command wrote arrives whole, however long the link takes', { skip }, async (t) => {
  const clock = createManualClock()
  const link = slowLink()
  const marker = join(t.testdir(), 'written')
  const execution = run({ clock, text: `head -c 150000 /dev/zero; : >${marker}; exit 3`, stdout: link.stream })
  await eventually(() => existsSync(marker) && clock.pending > 0)
  await clock.advance(60_000)
  t.ok(link.bytes() < 150_000, 'the link is behind')
  link.open()
  t.equal(await execution, 3)
  t.equal(link.bytes(), 150_000)
})

t.test(
  'A child that stays behind with the output in hand keeps nobody waiting, and nothing open',
  { skip },
  async (t) => {
    const sockets = () => readdirSync('/proc/self/fd').length
    const clock = createManualClock()
    const before = sockets()
    const out = collector()
    const execution = run({ clock, text: 'sleep 60 & echo $!; exit 3', stdout: out.stream })
    await eventually(() => clock.pending > 0 && out.text() !== '')
    await clock.advance(1_000)
    t.equal(await execution, 3)
    process.kill(Number(out.text()), 0)
    await eventually(() => sockets() <= before)
    process.kill(Number(out.text()), 'SIGKILL')
  },
)

t.test('A child that stays behind and never stops writing keeps nobody waiting', { skip }, async (t) => {
  const out = collector()
  t.equal(await run({ text: 'yes & exit 3', stdout: out.stream }), 3)
})

t.test('A command whose caller has gone before it began does not go on', { skip }, async (t) => {
  const signal = AbortSignal.abort()
  t.equal(await run({ text: 'sleep 60', stdout: collector().stream, signal }), 137)
})
