// process-exec.ts - runs one more command beside a plain process: same user, environment and folder
import { execFile, spawn, type ChildProcess } from 'node:child_process'
import { readlinkSync } from 'node:fs'
import type { Clock } from '../../shared/clock.ts'
import { exitCode } from './child-end.ts'
import { allStats } from './proc.ts'
import { findProgram, type Launch } from './process-launch.ts'
import { NOT_FOUND_EXIT, StartError, type ExecRequest } from './runtime.ts'
import { createTerminalSize } from './terminal-size.ts'

export async function execBeside(clock: Clock, launch: Launch, request: ExecRequest): Promise<number> {
  const { command, tty, stdin, stdout, stderr, signal, stdout: terminal } = request
  let line: readonly [program: string, ...args: string[]]
  try {
    line = resolveCommand(command, tty, launch)
  } catch (error) {
    if (!(error instanceof StartError)) throw error
    ;(tty ? terminal : stderr)?.write(`${error.message}\n`)
    return NOT_FOUND_EXIT
  }
  const [program, ...args] = line
  const { cwd, uid, gid } = launch
  const child = spawn(program, args, {
    cwd,
    env: tty ? { TERM: 'xterm', ...launch.env, SHELL: '/bin/sh' } : launch.env,
    detached: true,
    stdio: [stdin ? 'pipe' : 'ignore', 'pipe', 'pipe'],
    ...(uid === undefined ? {} : { uid }),
    ...(gid === undefined ? {} : { gid }),
  })
  const kill = () => endGroup(child)
  signal.addEventListener('abort', kill, { once: true })
  if (signal.aborted) kill()
  const hasEnded = () => child.exitCode !== null || child.signalCode !== null
  const set = (columns: number, rows: number) => resize(child, columns, rows)
  if (tty) request.onResize?.(createTerminalSize({ clock, hasEnded, set }))
  // The command may end before it has read everything: its exit code tells the story, not the broken pipe.
  child.stdin?.on('error', () => child.stdin?.destroy())
  if (child.stdin) stdin?.pipe(child.stdin)
  pass(child.stdout, stdout)
  pass(child.stderr, tty ? stdout : stderr)
  try {
    return await exitCode(clock, child, { targets: [stdout, stderr], signal })
  } finally {
    signal.removeEventListener('abort', kill)
    if (child.stdin) stdin?.unpipe(child.stdin)
  }
}

/** Output nobody wants is read all the same, or the command would stand still. */
function pass(from: ChildProcess['stdout'], to: ExecRequest['stdout']) {
  if (to) from?.pipe(to, { end: false })
  else from?.resume()
}

/** A terminal needs `script` of util-linux: Node has none, and a native one would need a compiler on the device. */
function resolveCommand(command: readonly string[], tty: boolean, { env, cwd }: Launch): [string, ...string[]] {
  const path = env['PATH'] ?? ''
  const [name = '', ...args] = command
  const program = findProgram(name, path, cwd)
  if (!tty) return [program, ...args]
  const script = findScript(path, cwd)
  return [script, '--quiet', '--return', '--flush', '--command', [program, ...args].map(quoted).join(' '), '/dev/null']
}

function findScript(path: string, cwd: string): string {
  try {
    return findProgram('script', path, cwd)
  } catch (error) {
    const hint = 'this device has no "script" program, which a terminal needs; exec without a terminal works'
    throw error instanceof StartError ? new Error(hint) : error
  }
}

/** `script` takes a command line, not arguments: inside single quotes nothing has a meaning but the quote itself. */
const quoted = (text: string) => `'${text.replaceAll("'", `'\\''`)}'`

function endGroup({ pid }: ChildProcess) {
  if (pid === undefined) return
  try {
    process.kill(-pid, 'SIGKILL')
  } catch (error) {
    // It has ended by itself in this very moment.
    if (!(error instanceof Error && 'code' in error && error.code === 'ESRCH')) throw error
  }
}

/** Sets the size of the terminal that `script` made for its child, which tells the programs in it. */
async function resize({ pid }: ChildProcess, columns: number, rows: number): Promise<boolean> {
  const inside = allStats().find(({ parent }) => parent === pid)
  const terminal = inside && terminalOf(inside.pid)
  if (!terminal) return false
  const args = ['-F', terminal, 'cols', String(columns), 'rows', String(rows)]
  // A device without `stty` will not have it in a moment either.
  await new Promise<void>((resolve) => execFile('stty', args, () => resolve()))
  return true
}

function terminalOf(pid: number): string | undefined {
  try {
    const path = readlinkSync(`/proc/${pid}/fd/0`)
    return path.startsWith('/dev/pts/') ? path : undefined
  } catch {
    return undefined // it has ended, or is not ours to look into: then there is nothing to resize
  }
}
