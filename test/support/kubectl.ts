// kubectl.ts - real kubectls against a hub under test, each with a home and a cache of its own
import { execFile, spawn, type ChildProcess } from 'node:child_process'
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { realpathSync } from 'node:fs'
import { findKubectl } from './require.ts'

/** Minors that lie beside Google's kubectl; the oldest and newest that we promise, and the one that we claim to be. */
const MINORS = ['1.28', '1.32', '1.33']

/** The kubectls on this machine: one a minor where several lie together, else the one on the PATH. */
export function kubectls(): string[] {
  const found = findKubectl()
  if (!found) return []
  const beside = MINORS.map((minor) => join(dirname(realpathSync(found)), `kubectl.${minor}`))
  const several = beside.filter((path) => existsSync(path))
  return several.length > 0 ? several : [found]
}

export interface Run {
  code: number
  stdout: string
  stderr: string
}

export interface Kubectl {
  readonly program: string
  /** For a command that starts it in its own way. */
  readonly env: Readonly<Record<string, string | undefined>>
  /** Runs to its end; `input` goes to standard input. */
  run(args: readonly string[], options?: { input?: string; env?: Record<string, string> }): Promise<Run>
  /** The standard output of a command that must succeed; arguments are split at spaces. */
  ok(command: string, input?: string): Promise<string>
  /** The object, or `{ items }`, that a `get` answers with. */
  json<T>(command: string): Promise<T>
  list<T>(command: string): Promise<{ items: T[] }>
  /** What a command that must fail says. */
  fails(command: string, input?: string): Promise<string>
  spawn(args: readonly string[]): ChildProcess
  remove(): void
}

export interface Credentials {
  url: string
  caPem: string
  token: string
}

export function createKubectl(program: string, { url, caPem, token }: Credentials): Kubectl {
  const home = mkdtempSync(join(tmpdir(), 'holdfast-kubectl-'))
  const kubeconfig = join(home, 'config')
  writeFileSync(kubeconfig, kubeconfigText(url, caPem, token))
  const environment = {
    PATH: process.env['PATH'],
    HOME: home,
    KUBECONFIG: kubeconfig,
    KUBECACHEDIR: join(home, 'cache'),
  }
  const run: Kubectl['run'] = (args, { input, env } = {}) =>
    new Promise((resolve) => {
      const child = execFile(
        program,
        [...args],
        { env: { ...environment, ...env }, maxBuffer: 32 * 1024 * 1024 },
        (_error, stdout, stderr) => resolve({ code: child.exitCode ?? 1, stdout, stderr }),
      )
      child.stdin?.end(input)
    })
  const words = (command: string) =>
    command.match(/(?:'[^']*'|[^\s'])+/g)?.map((word) => word.replaceAll("'", '')) ?? []
  const succeed = async (command: string, input?: string) => {
    const result = await run(words(command), input === undefined ? {} : { input })
    if (result.code !== 0)
      throw new Error(`kubectl ${command} failed with ${result.code}: ${result.stderr}${result.stdout}`)
    return result
  }
  // What a hub under test answers; the test that reads it fails when it is something else.
  const json = async <T>(command: string) => JSON.parse((await succeed(`${command} -o json`)).stdout) as T
  return {
    ...{ program, env: environment, run, json },
    list: <T>(command: string) => json<{ items: T[] }>(command),
    async ok(command, input) {
      const { stdout, stderr } = await succeed(command, input)
      return stdout + stderr
    },
    async fails(command, input) {
      const { code, stdout, stderr } = await run(words(command), input === undefined ? {} : { input })
      if (code === 0) throw new Error(`kubectl ${command} succeeded: ${stdout}`)
      return stderr + stdout
    },
    spawn: (args) => spawn(program, [...args], { env: environment, stdio: ['ignore', 'pipe', 'pipe'] }),
    remove: () => rmSync(home, { recursive: true, force: true }),
  }
}

const kubeconfigText = (url: string, caPem: string, token: string) =>
  JSON.stringify({
    apiVersion: 'v1',
    kind: 'Config',
    clusters: [
      { name: 'test', cluster: { server: url, 'certificate-authority-data': Buffer.from(caPem).toString('base64') } },
    ],
    users: [{ name: 'test', user: { token } }],
    contexts: [{ name: 'test', context: { cluster: 'test', user: 'test', namespace: 'default' } }],
    'current-context': 'test',
  })
