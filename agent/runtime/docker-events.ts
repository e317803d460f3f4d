// docker-events.ts - one standing stream of the engine's events; whoever lists again after each gap misses nothing
import { sleep, type Clock } from '../../shared/clock.ts'
import type { Log } from '../../shared/log.ts'
import type { Service } from '../../shared/service.ts'
import { FOLLOW_MS, type DockerClient } from './docker-client.ts'
import { labelFilter, podUidLabel } from './docker-identity.ts'
import type { RuntimeEvent } from './runtime.ts'

export interface DockerEventsDeps {
  client: DockerClient
  node: string
  clock: Clock
  log: Log
  emit: (event: RuntimeEvent) => void
}

/** Both engines' words: Docker says destroy and oom, Podman remove; Podman calls it die, but filters for died. */
const WATCHED = ['start', 'die', 'died', 'oom', 'destroy', 'remove']
const RETRY_FIRST_MS = 100
/** One local socket: asking often costs nothing, and a daemon that comes back must be noticed soon. */
const RETRY_MAX_MS = 5_000
/** Docker opens the stream at once. */
const PING_AFTER_MS = 1_000
/** An event is a few hundred bytes of labels; more than this without a line's end is not an event stream. */
const LINE_BYTES_MAX = 1 << 20

export function createDockerEvents(deps: DockerEventsDeps): Service {
  let stopped = new AbortController()
  let loop: Promise<void> | undefined
  return {
    start() {
      stopped = new AbortController()
      loop = watch(deps, stopped.signal)
    },
    async stop() {
      stopped.abort()
      await loop
    },
  }
}

async function watch(deps: DockerEventsDeps, signal: AbortSignal) {
  const { clock, log, emit } = deps
  let isDown = false
  let retryMs = RETRY_FIRST_MS
  while (!signal.aborted) {
    const attempt = new AbortController()
    const stop = () => attempt.abort()
    signal.addEventListener('abort', stop, { once: true })
    try {
      const opening = openStream(deps, attempt.signal)
      await Promise.race([opening, answersPing(deps, attempt.signal)])
      if (isDown) log.info({}, 'the container engine answers again')
      isDown = false
      retryMs = RETRY_FIRST_MS
      // Whatever happened before is seen by listing now.
      emit({ kind: 'relist' })
      await readEvents(await opening, deps)
      throw new Error('the engine closed the stream of events')
    } catch (error) {
      if (signal.aborted) return
      const message = error instanceof Error ? error.message : String(error)
      if (!isDown) log.warn({ error: message }, 'the container engine does not answer')
      if (!isDown) emit({ kind: 'unavailable', error: message })
      isDown = true
    } finally {
      attempt.abort()
      signal.removeEventListener('abort', stop)
    }
    await sleep(clock, retryMs, signal)
    retryMs = Math.min(retryMs * 2, RETRY_MAX_MS)
  }
}

async function openStream({ client, node }: DockerEventsDeps, signal: AbortSignal) {
  const filters = JSON.stringify({ type: ['container'], label: [labelFilter(node)], event: WATCHED })
  const source = await client.stream({ method: 'GET', path: '/events', query: { filters }, boundMs: FOLLOW_MS, signal })
  signal.addEventListener('abort', () => source.destroy(), { once: true })
  return source
}

/** Podman opens the stream with the first event: an engine that answers otherwise is taken to be listening as well. */
async function answersPing({ client, clock }: DockerEventsDeps, signal: AbortSignal) {
  await sleep(clock, PING_AFTER_MS, signal)
  await client.call({ method: 'GET', path: '/_ping', signal })
}

async function readEvents(source: AsyncIterable<Buffer>, { emit }: DockerEventsDeps) {
  let rest = ''
  for await (const chunk of source) {
    const lines = (rest + chunk.toString()).split('\n')
    rest = lines.pop() ?? ''
    if (rest.length > LINE_BYTES_MAX) throw new Error('an event has no end')
    for (const line of lines) {
      const event = line.trim() === '' ? undefined : changeIn(line)
      if (event) emit(event)
    }
  }
}

function changeIn(line: string): RuntimeEvent {
  // The engine's documented answer; a line that says nothing of a container is a reason to look at everything.
  const { Actor: actor } = JSON.parse(line) as { Actor?: { ID?: string; Attributes?: Record<string, string> } }
  const podUid = actor?.Attributes?.[podUidLabel]
  return actor?.ID && podUid ? { kind: 'changed', id: actor.ID, podUid } : { kind: 'relist' }
}
