// ports.ts - finds out before anything starts whether the demo's ports are free, and says what to do when not
import { createServer } from 'node:net'
import { CliError } from '../cli-error.ts'

export interface DemoPorts {
  api: number
  mqtt: number
  hello: number
}

const DEFAULTS: DemoPorts = { api: 6443, mqtt: 8883, hello: 8080 }

/** `npm start -- --api-port 7443 --mqtt-port 9883 --hello-port 9080` */
export function parsePorts(args: readonly string[]): DemoPorts {
  const ports = { ...DEFAULTS }
  const rest = args.flatMap((arg) => arg.split('='))
  for (let i = 0; i < rest.length; i += 2) {
    const name = /^--(api|mqtt|hello)-port$/.exec(rest[i] ?? '')?.[1]
    const port = Number(rest[i + 1])
    if (!isPortName(name) || !Number.isInteger(port) || port < 1 || port > 65_535) {
      throw new CliError('usage: npm start -- [--api-port N] [--mqtt-port N] [--hello-port N]')
    }
    ports[name] = port
  }
  return ports
}

const isPortName = (name: string | undefined): name is keyof DemoPorts => name !== undefined && name in DEFAULTS

export async function demandFree(port: number, what: string, flag: string): Promise<void> {
  const problem = await tryToListen(port)
  if (problem === 'EADDRINUSE') {
    throw new CliError(
      `port ${port} (${what}) is in use by another program: stop that one, or run npm start -- --${flag} ${port + 1000}`,
    )
  }
  if (problem === 'EACCES')
    throw new CliError(`no permission to use port ${port} (${what}): run npm start -- --${flag} ${port + 10_000}`)
  if (problem) throw new CliError(`port ${port} (${what}) cannot be used: ${problem}`)
}

export function tryToListen(port: number): Promise<string | undefined> {
  return new Promise((resolve) => {
    const server = createServer()
    server.once('error', (error: NodeJS.ErrnoException) => resolve(error.code ?? error.message))
    server.listen(port, '127.0.0.1', () => server.close(() => resolve(undefined)))
  })
}
