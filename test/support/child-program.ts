// child-program.ts - one of our programs as a real process under test: started, waited for, stopped or killed
import { spawn, type ChildProcess } from 'node:child_process'
import { sleep, systemClock } from '../../shared/clock.ts'

export interface ProgramOptions {
  /** A JavaScript file for this Node, or a shell script. */
  file: string
  args: readonly string[]
  env: Record<string, string | undefined>
  /** What goes before the command, as for another network; it must become the program itself. */
  enter?: readonly string[]
}

export interface ChildProgram {
  readonly pid: number
  /** The line that begins with "ready"; rejects with everything that was said when it ends before. */
  readonly ready: Promise<string>
  /** The exit code; null after a signal. */
  readonly ended: Promise<number | null>
  /** Standard output and standard error as they came. */
  log(): string
  /** TERM, and KILL when that is not enough. */
  stop(): Promise<void>
  /** What a power cut does to a program: it learns nothing. */
  kill9(): Promise<void>
}

/** A test that fails shows the log; more than this nobody reads. */
const LOG_LENGTH_MAX = 1_000_000
/** On a loaded machine; a program that needs longer to end hangs. */
const STOP_WITHIN_MS = 15_000

export function startProgram({ file, args, env, enter = [] }: ProgramOptions): ChildProgram {
  // Shell scripts start Node themselves, as they do for users.
  const program = /\.(sh|cjs)$/.test(file) ? '/bin/sh' : process.execPath
  const [first = program, ...rest] = [...enter, program, file, ...args]
  const child = spawn(first, rest, { env, stdio: ['ignore', 'pipe', 'pipe'] })
  let log = ''
  const ended = new Promise<number | null>((resolve) => child.on('close', (code) => resolve(code)))
  const ready = new Promise<string>((resolve, reject) => {
    const take = (chunk: Buffer) => {
      log = (log + chunk.toString()).slice(-LOG_LENGTH_MAX)
      const line = /^ready.*(?=\n)/m.exec(log)?.[0]
      if (line) resolve(line)
    }
    child.stdout.on('data', take)
    child.stderr.on('data', take)
    child.on('error', reject)
    void ended.then((code) => reject(new Error(`${file} ${args.join(' ')} has ended with ${code}:\n${log}`)))
  })
  // Whoever only wants to see it end does not wait for this one.
  ready.catch(() => undefined)
  return {
    pid: child.pid ?? 0,
    ready,
    ended,
    log: () => log,
    stop: () => stop(child, ended),
    async kill9() {
      child.kill('SIGKILL')
      await ended
    },
  }
}

async function stop(child: ChildProcess, ended: Promise<unknown>): Promise<void> {
  child.kill('SIGTERM')
  const isLate = await Promise.race([ended.then(() => false), sleep(systemClock, STOP_WITHIN_MS).then(() => true)])
  if (!isLate) return
  child.kill('SIGKILL')
  await ended
  throw new Error(`a program did not stop within ${STOP_WITHIN_MS / 1000} s of TERM and was killed`)
}
