// little-engine.ts - a socket that speaks as much of the engine's API as a test of faults needs: to hang, refuse, break
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { DockerAddress } from '../../shared/docker-address.ts'

export type EngineAnswer = (request: IncomingMessage, response: ServerResponse) => void

export interface LittleEngine {
  address: DockerAddress
  /** Method and path, without the query, of everything that was asked. */
  asked: string[]
  /** By "METHOD /path" or "/path"; what has no answer is answered 404. */
  answers: Map<string, EngineAnswer>
  start(): Promise<void>
  /** Also breaks what is open, as a daemon that dies does. */
  stop(): Promise<void>
  close(): Promise<void>
}

export const json =
  (status: number, value: unknown): EngineAnswer =>
  (_request, response) =>
    void response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(value))

export const hang: EngineAnswer = () => undefined

export function createLittleEngine(): LittleEngine {
  const folder = mkdtempSync(join(tmpdir(), 'holdfast-engine-'))
  const socketPath = join(folder, 'engine.sock')
  const answers = new Map<string, EngineAnswer>([
    ['/version', json(200, { Version: '1.0', Os: 'linux', Arch: 'amd64', Components: [] })],
    ['/info', json(200, { LoggingDriver: 'json-file' })],
    ['/_ping', json(200, 'OK')],
  ])
  const asked: string[] = []
  let server = makeServer()

  function makeServer() {
    return createServer((request, response) => {
      const path = (request.url ?? '').split('?')[0] ?? ''
      asked.push(`${request.method} ${path}`)
      const answer = answers.get(`${request.method} ${path}`) ?? answers.get(path)
      if (answer) answer(request, response)
      else json(404, { message: `no such thing: ${path}` })(request, response)
    })
  }
  const stop = () =>
    new Promise<void>((resolve) => {
      server.close(() => resolve())
      server.closeAllConnections()
    })
  return {
    address: { kind: 'unix', socketPath },
    asked,
    answers,
    start: () => {
      server = makeServer()
      return new Promise<void>((resolve) => server.listen(socketPath, resolve))
    },
    stop,
    async close() {
      if (server.listening) await stop()
      rmSync(folder, { recursive: true, force: true })
    },
  }
}
