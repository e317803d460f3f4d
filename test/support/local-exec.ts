// local-exec.ts - a fake runtime whose exec runs the command on this machine: for clients that need a real program, as `kubectl cp` does
import { spawn } from 'node:child_process'
import type { ExecRequest } from '../../agent/runtime/runtime.ts'
import type { FakeRuntime } from './fake-runtime.ts'

export const withLocalExec = (runtime: FakeRuntime): FakeRuntime => ({
  ...runtime,
  exec: (_id, request) => runHere(request),
})

function runHere({ command, stdin, stdout, stderr, signal }: ExecRequest): Promise<number> {
  const [program = '', ...args] = command
  return new Promise((resolve) => {
    const child = spawn(program, args, { stdio: ['pipe', 'pipe', 'pipe'] })
    // A program that ends without reading all of its input is no error here.
    child.stdin.on('error', () => child.stdin.destroy())
    if (stdin) stdin.pipe(child.stdin)
    else child.stdin.end()
    if (stdout) child.stdout.pipe(stdout, { end: false })
    if (stderr) child.stderr.pipe(stderr, { end: false })
    signal.addEventListener('abort', () => child.kill('SIGKILL'))
    child.on('error', () => resolve(127))
    child.on('close', (code) => resolve(code ?? 137))
  })
}
