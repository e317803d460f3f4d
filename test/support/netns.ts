// netns.ts - hosts of their own on this machine: network namespaces on a switch that is one too, with links that can be cut
import { execFileSync } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { createServer, connect, type Server, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { systemRandom } from '../../shared/random.ts'
import { startProgram, type ChildProgram } from './child-program.ts'
import { findProgram } from './require.ts'

export type Direction = 'in' | 'out'

export interface Host {
  readonly address: string
  /** What goes before a command that is to run there. Files, processes and unix sockets are the machine's. */
  readonly enter: readonly string[]
  /** Packets vanish and nobody is told; both ways unless told. */
  cut(...directions: readonly Direction[]): void
  /** The cable is pulled: the host sees that it has no carrier. */
  unplug(): void
  /** Undoes both. */
  heal(): void
  /** A port of this machine that leads to that port of the host, for as long as the network is there. */
  doorTo(port: number): Promise<number>
}

export interface Lan {
  addHost(): Host
  remove(): Promise<void>
}

const NEEDED = ['ip', 'nsenter', 'iptables']
/** What a /24 holds; nobody needs more. */
const HOSTS_MAX = 250
const INTERFACE = 'eth0'
const DOORKEEPER = fileURLToPath(new URL('./doorkeeper.js', import.meta.url))

const ip = (...args: readonly string[]) => void execFileSync('ip', args, { stdio: 'pipe' })

/** Undefined where there can be none; for skipUnless. */
export function findNetns(): string | undefined {
  if (process.getuid?.() !== 0 || NEEDED.some((name) => !findProgram(name))) return undefined
  const name = freshName()
  try {
    ip('netns', 'add', name)
    execFileSync('nsenter', [`--net=/run/netns/${name}`, 'iptables', '-w', '-S'], { stdio: 'pipe' })
    return 'ip netns'
  } catch {
    return undefined // a container without the right to
  } finally {
    removeQuietly(name)
  }
}

const freshName = () => `hf-test-${systemRandom.uuid().slice(0, 8)}`

/** It may not be there: that is why it is removed. */
function removeQuietly(namespace: string): void {
  try {
    ip('netns', 'del', namespace)
  } catch {
    // Gone already, as it should be.
  }
}

/** The machine's own network is not touched: all ends of all cables are in namespaces. */
export function createLan(): Lan {
  const run = freshName()
  const namespaces = [run]
  const doors: Door[] = []
  ip('netns', 'add', run)
  ip('-n', run, 'link', 'add', 'br0', 'type', 'bridge')
  ip('-n', run, 'link', 'set', 'br0', 'up')

  function addHost(): Host {
    const number = namespaces.length
    if (number > HOSTS_MAX) throw new Error(`a network of a test has ${HOSTS_MAX} hosts at most`)
    const name = `${run}-${number}`
    // From the block that RFC 2544 keeps for tests.
    const address = `198.18.0.${number}`
    ip('netns', 'add', name)
    namespaces.push(name)
    const cable = `port${number}`
    ip('link', 'add', cable, 'netns', run, 'type', 'veth', 'peer', 'name', INTERFACE, 'netns', name)
    ip('-n', run, 'link', 'set', cable, 'master', 'br0', 'up')
    ip('-n', name, 'addr', 'add', `${address}/24`, 'dev', INTERFACE)
    for (const one of ['lo', INTERFACE]) ip('-n', name, 'link', 'set', one, 'up')
    // Not `ip netns exec`: it would hide the control groups, by which agents measure containers.
    const enter = ['nsenter', `--net=/run/netns/${name}`]
    const iptables = (...args: readonly string[]) =>
      void execFileSync('nsenter', [enter[1] ?? '', 'iptables', '-w', ...args], { stdio: 'pipe' })
    return {
      address,
      enter,
      cut(...directions) {
        const cutting = directions.length === 0 ? (['in', 'out'] as const) : directions
        // On the one cable only: what talks to itself is not cut.
        if (cutting.includes('in')) iptables('-A', 'INPUT', '-i', INTERFACE, '-j', 'DROP')
        if (cutting.includes('out')) iptables('-A', 'OUTPUT', '-o', INTERFACE, '-j', 'DROP')
      },
      unplug: () => ip('-n', run, 'link', 'set', cable, 'down'),
      heal() {
        iptables('-F')
        ip('-n', run, 'link', 'set', cable, 'up')
      },
      async doorTo(port) {
        const door = await openDoor(enter, port)
        doors.push(door)
        return door.port
      },
    }
  }

  return {
    addHost,
    async remove() {
      for (const door of doors) await door.close()
      for (const name of namespaces.toReversed()) removeQuietly(name)
    },
  }
}

interface Door {
  readonly port: number
  close(): Promise<void>
}

/** TCP on this side, a unix socket between the networks, and a doorkeeper on the other side that connects onward. */
async function openDoor(enter: readonly string[], port: number): Promise<Door> {
  const dir = mkdtempSync(join(tmpdir(), 'holdfast-door-'))
  const path = join(dir, 'socket')
  const env = { PATH: process.env['PATH'] }
  const keeper: ChildProgram = startProgram({ file: DOORKEEPER, args: [path, String(port)], env, enter })
  await keeper.ready
  const sockets = new Set<Socket>()
  const server: Server = createServer((near) => {
    const far = connect(path)
    for (const socket of [near, far]) {
      sockets.add(socket)
      socket.on('error', () => socket.destroy())
    }
    near.on('close', () => sockets.delete(near) && far.destroy())
    far.on('close', () => sockets.delete(far) && near.destroy())
    near.pipe(far).pipe(near)
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const address = server.address()
  return {
    port: typeof address === 'object' ? (address?.port ?? 0) : 0,
    async close() {
      for (const socket of sockets) socket.destroy()
      await new Promise((resolve) => server.close(resolve))
      await keeper.kill9()
      rmSync(dir, { recursive: true, force: true })
    },
  }
}
