// docker-usage.ts - CPU time and memory of containers: kernel files when they are in reach, else the engine's stats
import type { Clock } from '../../shared/clock.ts'
import { cgroupUsage, type CgroupUsage } from './cgroup-usage.ts'
import type { DockerClient, Dockerode } from './docker-client.ts'
import { asUnavailable, isStatus } from './docker-errors.ts'
import { inParallel } from './in-parallel.ts'
import type { Runtime } from './runtime.ts'

export interface DockerUsageDeps {
  client: DockerClient
  clock: Clock
  inspect: (id: string) => Promise<Dockerode.ContainerInspectInfo | undefined>
}

const AT_ONCE = 8
/** Containers come and go; forgetting a pid costs one inspect. */
const REMEMBERED_MAX = 1_000

export function createDockerUsage({ client, clock, inspect }: DockerUsageDeps): Pick<Runtime, 'usage'> {
  /** Safe to remember: a pid that was used again is in another control group, which the reader checks. */
  const pids = new Map<string, number>()
  const fromFiles = async (id: string): Promise<CgroupUsage | 'gone' | undefined> => {
    const remembered = pids.get(id)
    const known = remembered === undefined ? undefined : await cgroupUsage(id, remembered)
    if (known) return known
    const pid = (await inspect(id))?.State.Pid
    if (!pid) return 'gone'
    if (pids.size >= REMEMBERED_MAX) pids.clear()
    pids.set(id, pid)
    return cgroupUsage(id, pid)
  }
  const sample = async (id: string) => {
    const seen = (await fromFiles(id)) ?? (await fromStats(client, id))
    return seen === undefined || seen === 'gone' ? [] : [{ id, ...seen, sampledAtMonoMs: clock.monoMs() }]
  }
  return { usage: async (ids) => (await inParallel(ids, AT_ONCE, sample)).flat() }
}

/** What we read of the documented answer; the engines leave out what they do not know. */
interface Stats {
  cpu_stats?: { cpu_usage?: { total_usage?: number } }
  memory_stats?: { usage?: number; stats?: Readonly<Record<string, number>> }
}

async function fromStats(client: DockerClient, id: string): Promise<CgroupUsage | undefined> {
  try {
    const query = { stream: false, 'one-shot': true }
    const stats = (await client.call({ method: 'GET', path: `/containers/${id}/stats`, query })) as Stats
    const { usage = 0, stats: details = {} } = stats.memory_stats ?? {}
    const inactive = details['inactive_file'] ?? details['total_inactive_file'] ?? 0
    return { cpuNanos: stats.cpu_stats?.cpu_usage?.total_usage ?? 0, memoryBytes: Math.max(0, usage - inactive) }
  } catch (error) {
    if (isStatus(error, 404, 409)) return undefined
    throw asUnavailable(error)
  }
}
