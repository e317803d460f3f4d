// demo-folder.ts - a clone of the project in which somebody runs `npm start`: its programs are ours, its data and ports its own
import { mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { startProgram, type ChildProgram } from './child-program.ts'
import { freePort } from './free-port.ts'
import { runNode } from './hub-process.ts'
import type { Run } from './kubectl.ts'

const PROJECT = fileURLToPath(new URL('../../../', import.meta.url))
const PROGRAM = fileURLToPath(new URL('./demo-program.js', import.meta.url))

export interface DemoPorts {
  api: number
  mqtt: number
  hello: number
}

export interface DemoFolder {
  readonly root: string
  readonly ports: DemoPorts
  /** `npm start` in a terminal of its own. */
  start(): ChildProgram
  /** `npm start` that ends by itself. */
  tryToStart(ports?: Partial<DemoPorts>): Promise<Run>
  clean(): Promise<Run>
  /** The command lines of hub and agent, and of whatever else works in this folder. */
  programs(): string[]
  /** The process that answers at the port of hello. */
  helloPid(): number | undefined
  remove(): Promise<void>
}

export async function createDemoFolder(): Promise<DemoFolder> {
  const root = mkdtempSync(join(tmpdir(), 'holdfast-demo-'))
  for (const part of ['hub', 'dist', 'manifests']) symlinkSync(join(PROJECT, part), join(root, part))
  const ports = { api: await freePort(), mqtt: await freePort(), hello: await freePort() }
  const env = { PATH: process.env['PATH'], HOME: root, DOCKER_HOST: `unix://${root}/no-engine.sock` }
  const argsOf = (change: Partial<DemoPorts> = {}) => [
    ...['start', root],
    ...Object.entries({ ...ports, ...change }).flatMap(([name, port]) => [`--${name}-port`, String(port)]),
  ]
  const clean = () => runNode([PROGRAM, 'clean', root], env)
  return {
    root,
    ports,
    // A session of its own, so that a Ctrl-C reaches what a terminal would send it to.
    start: () => startProgram({ file: PROGRAM, args: argsOf(), env, enter: ['setsid'] }),
    tryToStart: (change) => runNode([PROGRAM, ...argsOf(change)], env),
    clean,
    programs: () => processes('cmdline').flatMap(({ text }) => (text.includes(`${root}/`) ? [text] : [])),
    helloPid: () => processes('environ').find(({ text }) => text.split('\0').includes(`PORT=${ports.hello}`))?.pid,
    async remove() {
      await clean()
      rmSync(root, { recursive: true, force: true })
    },
  }
}

/** As a terminal does it: to the program and all that it has started in its session. */
export const pressCtrlC = ({ pid }: ChildProgram) => process.kill(-pid, 'SIGINT')

function processes(file: 'cmdline' | 'environ'): { pid: number; text: string }[] {
  const pids = readdirSync('/proc').filter((name) => /^\d+$/.test(name))
  return pids.flatMap((pid) => {
    try {
      return [{ pid: Number(pid), text: readFileSync(`/proc/${pid}/${file}`, 'utf8') }]
    } catch {
      return [] // it has ended, or is somebody else's
    }
  })
}
