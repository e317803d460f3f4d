// hub-process.ts - `holdfast-hub` as a process of its own, with its operator's command
import { execFile } from 'node:child_process'
import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { accessOf, readKubeconfig } from '../../hub/cli/kubeconfig-file.ts'
import { startProgram, type ChildProgram } from './child-program.ts'
import { freePort } from './free-port.ts'
import type { Credentials, Run } from './kubectl.ts'
import type { Host } from './netns.ts'

const DIST = fileURLToPath(new URL('../../', import.meta.url))
const HUB = join(DIST, '../hub/holdfast-hub.sh')
const OPERATOR = join(DIST, 'hub/cli/main.js')

export interface HubProcess {
  readonly pid: number
  readonly dataDir: string
  readonly url: string
  readonly mqttPort: number
  readonly kubeconfig: string
  admin(): Credentials
  viewer(): Credentials
  /** `holdfast <args>`. */
  holdfast(args: readonly string[], env?: Record<string, string>): Promise<Run>
  /** What `holdfast token create` prints. */
  token(args?: readonly string[]): Promise<string>
  stop(): Promise<void>
  kill9(): Promise<void>
  /** At the same ports, because that is where the devices look for it. Ends the present process when there is one. */
  restart(flags?: readonly string[]): Promise<void>
  logs(): string
  remove(): Promise<void>
}

export interface HubOptions {
  dir: string
  flags: readonly string[]
  /** The host that it runs on; this machine unless told. */
  on?: Host
}

export async function startHubProcess({ dir, flags, on }: HubOptions): Promise<HubProcess> {
  mkdirSync(dir, { recursive: true })
  const dataDir = join(dir, 'data')
  const kubeconfig = join(dir, 'kubeconfig')
  const earlier: string[] = []
  const listen = on ? '0.0.0.0' : '127.0.0.1'
  // The second one is for whoever comes through the door.
  const advertise = on ? `${on.address},127.0.0.1` : '127.0.0.1'
  const enter = on?.enter ?? []
  const [apiPort, mqttPort] = [await freePort(), await freePort()]
  const start = (more: readonly string[]) =>
    startProgram({
      file: HUB,
      args: [
        ...['--data-dir', dataDir, '--kubeconfig', kubeconfig, '--advertise', advertise],
        ...['--api-listen', `${listen}:${apiPort}`, '--mqtt-listen', `${listen}:${mqttPort}`],
        ...flags,
        ...more,
      ],
      env: { PATH: process.env['PATH'], HOME: dir },
      enter,
    })
  let program: ChildProgram = start([])
  await program.ready
  const url = `https://127.0.0.1:${on ? await on.doorTo(apiPort) : apiPort}`
  const credentials = (context: string): Credentials => {
    const { token, caPem = '' } = accessOf(readKubeconfig(kubeconfig), kubeconfig, context)
    return { url, token, caPem }
  }
  const holdfast: HubProcess['holdfast'] = (args, env = {}) =>
    runNode([OPERATOR, '--kubeconfig', kubeconfig, ...args], { PATH: process.env['PATH'], HOME: dir, ...env }, enter)
  return {
    ...{ dataDir, url, mqttPort, kubeconfig, holdfast },
    get pid() {
      return program.pid
    },
    admin: () => credentials('admin'),
    viewer: () => credentials('viewer'),
    async token(args = []) {
      const { code, stdout, stderr } = await holdfast(['token', 'create', ...args])
      if (code !== 0) throw new Error(`no token: ${stderr}`)
      return stdout.trim()
    },
    stop: () => program.stop(),
    kill9: () => program.kill9(),
    async restart(more = []) {
      await program.kill9()
      earlier.push(program.log())
      program = start(more)
      await program.ready
    },
    logs: () => [...earlier, program.log()].join(''),
    remove: () => program.kill9(),
  }
}

/** A program of ours that ends by itself. */
export function runNode(
  args: readonly string[],
  env: Record<string, string | undefined>,
  enter: readonly string[] = [],
): Promise<Run> {
  const [first = process.execPath, ...rest] = [...enter, process.execPath, ...args]
  return new Promise((resolve) => {
    const child = execFile(first, rest, { env }, (_error, stdout, stderr) =>
      resolve({ code: child.exitCode ?? 1, stdout, stderr }),
    )
  })
}
