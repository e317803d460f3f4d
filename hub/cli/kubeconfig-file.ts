// kubeconfig-file.ts - finds, reads and merges kubeconfig files, as kubectl does
import { existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs'
import { homedir } from 'node:os'
import { dirname, join } from 'node:path'
import { parseYaml, toYaml } from '../../shared/yaml.ts'
import { CliError } from './cli-error.ts'

interface Named {
  name: string
}
export interface Kubeconfig {
  apiVersion: 'v1'
  kind: 'Config'
  clusters: (Named & {
    cluster: { server: string; 'certificate-authority-data'?: string; 'certificate-authority'?: string }
  })[]
  users: (Named & { user: { token?: string; tokenFile?: string } })[]
  contexts: (Named & { context: { cluster: string; user: string; namespace?: string } })[]
  'current-context'?: string
}

/** How to reach a hub, as one context of a kubeconfig says it. */
export interface HubAccess {
  server: string
  caPem: string | undefined
  token: string
  namespace: string
}

/** The first that is there: --kubeconfig, KUBECONFIG, this folder's demo, ~/.kube/config. */
export function findKubeconfig(named: string | undefined, environment: NodeJS.ProcessEnv): string {
  if (named) return named
  const listed = (environment['KUBECONFIG'] ?? '').split(':').filter((path) => path !== '')
  const candidates = [...listed, join('.holdfast', 'kubeconfig'), userKubeconfig(environment)]
  const found = candidates.find((path) => existsSync(path))
  if (!found)
    throw new CliError(
      'no kubeconfig found: run `export KUBECONFIG=<the file that your hub wrote>`, or use --kubeconfig FILE',
    )
  return found
}

export const userKubeconfig = (environment: NodeJS.ProcessEnv): string =>
  join(environment['HOME'] ?? homedir(), '.kube', 'config')

export function readKubeconfig(path: string): Kubeconfig {
  const content = readText(path)
  const parsed: unknown = parseYaml(content).value
  if (typeof parsed !== 'object' || parsed === null) throw new CliError(`${path} is not a kubeconfig`)
  const { clusters, users, contexts, ...rest }: Partial<Kubeconfig> = parsed
  return {
    ...rest,
    apiVersion: 'v1',
    kind: 'Config',
    clusters: clusters ?? [],
    users: users ?? [],
    contexts: contexts ?? [],
  }
}

function readText(path: string): string {
  try {
    return readFileSync(path, 'utf8')
  } catch (error) {
    throw new CliError(`cannot read ${path}: ${error instanceof Error ? error.message : String(error)}`)
  }
}

export function accessOf(config: Kubeconfig, path: string, contextName = config['current-context']): HubAccess {
  const missing = (what: string): never => {
    throw new CliError(`${path} has no ${what}`)
  }
  const { context } =
    config.contexts.find(({ name }) => name === contextName) ?? missing(`context "${contextName ?? ''}"`)
  const { cluster } =
    config.clusters.find(({ name }) => name === context.cluster) ?? missing(`cluster "${context.cluster}"`)
  const { user } = config.users.find(({ name }) => name === context.user) ?? missing(`user "${context.user}"`)
  const data = cluster['certificate-authority-data']
  const caFile = cluster['certificate-authority']
  return {
    server: cluster.server,
    caPem: data ? Buffer.from(data, 'base64').toString() : caFile && readText(caFile),
    token:
      user.token ?? (user.tokenFile ? readText(user.tokenFile).trim() : missing(`token for user "${context.user}"`)),
    namespace: context.namespace ?? 'default',
  }
}

/** Entries of `added` replace those of the same name; everything else stays, and its context becomes the current one. */
export function mergeKubeconfig(into: Kubeconfig, added: Kubeconfig): Kubeconfig {
  const merge = <T extends Named>(old: readonly T[], fresh: readonly T[]) => [
    ...old.filter(({ name }) => !fresh.some((item) => item.name === name)),
    ...fresh,
  ]
  return {
    ...into,
    clusters: merge(into.clusters, added.clusters),
    users: merge(into.users, added.users),
    contexts: merge(into.contexts, added.contexts),
    ...(added['current-context'] && { 'current-context': added['current-context'] }),
  }
}

/** Written beside and renamed: a power cut leaves the old file or the new one. */
export function writeKubeconfig(path: string, config: Kubeconfig): void {
  mkdirSync(dirname(path), { recursive: true })
  writeFileSync(`${path}.new`, toYaml(config), { mode: 0o600 })
  renameSync(`${path}.new`, path)
}
