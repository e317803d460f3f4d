// stream-contract.ts - logs, exec, attach: what passes through the streams of a container in every runtime
import { PassThrough, Readable } from 'node:stream'
import { eventually } from '../support/eventually.ts'
import { collector, exec, readLogs } from './conversation.ts'
import type { Check } from './harness.ts'

export const streamContract = (): Record<string, Check> => ({
  'logs show what the program wrote, from the start or from the end': {
    async run(t, { runtime, run, untilExited }) {
      const id = await run('counts')
      await untilExited(id)
      const all = Array.from({ length: 20 }, (_, index) => `${index + 1}\n`).join('')
      await eventually(async () => (await readLogs(runtime, id)).all === all)
      t.equal((await readLogs(runtime, id)).all, all)
      t.equal((await readLogs(runtime, id, { tailLines: 2 })).all, '19\n20\n')
      t.equal((await readLogs(runtime, id, { tailLines: 0 })).all, '')
      t.equal((await readLogs(runtime, id, { tailLines: 500 })).all, all)
      t.equal((await readLogs(runtime, id, { limitBytes: 5 })).all, '1\n2\n3')
      await t.rejects(readLogs(runtime, 'no-such-container'))
    },
  },
  'stdout and stderr are told apart': {
    needs: 'separateStreams',
    async run(t, { runtime, run, untilExited }) {
      const id = await run('speaks')
      await untilExited(id)
      t.match(await readLogs(runtime, id), { out: 'to-stdout\n', err: 'to-stderr\n' })
    },
  },
  'every line can be shown with its time, in nanoseconds as upstream does': {
    async run(t, { runtime, run, untilExited }) {
      const id = await run('counts')
      await untilExited(id)
      const { all } = await readLogs(runtime, id, { timestamps: true, tailLines: 3 })
      const lines = all.trim().split('\n')
      t.equal(lines.length, 3)
      for (const line of lines) t.match(line, /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,9})?Z \d+$/)
      const { startedAtMs = 0 } = (await runtime.inspect(id)) ?? {}
      const atMs = Date.parse(lines[0]?.split(' ')[0] ?? '')
      t.ok(atMs >= startedAtMs - 1_000 && atMs <= startedAtMs + 60_000, 'the time is about the start')
    },
  },
  'lines older than asked for are left out': {
    needs: 'exactLogTimes',
    async run(t, { runtime, run, untilExited }) {
      const id = await run('counts')
      await untilExited(id)
      const { finishedAtMs = 0 } = (await runtime.inspect(id)) ?? {}
      t.equal((await readLogs(runtime, id, { sinceMs: finishedAtMs + 5_000 })).all, '')
      t.match((await readLogs(runtime, id, { sinceMs: finishedAtMs - 30_000 })).all, /^1\n/)
    },
  },
  'followed logs go on until the program ends, and then end': {
    async run(t, { runtime, run }) {
      const id = await run('endsSoon')
      const { all } = await readLogs(runtime, id, { follow: true })
      t.equal(all, 'first\nsecond\n')
    },
  },
  'followed logs end when the reader leaves': {
    async run(t, { runtime, run }) {
      const id = await run('runs')
      const reader = new AbortController()
      const reading = readLogs(runtime, id, { follow: true, signal: reader.signal })
      await eventually(async () => (await readLogs(runtime, id)).all !== '')
      reader.abort()
      t.match(await reading, { err: '' })
      t.match(await runtime.inspect(id), { state: 'running' })
    },
  },
  'exec runs a command beside the program and answers with its exit code': {
    needs: 'programs',
    async run(t, { runtime, run }) {
      const id = await run('runs', { env: [['GREETING', 'hello']] })
      const answer = await exec(runtime, id, ['sh', '-c', 'echo "$GREETING"; echo oops >&2; exit 7'])
      t.strictSame(answer, { exitCode: 7, out: 'hello\n', err: 'oops\n' })
      t.match(await exec(runtime, id, ['cat'], { stdin: Readable.from(['one ', 'two']) }), {
        exitCode: 0,
        out: 'one two',
      })
      t.match(await exec(runtime, id, ['sh', '-c', 'kill -9 $$']), { exitCode: 137 })
      const missing = await exec(runtime, id, ['there-is-no-such-command'])
      t.ok([126, 127].includes(missing.exitCode), `exit code ${missing.exitCode}`)
      t.match(missing.out + missing.err, /not found|no such file/i)
    },
  },
  'exec passes large input and output without losing a byte': {
    needs: 'programs',
    async run(t, { runtime, run }) {
      const id = await run('runs')
      const text = 'x'.repeat(1 << 20)
      const { out } = await exec(runtime, id, ['cat'], { stdin: Readable.from([Buffer.from(text)]) })
      t.equal(out.length, text.length)
    },
  },
  'exec gives a terminal that can change its size': {
    needs: 'programs',
    async run(t, { runtime, run }) {
      const id = await run('runs')
      const stdin = new PassThrough()
      const execution = exec(runtime, id, ['sh'], { tty: true, stdin, onResize: (listener) => listener(101, 33) })
      // The size follows a moment after the start.
      stdin.write('until stty size | grep -x "33 101"; do sleep 0.1; done; exit 5\n')
      const { exitCode, out } = await execution
      t.equal(exitCode, 5)
      t.match(out, /33 101\r\n/)
    },
  },
  'exec in a container that does not run is refused': {
    async run(t, { runtime, create }) {
      const id = await create('runs')
      await t.rejects(exec(runtime, id, ['true']))
      await t.rejects(exec(runtime, 'no-such-container', ['true']))
    },
  },
  'attach shows what the program writes from now on, and ends with it': {
    async run(t, { runtime, run }) {
      const id = await run('runs')
      const out = collector()
      const attached = runtime.attach(id, { tty: false, stdout: out.stream, signal: new AbortController().signal })
      // By the time that this has run, the other call has arrived.
      await exec(runtime, id, ['true'])
      await runtime.signalContainer(id, 'SIGKILL')
      await attached
      t.match(await runtime.inspect(id), { state: 'exited' })
      await t.rejects(runtime.attach(id, { tty: false, signal: new AbortController().signal }))
    },
  },
  'attach gives input to a program that asked for it': {
    needs: 'stdin',
    async run(t, { runtime, run }) {
      const id = await run('reads', { stdin: true, stdinOnce: true })
      const out = collector()
      const stdin = Readable.from(['a line\n'])
      await runtime.attach(id, { tty: false, stdin, stdout: out.stream, signal: new AbortController().signal })
      t.equal(out.text(), 'got a line\n')
    },
  },
})
