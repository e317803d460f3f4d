// registry-stub.ts - an image registry of one image: it knows who may pull, and says no to all the rest
import { createHash } from 'node:crypto'
import { createServer, type ServerResponse } from 'node:http'
import { gzipSync } from 'node:zlib'

export interface RegistryOptions {
  /** The only repository that is there, such as "private/app"; every tag of it is the same image. */
  repository: string
  /** "user:password"; without it everybody may pull. */
  login?: string
  /** A tar archive. */
  fileSystem: Buffer
  command: readonly string[]
}

export interface RegistryStub {
  /** "127.0.0.1:port": an address at which engines allow a registry without TLS. */
  readonly address: string
  /** Paths that were asked for, in order. */
  readonly asked: readonly string[]
  stop(): Promise<void>
}

const MANIFEST = 'application/vnd.docker.distribution.manifest.v2+json'
const CONFIG = 'application/vnd.docker.container.image.v1+json'
const LAYER = 'application/vnd.docker.image.rootfs.diff.tar.gzip'
const ARCHITECTURES: Readonly<Record<string, string>> = { x64: 'amd64', arm64: 'arm64', arm: 'arm' }

const digestOf = (data: Buffer) => `sha256:${createHash('sha256').update(data).digest('hex')}`

export async function startRegistryStub(options: RegistryOptions): Promise<RegistryStub> {
  const blobs = blobsOf(options)
  const asked: string[] = []
  const server = createServer((request, response) => {
    const path = request.url ?? ''
    asked.push(path)
    const wanted = options.login && `Basic ${Buffer.from(options.login).toString('base64')}`
    if (wanted && request.headers.authorization !== wanted) {
      response.setHeader('www-authenticate', 'Basic realm="registry"')
      return refuse(response, 401, 'UNAUTHORIZED', 'authentication required')
    }
    if (path === '/v2/') return response.end('{}')
    const [, repository, kind = '', reference = ''] = /^\/v2\/(.+)\/(manifests|blobs)\/([^/]+)$/.exec(path) ?? []
    if (repository !== options.repository) return refuse(response, 404, 'MANIFEST_UNKNOWN', 'manifest unknown')
    const isByTag = kind === 'manifests' && !reference.startsWith('sha256:')
    const found = blobs.find(({ data, type }) => (isByTag ? type === MANIFEST : digestOf(data) === reference))
    if (!found) return refuse(response, 404, 'BLOB_UNKNOWN', 'blob unknown')
    const { data, type } = found
    response.writeHead(200, {
      'content-type': type,
      'content-length': data.length,
      'docker-content-digest': digestOf(data),
    })
    response.end(request.method === 'HEAD' ? undefined : data)
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const address = server.address()
  return {
    address: `127.0.0.1:${typeof address === 'object' && address ? address.port : 0}`,
    asked,
    stop: () =>
      new Promise((resolve) => {
        server.closeAllConnections()
        server.close(() => resolve())
      }),
  }
}

function blobsOf({ fileSystem, command }: RegistryOptions): { data: Buffer; type: string }[] {
  const layer = gzipSync(fileSystem)
  const config = Buffer.from(
    JSON.stringify({
      architecture: ARCHITECTURES[process.arch] ?? process.arch,
      os: 'linux',
      config: { Cmd: command, Env: ['PATH=/bin'] },
      rootfs: { type: 'layers', diff_ids: [digestOf(fileSystem)] },
    }),
  )
  const blob = (data: Buffer, mediaType: string) => ({ mediaType, size: data.length, digest: digestOf(data) })
  const manifest = { schemaVersion: 2, mediaType: MANIFEST, config: blob(config, CONFIG), layers: [blob(layer, LAYER)] }
  return [
    { data: Buffer.from(JSON.stringify(manifest)), type: MANIFEST },
    { data: config, type: CONFIG },
    { data: layer, type: LAYER },
  ]
}

function refuse(response: ServerResponse, status: number, code: string, message: string): void {
  response.writeHead(status, { 'content-type': 'application/json' })
  response.end(JSON.stringify({ errors: [{ code, message }] }))
}
