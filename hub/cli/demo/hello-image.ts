// hello-image.ts - makes the image of the demo's container from the Node of this machine, so that no registry is needed
import { execFileSync } from 'node:child_process'
import { readFileSync, realpathSync } from 'node:fs'
import { request, type RequestOptions } from 'node:http'
import type { DockerAddress } from '../../../shared/docker-address.ts'
import { tarOf, type TarEntry } from '../../../shared/tar.ts'

export const HELLO_IMAGE = 'holdfast/hello:demo'

/** The import of some 100 MB from memory takes seconds; an engine that needs longer is not one for a demo. */
const ENGINE_MS_MAX = 60_000

/** One that takes longer to say that it is there is none for a demo. */
const PING_MS_MAX = 5_000

/** It may be stopped, or not for this user. */
export const doesAnswer = (engine: DockerAddress): Promise<boolean> =>
  ask(engine, 'GET', '/_ping', undefined, PING_MS_MAX).then(
    ({ code }) => code === 200,
    () => false,
  )

export async function ensureHelloImage(engine: DockerAddress): Promise<void> {
  const found = await ask(engine, 'GET', `/images/${HELLO_IMAGE}/json`)
  if (found.code === 200) return
  const made = await ask(
    engine,
    'POST',
    '/images/create?fromSrc=-&repo=holdfast/hello&tag=demo',
    tarOf(nodeAndItsLibraries()),
  )
  if (made.code !== 200 || made.text.includes('"error"'))
    throw new Error(`the engine would not import it: ${made.text.slice(0, 300)}`)
}

export async function removeHelloImage(engine: DockerAddress): Promise<void> {
  const { code, text } = await ask(engine, 'DELETE', `/images/${HELLO_IMAGE}?force=true`)
  if (code !== 200 && code !== 404) throw new Error(text.slice(0, 300))
}

/** The binary as /bin/node and every library that the loader names, at the path where it will be looked for. */
function nodeAndItsLibraries(): TarEntry[] {
  const listed = execFileSync('ldd', [process.execPath], { encoding: 'utf8' })
  const libraries = [...new Set([...listed.matchAll(/(\/\S+)\s+\(0x/g)].flatMap(([, path]) => path ?? []))]
  const entry = (name: string, path: string): TarEntry => ({
    name: name.replace(/^\//, ''),
    data: readFileSync(realpathSync(path)),
    mode: 0o755,
  })
  return [entry('/bin/node', process.execPath), ...libraries.map((path) => entry(path, path))]
}

function ask(
  engine: DockerAddress,
  method: string,
  path: string,
  body?: Buffer,
  timeout = ENGINE_MS_MAX,
): Promise<{ code: number; text: string }> {
  const where: RequestOptions =
    engine.kind === 'unix' ? { socketPath: engine.socketPath } : { host: engine.host, port: engine.port }
  return new Promise((resolve, reject) => {
    const headers = body ? { 'content-type': 'application/x-tar', 'content-length': body.length } : {}
    const outgoing = request({ ...where, method, path, headers, timeout }, (answer) => {
      let text = ''
      answer.setEncoding('utf8')
      answer.on('data', (chunk: string) => (text = (text + chunk).slice(-4096)))
      answer.on('error', reject)
      answer.on('end', () => resolve({ code: answer.statusCode ?? 0, text }))
    })
    outgoing.on('timeout', () => outgoing.destroy(new Error('the container engine does not answer')))
    outgoing.on('error', reject)
    outgoing.end(body)
  })
}
