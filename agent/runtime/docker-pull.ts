// docker-pull.ts - has the engine pull an image: progress, stalls, and the registry's refusals in upstream's words
import type { Clock } from '../../shared/clock.ts'
import type { DockerClient } from './docker-client.ts'
import { EngineError, isEngineTrouble } from './docker-errors.ts'
import type { EngineFacts } from './docker-spec.ts'
import { parseImageName } from './image-name.ts'
import { ImageError, RuntimeUnavailable, type PullProgress, type PullRequest } from './runtime.ts'

/** Docker tells each piece of progress; when nothing comes for this long, the registry or the link has stalled. */
const DOCKER_STALL_MS = 2 * 60_000
/** Podman is silent while it copies a layer: this is the time for one big layer over a thin link. */
const PODMAN_STALL_MS = 30 * 60_000
const LINE_BYTES_MAX = 1 << 20

export interface DockerPullDeps {
  client: DockerClient
  clock: Clock
  engine: EngineFacts['engine']
}

/** Resolves when the engine says that the image is there. Throws ImageError or RuntimeUnavailable. */
export async function pullImage({ client, clock, engine }: DockerPullDeps, request: PullRequest): Promise<void> {
  const { repository, tag, digest } = parseImageName(request.image)
  const stallMs = engine === 'podman' ? PODMAN_STALL_MS : DOCKER_STALL_MS
  const givenUp = new AbortController()
  let hasStalled = false
  const giveUp = () => givenUp.abort()
  const stall = () => {
    hasStalled = true
    giveUp()
  }
  let timer = clock.after(stallMs, stall)
  const alive = () => {
    timer.cancel()
    timer = clock.after(stallMs, stall)
  }
  request.signal.addEventListener('abort', giveUp, { once: true })
  try {
    request.signal.throwIfAborted()
    const query = { fromImage: repository, tag: digest ?? tag }
    const asked = { path: '/images/create', query, boundMs: stallMs, signal: givenUp.signal, ...credentialsOf(request) }
    const source = await client.stream({ method: 'POST', ...asked })
    givenUp.signal.addEventListener('abort', () => source.destroy(), { once: true })
    await followPull(source, request, alive)
    // A stream that was destroyed because nothing came ends without an error of its own.
    givenUp.signal.throwIfAborted()
  } catch (error) {
    if (hasStalled)
      throw new ImageError('RegistryUnavailable', `no progress for ${stallMs / 1000} s while pulling ${request.image}`)
    if (request.signal.aborted) throw new ImageError('ErrImagePull', 'the pull was cancelled')
    throw pullFailure(request.image, error)
  } finally {
    timer.cancel()
    request.signal.removeEventListener('abort', giveUp)
  }
}

function credentialsOf({ credentials }: PullRequest) {
  if (!credentials) return {}
  const { username, password, server } = credentials
  return { registryAuth: { username, password, serveraddress: server } }
}

/** One line of the engine's pull stream. */
interface PullLine {
  id?: string
  status?: string
  error?: string
  progressDetail?: { current?: number; total?: number }
}

type Layers = Map<string, PullProgress>

async function followPull(source: AsyncIterable<Buffer>, request: PullRequest, alive: () => void) {
  const layers: Layers = new Map()
  let rest = ''
  for await (const chunk of source) {
    alive()
    const lines = (rest + chunk.toString()).split('\n')
    rest = lines.pop() ?? ''
    if (rest.length > LINE_BYTES_MAX) throw new Error('the engine sends no readable progress')
    for (const line of lines) if (line.trim() !== '') takeLine(line, layers, request)
  }
  if (rest.trim() !== '') takeLine(rest, layers, request)
}

function takeLine(text: string, layers: Layers, request: PullRequest) {
  // The engine's documented answer.
  const line = JSON.parse(text) as PullLine
  // Podman answers 200 and says here that it failed; Docker does so when a layer breaks half way.
  if (line.error) throw new EngineError(500, line.error)
  const layer = line.id === undefined ? undefined : layerOf(line, layers.get(line.id))
  if (!line.id || !layer) return
  layers.set(line.id, layer)
  const sum = (key: keyof PullProgress) => [...layers.values()].reduce((all, one) => all + one[key], 0)
  request.onProgress?.({ doneBytes: sum('doneBytes'), totalBytes: sum('totalBytes') })
}

/** What the link had to carry has come: unpacking counts from nothing again. */
const ARRIVED = /^(Verifying Checksum|Download complete|Extracting|Pull complete)$/

function layerOf({ status = '', progressDetail = {} }: PullLine, before: PullProgress | undefined) {
  const { current, total = before?.totalBytes } = progressDetail
  const doneBytes = ARRIVED.test(status) ? total : current
  return total === undefined || doneBytes === undefined ? undefined : { doneBytes, totalBytes: total }
}

const UNREACHABLE =
  /connection refused|no such host|i\/o timeout|timeout exceeded|TLS handshake|network is unreachable|no route to host|connection reset|server misbehaving|deadline exceeded|temporary failure|unexpected EOF|dial tcp/i

function pullFailure(image: string, error: unknown): unknown {
  if (error instanceof RuntimeUnavailable || error instanceof ImageError) return error
  const message = error instanceof Error ? error.message : String(error)
  if (/invalid reference format/i.test(message)) return new ImageError('InvalidImageName', message)
  if (UNREACHABLE.test(message))
    return new ImageError('RegistryUnavailable', `failed to pull image "${image}": ${message}`)
  if (error instanceof EngineError && isEngineTrouble(error)) return new RuntimeUnavailable(message)
  return new ImageError('ErrImagePull', `failed to pull image "${image}": ${message}`)
}
