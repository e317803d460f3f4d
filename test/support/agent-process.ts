// agent-process.ts - `holdfast-agent` as a process of its own: the one bundled file that devices run
import { existsSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { startProgram, type ChildProgram } from './child-program.ts'
import type { Engine, SeenContainer } from './engine.ts'
import { runNode } from './hub-process.ts'
import type { Run } from './kubectl.ts'
import { removeMemoryFolders } from './memory-folders.ts'
import type { Host } from './netns.ts'

export const AGENT = fileURLToPath(new URL('../../agent.cjs', import.meta.url))

export interface AgentProcess {
  readonly nodeName: string
  readonly dataDir: string
  /** Where it runs, if that is a host of its own. */
  readonly host?: Host
  readonly pid: number
  ready(): Promise<string>
  stop(): Promise<void>
  kill9(): Promise<void>
  /** As the member that it is; ends the present process when there is one. With more environment until the next time. */
  restart(environment?: Readonly<Record<string, string>>): Promise<void>
  /** Joins again, as the same node; ends the present process when there is one. */
  rejoin(token: string): Promise<void>
  /** `holdfast-agent <args>` for this device, beside the running one. */
  run(args: readonly string[]): Promise<Run>
  /** The containers of this device, ended ones included. */
  containers(): Promise<SeenContainer[]>
  logs(): string
  /** Process, containers and plain processes. */
  remove(): Promise<void>
}

export interface AgentOptions {
  dir: string
  nodeName: string
  token: string
  dockerHost: string
  flags: readonly string[]
  engine: Pick<Engine, 'containersOf' | 'removeContainersOf'>
  /** The host that it runs on; this machine unless told. */
  on?: Host
}

export async function startAgentProcess(options: AgentOptions): Promise<AgentProcess> {
  const { dir, nodeName, token, dockerHost, engine } = options
  const dataDir = join(dir, 'data')
  const env = { PATH: process.env['PATH'], HOME: dir }
  const enter = options.on?.enter ?? []
  const flags = ['--data-dir', dataDir, '--docker-host', dockerHost, ...options.flags]
  const start = (args: readonly string[], environment: Readonly<Record<string, string>> = {}) =>
    startProgram({ file: AGENT, args: [...args, ...flags], env: { ...env, ...environment }, enter })
  const earlier: string[] = []
  let program: ChildProgram = start(['join', token, '--node-name', nodeName])
  const replace = async (args: readonly string[], environment?: Readonly<Record<string, string>>) => {
    await program.kill9()
    earlier.push(program.log())
    program = start(args, environment)
    await program.ready
  }
  const run = (args: readonly string[]) => runNode([AGENT, ...args, ...flags], env, enter)
  return {
    ...{ nodeName, dataDir, run },
    ...(options.on && { host: options.on }),
    get pid() {
      return program.pid
    },
    ready: () => program.ready,
    stop: () => program.stop(),
    kill9: () => program.kill9(),
    restart: (environment) => replace([], environment),
    rejoin: (again) => replace(['join', again]),
    containers: () => engine.containersOf(nodeName),
    logs: () => [...earlier, program.log()].join(''),
    async remove() {
      await program.kill9()
      await engine.removeContainersOf(nodeName)
      await removeWork(dataDir, run)
    },
  }
}

/** The plain processes of an agent that has ended, and what is in memory: both outlive it, as they should. */
export async function removeWork(dataDir: string, run: AgentProcess['run']): Promise<void> {
  const processes = join(dataDir, 'processes')
  if (existsSync(processes) && readdirSync(processes).length > 0) await run(['purge'])
  removeMemoryFolders(dataDir)
}
