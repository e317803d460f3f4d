// workshop.ts - where a measurement works: a folder, hubs, agents and fleets of its own, all gone when it ends
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { sleep, systemClock } from '../../shared/clock.ts'
import { systemRandom } from '../../shared/random.ts'
import { startAgentProcess, type AgentProcess } from '../support/agent-process.ts'
import { ensureBusyboxImage } from '../support/busybox-image.ts'
import { createApiClient, type ApiClient } from '../support/cluster/api-client.ts'
import { createEngine, type Engine } from '../support/engine.ts'
import { startHubProcess, type HubProcess } from '../support/hub-process.ts'
import { findDocker } from '../support/require.ts'
import { startSimulatedFleet, type SimulatedFleet } from './fleet/simulated-fleet.ts'

export interface BenchHub extends HubProcess {
  readonly api: ApiClient
}

export interface Workshop {
  /** Short: to see that it works, not to know. */
  readonly isQuick: boolean
  hub(flags?: readonly string[]): Promise<BenchHub>
  /** A real agent as it is shipped; on the engine where there is one. */
  agent(hub: HubProcess, options?: { tokenFlags?: readonly string[]; flags?: readonly string[] }): Promise<AgentProcess>
  fleet(hub: HubProcess, count: number): Promise<SimulatedFleet>
  /** Undefined where no container engine answers. */
  engine(): Promise<Engine | undefined>
  end(): Promise<void>
}

export function createWorkshop(isQuick: boolean): Workshop {
  const dir = mkdtempSync(join(tmpdir(), 'holdfast-bench-'))
  const run = systemRandom.uuid().slice(0, 6)
  const ends: (() => Promise<void> | void)[] = [() => rmSync(dir, { recursive: true, force: true })]
  const folder = (name: string) => {
    const path = join(dir, `${name}-${ends.length}`)
    mkdirSync(path)
    return path
  }
  const dockerHost = findDocker()
  const engine = createEngine(dockerHost ?? 'unix:///nowhere')
  return {
    isQuick,
    async hub(flags = []) {
      const hub = await startHubProcess({ dir: folder('hub'), flags: ['--log-level', 'error', ...flags] })
      ends.push(() => hub.remove())
      const { token, caPem } = hub.admin()
      const api = createApiClient({ url: hub.url, tokens: { admin: token }, caPem: caPem ?? '' })
      ends.push(() => api.close())
      // The same object, not a copy: its pid changes with each restart.
      return Object.assign(hub, { api })
    },
    async agent(hub, { tokenFlags = [], flags = [] } = {}) {
      const nodeName = `bench-${run}-${ends.length}`
      const agent = await startAgentProcess({
        ...{ dir: folder('agent'), nodeName, engine, dockerHost: dockerHost ?? 'none' },
        token: await hub.token(tokenFlags),
        flags: ['--log-level', 'error', ...flags],
      })
      ends.push(() => agent.remove())
      await agent.ready()
      return agent
    },
    async fleet(hub, count) {
      const fleet = await startSimulatedFleet(await hub.token(['--uses', String(count)]), count)
      ends.push(() => fleet.end())
      return fleet
    },
    async engine() {
      if (!dockerHost) return undefined
      await ensureBusyboxImage(engine.client)
      return engine
    },
    async end() {
      for (const end of ends.toReversed()) await Promise.resolve(end()).catch(report)
    },
  }
}

const report = (error: unknown) => console.error(`bench: something was left behind: ${String(error)}`)

/** How long something took that a check tells. Throws after the bound. */
export async function untilMs(check: () => Promise<boolean> | boolean, boundMs: number, everyMs = 50): Promise<number> {
  const began = systemClock.monoMs()
  while (!(await check())) {
    if (systemClock.monoMs() - began > boundMs) throw new Error(`not within ${boundMs / 1000} s`)
    await sleep(systemClock, everyMs)
  }
  return systemClock.monoMs() - began
}
