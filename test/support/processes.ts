// processes.ts - a hub and its agents as the real programs that users run, on a real engine, asked by a real kubectl
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Test } from 'tap'
import { systemRandom } from '../../shared/random.ts'
import { startAgentProcess, type AgentProcess } from './agent-process.ts'
import { createEngine, type Engine } from './engine.ts'
import { startHubProcess, type HubProcess } from './hub-process.ts'
import { createKubectl, type Kubectl } from './kubectl.ts'
import type { Host, Lan } from './netns.ts'
import { findDocker, findKubectl, skipUnless } from './require.ts'

export interface ClusterOptions {
  /** How many devices join; 2 unless told. */
  agents?: number
  hubFlags?: readonly string[]
  agentFlags?: readonly string[]
  /** Each on a host of its own, the hub on the first: their links can be cut. */
  lan?: Lan
  /** Address of the engine that the devices use; the one of the tests unless told. */
  dockerHost?: string
}

export interface Cluster {
  readonly hub: HubProcess
  readonly agents: readonly AgentProcess[]
  readonly engine: Engine
  /** The kubectl of this machine; `withKubectl` gives another one. */
  readonly kubectl: Kubectl
  /** A folder that goes with the cluster. */
  readonly dir: string
  withKubectl(program: string): Kubectl
  /** With a token of its own unless told. */
  addAgent(flags?: readonly string[], token?: string): Promise<AgentProcess>
  /** The containers of all devices. */
  containers(): ReturnType<Engine['containersOf']>
  /** What hub and agents have said, for a test that fails. */
  logs(): string
}

/** Why these tests cannot run here; undefined when they can. */
export const skipCluster = (): string | undefined =>
  skipUnless('docker', findDocker()) ?? skipUnless('kubectl', findKubectl())

/** Everything is gone when the test has ended: processes, containers, folders. */
export async function startCluster(t: Test, options: ClusterOptions = {}): Promise<Cluster> {
  const dir = mkdtempSync(join(tmpdir(), 'holdfast-e2e-'))
  const dockerHost = options.dockerHost ?? findDocker() ?? ''
  const engine = createEngine(dockerHost)
  // Several runs share an engine: each has names of its own.
  const run = systemRandom.uuid().slice(0, 6)
  const agents: AgentProcess[] = []
  const kubectls: Kubectl[] = []
  let hub: HubProcess | undefined
  t.teardown(async () => {
    if (!t.passing()) t.comment(logsOf(hub, agents))
    for (const kubectl of kubectls) kubectl.remove()
    for (const agent of agents) await agent.remove()
    await hub?.remove()
    rmSync(dir, { recursive: true, force: true })
  })
  const theHub = (hub = await startHubProcess({
    dir: join(dir, 'hub'),
    flags: options.hubFlags ?? [],
    ...placed(options.lan),
  }))
  const addAgent = async (flags: readonly string[] = [], given?: string) => {
    const nodeName = `e2e-${run}-${agents.length + 1}`
    const folder = join(dir, nodeName)
    mkdirSync(folder)
    const token = given ?? (await theHub.token())
    const all = [...(options.agentFlags ?? []), ...flags]
    const agent = await startAgentProcess({
      ...{ dir: folder, nodeName, token, dockerHost, flags: all, engine },
      ...placed(options.lan),
    })
    agents.push(agent)
    await agent.ready()
    return agent
  }
  const withKubectl = (program: string) => {
    const kubectl = createKubectl(program, theHub.admin())
    kubectls.push(kubectl)
    return kubectl
  }
  const kubectl = withKubectl(findKubectl() ?? 'kubectl')
  for (let count = options.agents ?? 2; count > 0; count--) await addAgent()
  await kubectl.ok('wait --for=condition=Ready node --all --timeout=60s')
  return {
    ...{ hub, agents, engine, kubectl, dir, withKubectl, addAgent },
    containers: async () => (await Promise.all(agents.map((agent) => agent.containers()))).flat(),
    logs: () => logsOf(hub, agents),
  }
}

const placed = (lan: Lan | undefined): { on?: Host } => (lan ? { on: lan.addHost() } : {})

const logsOf = (hub: HubProcess | undefined, agents: readonly AgentProcess[]) =>
  [`--- hub\n${hub?.logs() ?? ''}`, ...agents.map((agent) => `--- ${agent.nodeName}\n${agent.logs()}`)].join('\n')
