// docker-streams.ts - logs, attach and exec: what reads and writes the streams of a container
import type { Duplex, Readable } from 'node:stream'
import { sleep, type Clock } from '../../shared/clock.ts'
import { FOLLOW_MS, type DockerClient, type Dockerode } from './docker-client.ts'
import { demux, passThrough } from './docker-demux.ts'
import { EngineError } from './docker-errors.ts'
import { NOT_EXECUTABLE_EXIT, NOT_FOUND_EXIT, type ExecRequest, type LogRequest, type Runtime } from './runtime.ts'
import { limited, toWritables, type Sink } from './sink.ts'
import { createTerminalSize } from './terminal-size.ts'

type Inspect = (id: string) => Promise<Dockerode.ContainerInspectInfo | undefined>

export interface DockerStreamsDeps {
  client: DockerClient
  clock: Clock
  inspect: Inspect
}

/** The stream ends a moment before the engine knows the exit code. */
const EXIT_CODE_TRIES = 50
const EXIT_CODE_EVERY_MS = 20

export function createDockerStreams(deps: DockerStreamsDeps): Pick<Runtime, 'logs' | 'exec' | 'attach'> {
  const { client, inspect } = deps
  const known = async (id: string) => {
    const inspected = await inspect(id)
    if (!inspected) throw new EngineError(404, `no such container: ${id}`)
    return inspected
  }
  return {
    async logs(id, request, out, err) {
      const { tty } = terminalOf(await known(id))
      if (request.limitBytes === 0) return
      const sink = limited(toWritables(out, err, request.signal), request.limitBytes)
      try {
        const source = await client.stream({
          method: 'GET',
          path: `/containers/${id}/logs`,
          query: logQuery(request),
          signal: request.signal,
          ...(request.follow ? { boundMs: FOLLOW_MS } : {}),
        })
        await copy(source, tty, sink, request.signal)
      } catch (error) {
        // A reader that left before the first line is no failure.
        if (!request.signal.aborted) throw error
      }
    },
    async attach(id, request) {
      const inspected = await known(id)
      // Podman would make an ended container ready to run again.
      if (!inspected.State.Running) throw new EngineError(409, `container ${id} is not running`)
      const { tty, openStdin } = terminalOf(inspected)
      const wantsStdin = request.stdin !== undefined && openStdin
      const socket = await client.hijack({
        method: 'POST',
        path: `/containers/${id}/attach`,
        query: { stream: 1, stdout: 1, stderr: 1, stdin: wantsStdin ? 1 : 0 },
        // An empty body with a length: otherwise the modem sends the end mark of a chunked one into stdin.
        file: Buffer.alloc(0),
        signal: request.signal,
      })
      if (tty) request.onResize?.(terminalSize(deps, `/containers/${id}/resize`, socket))
      await converse(socket, tty, wantsStdin ? request : { ...request, stdin: undefined })
    },
    exec: (id, request) => exec(deps, id, request),
  }
}

const terminalOf = ({ Config: config }: Dockerode.ContainerInspectInfo) => ({
  tty: config.Tty,
  openStdin: config.OpenStdin,
})

function logQuery({ follow, tailLines, sinceMs, timestamps }: LogRequest) {
  return {
    stdout: 1,
    stderr: 1,
    follow: follow ? 1 : 0,
    timestamps: timestamps ? 1 : 0,
    tail: tailLines ?? 'all',
    since: sinceMs === undefined ? undefined : (sinceMs / 1000).toFixed(3),
  }
}

async function exec(deps: DockerStreamsDeps, id: string, request: ExecRequest): Promise<number> {
  const { client } = deps
  const made = await client.call({
    method: 'POST',
    path: `/containers/${id}/exec`,
    body: {
      Cmd: [...request.command],
      Tty: request.tty,
      AttachStdin: request.stdin !== undefined,
      AttachStdout: true,
      AttachStderr: !request.tty,
    },
    signal: request.signal,
  })
  // The engine's documented answer.
  const { Id: execId } = made as { Id: string }
  let socket: Duplex
  try {
    const body = { Detach: false, Tty: request.tty }
    socket = await client.hijack({ method: 'POST', path: `/exec/${execId}/start`, body, signal: request.signal })
  } catch (error) {
    const exitCode = refusalExit(error)
    if (exitCode === undefined || !(error instanceof Error)) throw error
    request.stderr?.write(`${error.message}\n`)
    return exitCode
  }
  if (request.tty) request.onResize?.(terminalSize(deps, `/exec/${execId}/resize`, socket))
  await converse(socket, request.tty, request)
  if (request.signal.aborted) throw new Error('the exec was cancelled')
  return exitCodeOf(deps, execId)
}

/** Newer engines refuse a missing command before the stream begins; older ones say it inside, with these codes. */
function refusalExit(error: unknown): number | undefined {
  if (!(error instanceof EngineError)) return undefined
  if (/no such file|not found in \$PATH/i.test(error.message)) return NOT_FOUND_EXIT
  return /permission denied/i.test(error.message) ? NOT_EXECUTABLE_EXIT : undefined
}

async function exitCodeOf({ client, clock }: DockerStreamsDeps, execId: string): Promise<number> {
  for (let tries = 0; tries < EXIT_CODE_TRIES; tries++) {
    // The engine's documented answer.
    const seen = (await client.call({ method: 'GET', path: `/exec/${execId}/json` })) as Dockerode.ExecInspectInfo
    if (!seen.Running && seen.ExitCode !== null) return seen.ExitCode
    await sleep(clock, EXIT_CODE_EVERY_MS)
  }
  throw new Error('the command let go of its streams but has not ended')
}

/** Input goes in, output comes out, until the other side ends the conversation. */
async function converse(socket: Duplex, tty: boolean, request: Omit<ExecRequest, 'command'>) {
  const { stdin, stdout, stderr, signal } = request
  // A broken connection ends the output below, which is where it is noticed.
  socket.on('error', () => socket.destroy())
  stdin?.pipe(socket)
  try {
    await copy(socket, tty, toWritables(stdout, stderr, signal), signal)
  } finally {
    stdin?.unpipe(socket)
    socket.destroy()
  }
}

async function copy(source: Readable, tty: boolean, sink: Sink, signal: AbortSignal) {
  const stop = () => source.destroy()
  signal.addEventListener('abort', stop, { once: true })
  try {
    if (!signal.aborted) await (tty ? passThrough(source, sink) : demux(source, sink))
  } catch (error) {
    if (!signal.aborted) throw error
  } finally {
    signal.removeEventListener('abort', stop)
    source.destroy()
  }
}

/** The engine refuses while there is no terminal yet. */
function terminalSize({ client, clock }: DockerStreamsDeps, path: string, socket: Duplex) {
  const set = (columns: number, rows: number) =>
    client.call({ method: 'POST', path, query: { h: rows, w: columns } }).then(yes, no)
  return createTerminalSize({ clock, hasEnded: () => socket.destroyed, set })
}

const yes = () => true
const no = () => false
