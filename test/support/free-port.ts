// free-port.ts - ports for whoever must know one before anybody listens there, or comes back to it after a restart
import { createServer } from 'node:net'

/** Linux takes the ports of outgoing connections from 32768 on: no such connection sits on one of these meanwhile. */
const PORTS = { first: 20_000, count: 12_000 } as const
/** A prime: processes that are started one after another begin far from each other. */
const APART = 7919

const startOf = (pid: number) => (pid * APART) % PORTS.count

/** Each call of the function that it answers gives another port, on which nobody listens. */
export function createPortSource(pid: number): () => Promise<number> {
  let asked = 0
  return async () => {
    while (asked < PORTS.count) {
      const port = PORTS.first + ((startOf(pid) + asked++) % PORTS.count)
      if (await isFree(port)) return port
    }
    throw new Error(`all ${PORTS.count} ports from ${PORTS.first} on have been handed out or are in use`)
  }
}

/** One source for the whole process: nobody else here gets the same. */
export const freePort = createPortSource(process.pid)

/** On all addresses: a container's port is published on each of them. */
const isFree = (port: number) =>
  new Promise<boolean>((resolve) => {
    const server = createServer()
    server.once('error', () => resolve(false))
    server.listen(port, () => server.close(() => resolve(true)))
  })
