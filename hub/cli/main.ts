#!/usr/bin/env node
// main.ts - `holdfast`: the operator's command; everything it knows and does goes through the hub's public API
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { Command, InvalidArgumentError } from 'commander'
import { toYaml } from '../../shared/yaml.ts'
import { systemClock } from '../../shared/clock.ts'
import type { DaemonSet, Deployment, KubeObject, Node, Pod } from '../../shared/kinds/object.ts'
import { systemRandom } from '../../shared/random.ts'
import { duration, integer, pairs } from '../../shared/setting-kinds.ts'
import type { Setting } from '../../shared/settings.ts'
import { HOLDFAST_VERSION } from '../../shared/version.ts'
import { ApiError, createClient, type Client } from './client.ts'
import { CliError } from './cli-error.ts'
import {
  accessOf,
  findKubeconfig,
  mergeKubeconfig,
  readKubeconfig,
  userKubeconfig,
  writeKubeconfig,
  type HubAccess,
  type Kubeconfig,
} from './kubeconfig-file.ts'
import { nodesTable, type LastBeats } from './nodes.ts'
import { readNote } from './recover.ts'
import { addRecoveryCommands } from './recovery-commands.ts'
import { rebalance, type RebalanceFlags } from './rebalance.ts'
import { statusScreen } from './status.ts'
import { createToken } from './token.ts'

const DAY_MS = 86_400_000

interface GlobalOptions {
  kubeconfig?: string
  context?: string
}

const program = new Command('holdfast')
  .description('operates a Holdfast hub; for everything else there is kubectl')
  .version(HOLDFAST_VERSION)
  .option('--kubeconfig <file>', 'how to reach the hub (default: KUBECONFIG, .holdfast/kubeconfig, ~/.kube/config)')
  .option('--context <name>', 'context of the kubeconfig')

function connect(): { access: HubAccess; client: Client } {
  const { kubeconfig, context } = program.opts<GlobalOptions>()
  const path = findKubeconfig(kubeconfig, process.env)
  const config = readKubeconfig(path)
  const access = accessOf(config, path, context ?? config['current-context'])
  return { access, client: createClient(access) }
}

/** Commander says what is wrong and ends with exit code 1. */
const parsed =
  <T>(setting: Pick<Setting<T>, 'parse'>) =>
  (text: string): T => {
    try {
      return setting.parse(text)
    } catch (error) {
      throw new InvalidArgumentError(error instanceof Error ? error.message : String(error))
    }
  }

const token = program.command('token').description('tokens with which devices join')
token
  .command('create')
  .description('print one string that lets a device join: holdfast-agent join <string>')
  .option('--site <name>', 'the site of the device (label topology.kubernetes.io/zone)')
  .option('--labels <a=b,...>', 'labels of the device', parsed(pairs({}, '')), {})
  .option('--ttl <duration>', 'how long the token is good', parsed(duration(DAY_MS, '')), DAY_MS)
  .option('--uses <n>', 'how many devices may use it', parsed(integer(1, '', { min: 1, max: 1_000_000 })), 1)
  .option('--hub <host:port>', 'address under which the device reaches the hub; may be repeated', collect, [])
  .action(
    async (options: { site?: string; labels: Record<string, string>; ttl: number; uses: number; hub: string[] }) => {
      const { ttl: ttlMs, ...rest } = options
      console.log(await createToken({ ...connect(), clock: systemClock, random: systemRandom }, { ...rest, ttlMs }))
    },
  )

program
  .command('kubeconfig')
  .description('print the kubeconfig of the hub, or merge it into your own')
  .option('--merge', 'add its contexts to ~/.kube/config and make the first one the current one')
  .option(
    '--data-dir <folder>',
    "the hub's data folder, on the hub's machine",
    process.env['HOLDFAST_DATA_DIR'] ?? '/var/lib/holdfast-hub',
  )
  .action(({ merge, dataDir }: { merge?: boolean; dataDir: string }) => {
    const inData = join(dataDir, 'kubeconfig')
    const source =
      program.opts<GlobalOptions>().kubeconfig ?? (existsSync(inData) ? inData : findKubeconfig(undefined, process.env))
    const config = readKubeconfig(source)
    if (merge) mergeIntoOwn(config)
    else process.stdout.write(toYaml(config))
  })

function mergeIntoOwn(config: Kubeconfig): void {
  const target = userKubeconfig(process.env)
  writeKubeconfig(target, existsSync(target) ? mergeKubeconfig(readKubeconfig(target), config) : config)
  console.log(`contexts ${config.contexts.map(({ name }) => name).join(', ')} are now in ${target}`)
}

program
  .command('nodes')
  .description('every device, its state and how old that knowledge is')
  .action(async () => {
    const { client } = connect()
    const [nodes, beats] = await Promise.all([listOf<Node>(client, '/api/v1/nodes'), lastBeats(client)])
    console.log(
      nodes.length > 0
        ? nodesTable(nodes, beats, systemClock.wallMs())
        : 'no devices yet: `holdfast token create` makes a token',
    )
  })

program
  .command('status')
  .description('one screen: hub, devices, workloads, and what is not as it should be and why')
  .action(async () => {
    const { access, client } = connect()
    const [version, nodes, beats, deployments, daemonSets, pods, recoveryNote] = await Promise.all([
      client.get<{ gitVersion: string }>('/version'),
      listOf<Node>(client, '/api/v1/nodes'),
      lastBeats(client),
      listOf<Deployment>(client, '/apis/apps/v1/deployments'),
      listOf<DaemonSet>(client, '/apis/apps/v1/daemonsets'),
      listOf<Pod>(client, '/api/v1/pods'),
      readNote(client),
    ])
    const fleet = { nodes, beats, deployments, daemonSets, pods, recoveryNote }
    console.log(statusScreen({ server: access.server, version: version.gitVersion, ...fleet }, systemClock.wallMs()))
  })

addRecoveryCommands(program, connect)

program
  .command('rebalance')
  .description('move pods to devices that have fewer of their kind, one at a time, as far as disruption budgets allow')
  .option('--dry-run', 'only say what would move, and why the rest stays', false)
  .option('--max <n>', 'pods to move at most', parsed(integer(10, '', { min: 1, max: 1_000 })), 10)
  .option('--delete-emptydir-data', 'also pods with emptyDir volumes, which lose what is in these', false)
  .action((flags: RebalanceFlags) =>
    rebalance({ client: connect().client, clock: systemClock, print: (line) => console.log(line) }, flags),
  )

async function listOf<T extends KubeObject>(client: Client, path: string): Promise<readonly T[]> {
  return (await client.get<{ items: readonly T[] }>(path)).items
}

async function lastBeats(client: Client): Promise<LastBeats> {
  const path = '/apis/metrics.k8s.io/v1beta1/nodes'
  const { items } = await client.get<{ items: readonly { metadata: { name: string }; timestamp: string }[] }>(path)
  return new Map(items.map(({ metadata, timestamp }) => [metadata.name, timestamp]))
}

function collect(value: string, before: readonly string[]): string[] {
  return [...before, value]
}

try {
  await program.parseAsync()
} catch (error) {
  console.error(`holdfast: ${error instanceof Error ? error.message : String(error)}`)
  process.exitCode = error instanceof CliError || error instanceof ApiError ? 1 : 2
}
