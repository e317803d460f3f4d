// docker-client.ts - the one place that knows dockerode: every call to the engine, bounded in time
import { readFileSync } from 'node:fs'
import type { IncomingMessage } from 'node:http'
import { join } from 'node:path'
import type { Duplex } from 'node:stream'
import type DockerModem from 'docker-modem'
import Dockerode from 'dockerode'
import type { Clock } from '../../shared/clock.ts'
import type { DockerAddress } from '../../shared/docker-address.ts'
import { toEngineError } from './docker-errors.ts'
import { RuntimeUnavailable } from './runtime.ts'

export type { Dockerode }

/** An engine that takes longer than this for a look is hanging, also on a slow card under load. */
const LOOK_MS = 20_000
/** Making, starting and removing wait for disks and for each other: fifty at once on a small device take a while. */
export const ACT_MS = 120_000

/** Podman answers a follower not before there is something to follow; whether it lives is asked by another call. */
export const FOLLOW_MS = Number.POSITIVE_INFINITY

export interface EngineRequest {
  method: 'GET' | 'POST' | 'DELETE'
  path: string
  query?: Readonly<Record<string, string | number | boolean | undefined>>
  body?: object
  /** Bytes instead of JSON. */
  file?: Buffer
  registryAuth?: { username: string; password: string; serveraddress: string }
  /** Until the answer (of a stream: its beginning) has come. */
  boundMs?: number
  signal?: AbortSignal
}

export interface DockerClient {
  /** The parsed answer. Throws EngineError or RuntimeUnavailable. */
  call(request: EngineRequest): Promise<unknown>
  /** The answer as it comes; ending it is the caller's business. */
  stream(request: EngineRequest): Promise<IncomingMessage>
  /** The connection itself, both ways, for exec and attach. */
  hijack(request: EngineRequest): Promise<Duplex>
}

export interface DockerClientDeps {
  address: DockerAddress
  clock: Clock
  /** Folder with ca.pem, cert.pem and key.pem, for an engine behind TLS. */
  certificateFolder?: string
}

const SUCCESS = { 101: true, 200: true, 201: true, 204: true }

export function createDockerClient({ address, clock, certificateFolder }: DockerClientDeps): DockerClient {
  // dockerode types its modem as any; this is the class behind it.
  const modem: DockerModem = new Dockerode(connection(address, certificateFolder)).modem
  const dial = (request: EngineRequest, mode: { isStream?: boolean; hijack?: boolean }) =>
    bounded(clock, request, (signal) => {
      const { promise, resolve, reject } = deferred()
      modem.dial({ ...dialOptions(request), ...mode, abortSignal: signal }, (error, result) =>
        error ? reject(error) : resolve(result),
      )
      return promise
    })
  return {
    call: (request) => dial(request, {}),
    // The modem answers with exactly these two classes in these two modes.
    stream: async (request) => (await dial(request, { isStream: true })) as IncomingMessage,
    hijack: async (request) => (await dial(request, { isStream: true, hijack: true })) as Duplex,
  }
}

/** The modem puts `options` into the query and the body alike unless both are named. */
function dialOptions({ method, path, query = {}, body, file, registryAuth }: EngineRequest): DockerModem.DialOptions {
  const asked = Object.entries(query).filter(([, value]) => value !== undefined)
  return {
    method,
    path: asked.length > 0 ? `${path}?` : path,
    statusCodes: SUCCESS,
    options: { _query: Object.fromEntries(asked), _body: body ?? {} },
    ...(file ? { file } : {}),
    ...(registryAuth ? { authconfig: registryAuth } : {}),
  }
}

/** Rejects when the bound has passed, whatever the connection does; the connection is given up as well. */
async function bounded(clock: Clock, request: EngineRequest, run: (signal: AbortSignal) => Promise<unknown>) {
  const { boundMs = LOOK_MS, signal } = request
  const what = `${request.method} ${request.path}`
  const abort = new AbortController()
  const { promise: late, reject } = deferred()
  const giveUp = (error: Error) => {
    reject(error)
    abort.abort()
  }
  const timer = clock.after(boundMs, () =>
    giveUp(new RuntimeUnavailable(`${what}: no answer within ${boundMs / 1000} s`)),
  )
  const cancel = () => giveUp(new RuntimeUnavailable(`${what}: cancelled`))
  if (signal?.aborted) cancel()
  signal?.addEventListener('abort', cancel, { once: true })
  try {
    return await Promise.race([late, run(abort.signal)])
  } catch (error) {
    throw toEngineError(what, error)
  } finally {
    timer.cancel()
    signal?.removeEventListener('abort', cancel)
  }
}

/** `host: undefined` matters: else the modem would take the host from DOCKER_HOST even when told a socket. */
function connection(address: DockerAddress, certificateFolder: string | undefined): Dockerode.DockerOptions {
  if (address.kind === 'unix') return { host: undefined, protocol: 'http', socketPath: address.socketPath }
  const plain = { host: address.host, port: address.port }
  if (!address.tls) return { ...plain, protocol: 'http' }
  if (!certificateFolder) return { ...plain, protocol: 'https' }
  const read = (name: string) => readFileSync(join(certificateFolder, name))
  return { ...plain, protocol: 'https', ca: read('ca.pem'), cert: read('cert.pem'), key: read('key.pem') }
}

function deferred() {
  let resolve: (value: unknown) => void = () => undefined
  let reject: (error: Error) => void = () => undefined
  const promise = new Promise<unknown>((fulfil, fail) => {
    resolve = fulfil
    reject = fail
  })
  return { promise, resolve, reject }
}
