// probe-run.ts - asks a container once how it is: HTTP, TCP or a command inside; also runs preStop hooks
import { connect } from 'node:net'
import { Writable } from 'node:stream'
import type { Clock } from '../../shared/clock.ts'
import type { Probe } from '../../shared/kinds/object.ts'
import { RuntimeUnavailable, type Runtime } from '../runtime/runtime.ts'
import { httpGet } from './http-get.ts'
import type { PodContainer } from './pod-shape.ts'

export interface ProbeTarget {
  runtime: Runtime
  container: PodContainer
  id: string
  /** The container that owns the network: the sandbox where there is one. */
  networkId: string
}

/** `isUnasked`: the runtime did not answer, which says nothing about the container. */
export type Answer = { ok: true } | { ok: false; output: string; isUnasked?: true }
export type Handler = Pick<Probe, 'exec' | 'httpGet' | 'tcpSocket' | 'grpc'>

/** As much as upstream keeps of what a probe's command says. */
const OUTPUT_BYTES_MAX = 10_240

/** Never throws: whatever goes wrong is an answer. */
export async function askOnce(handler: Handler, target: ProbeTarget, timeoutMs: number, clock: Clock): Promise<Answer> {
  try {
    if (handler.exec) return await askCommand(handler.exec.command ?? [], target, timeoutMs, clock)
    if (handler.httpGet) return await askHttp(handler.httpGet, target, timeoutMs, clock)
    if (handler.tcpSocket) return await askTcp(handler.tcpSocket, target, timeoutMs, clock)
    return { ok: false, output: 'gRPC probes are not supported' }
  } catch (error) {
    const output = error instanceof Error ? error.message : String(error)
    return { ok: false, output, ...(error instanceof RuntimeUnavailable && { isUnasked: true }) }
  }
}

async function askCommand(
  command: readonly string[],
  target: ProbeTarget,
  timeoutMs: number,
  clock: Clock,
): Promise<Answer> {
  let output = ''
  const sink = () =>
    new Writable({
      write(chunk: Buffer, _encoding, done) {
        output = (output + chunk.toString('utf8')).slice(0, OUTPUT_BYTES_MAX)
        done()
      },
    })
  const abort = new AbortController()
  const late: Promise<Answer> = new Promise((resolve) =>
    abort.signal.addEventListener('abort', () =>
      resolve({ ok: false, output: `command timed out: ${quoted(command)} timed out after ${timeoutMs / 1000}s` }),
    ),
  )
  const timer = clock.after(timeoutMs, () => abort.abort())
  const ran = target.runtime
    .exec(target.id, { command, tty: false, stdout: sink(), stderr: sink(), signal: abort.signal })
    .then((exitCode): Answer => (exitCode === 0 ? { ok: true } : { ok: false, output }))
  // When the time is over its later end is nobody's business; `late` has answered.
  ran.catch((error: unknown) => (output = String(error)))
  try {
    return await Promise.race([ran, late])
  } finally {
    timer.cancel()
  }
}

const quoted = (command: readonly string[]) => command.map((word) => JSON.stringify(word)).join(' ')

async function askHttp(
  action: NonNullable<Handler['httpGet']>,
  target: ProbeTarget,
  timeoutMs: number,
  clock: Clock,
): Promise<Answer> {
  const { host, port } = await addressOf(action, target)
  const headers = (action.httpHeaders ?? []).map(({ name, value }) => [name, value] as const)
  const scheme = action.scheme?.toUpperCase() === 'HTTPS' ? 'https' : 'http'
  const answer = await httpGet({ scheme, host, port, path: action.path ?? '/', headers, timeoutMs }, clock)
  if (answer.status >= 200 && answer.status < 400) return { ok: true }
  return { ok: false, output: `HTTP probe failed with statuscode: ${answer.status}` }
}

async function askTcp(
  action: NonNullable<Handler['tcpSocket']>,
  target: ProbeTarget,
  timeoutMs: number,
  clock: Clock,
): Promise<Answer> {
  const { host, port } = await addressOf(action, target)
  return new Promise((resolve) => {
    const socket = connect({ host, port })
    const end = (answer: Answer) => {
      timer.cancel()
      socket.destroy()
      resolve(answer)
    }
    const timer = clock.after(timeoutMs, () => end({ ok: false, output: `dial tcp ${host}:${port}: i/o timeout` }))
    socket.on('connect', () => end({ ok: true }))
    socket.on('error', (error) => end({ ok: false, output: `dial tcp ${host}:${port}: ${error.message}` }))
  })
}

async function addressOf({ host, port }: { host?: string; port: number | string }, target: ProbeTarget) {
  const number = portNumber(port, target.container)
  if (host) return { host, port: number }
  const found = await target.runtime.dial(target.networkId, number)
  return { host: found.address, port: found.port }
}

export function portNumber(port: number | string, { spec }: PodContainer): number {
  const named = spec.ports?.find(({ name }) => name === port)?.containerPort
  const number = named ?? Number(port)
  if (!Number.isInteger(number) || number < 1 || number > 65_535) throw new Error(`couldn't find port: ${port}`)
  return number
}
