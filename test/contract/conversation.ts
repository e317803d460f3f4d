// conversation.ts - reads logs and runs commands in a container, for the contract suite
import { PassThrough } from 'node:stream'
import type { ExecRequest, LogRequest, Runtime } from '../../agent/runtime/runtime.ts'

export function collector() {
  const stream = new PassThrough()
  const chunks: Buffer[] = []
  stream.on('data', (chunk: Buffer) => chunks.push(chunk))
  return { stream, text: () => Buffer.concat(chunks).toString() }
}

export async function readLogs(runtime: Runtime, id: string, change: Partial<LogRequest> = {}) {
  const [out, err] = [collector(), collector()]
  const request = { follow: false, timestamps: false, signal: new AbortController().signal, ...change }
  await runtime.logs(id, request, out.stream, err.stream)
  return { out: out.text(), err: err.text(), all: out.text() + err.text() }
}

export async function exec(
  runtime: Runtime,
  id: string,
  command: readonly string[],
  change: Partial<ExecRequest> = {},
): Promise<{ exitCode: number; out: string; err: string }> {
  const [out, err] = [collector(), collector()]
  const request = { command, tty: false, stdout: out.stream, stderr: err.stream, signal: new AbortController().signal }
  const exitCode = await runtime.exec(id, { ...request, ...change })
  return { exitCode, out: out.text(), err: err.text() }
}
