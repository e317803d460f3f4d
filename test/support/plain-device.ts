// plain-device.ts - a hub and one device as real programs that run plain processes: needs neither engine nor kubectl
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Test } from 'tap'
import { readStat } from '../../agent/runtime/proc.ts'
import { loadRecords } from '../../agent/runtime/process-record.ts'
import { startAgentProcess, type AgentProcess } from './agent-process.ts'
import { createApiClient, type ApiClient } from './cluster/api-client.ts'
import { startHubProcess, type HubProcess } from './hub-process.ts'

export interface PlainDevice {
  readonly hub: HubProcess
  readonly agent: AgentProcess
  readonly api: ApiClient
  /** "pid start-time" of what runs here; the same again is the very same process. */
  running(): string[]
}

const NO_ENGINE = { containersOf: async () => [], removeContainersOf: async () => undefined }

/** Everything is gone when the test has ended. */
export async function startPlainDevice(t: Test): Promise<PlainDevice> {
  const dir = mkdtempSync(join(tmpdir(), 'holdfast-plain-'))
  t.teardown(() => rmSync(dir, { recursive: true, force: true }))
  const hub = await startHubProcess({ dir: join(dir, 'hub'), flags: [] })
  t.teardown(() => hub.remove())
  const folder = join(dir, 'device')
  mkdirSync(folder)
  const agent = await startAgentProcess({
    ...{ dir: folder, nodeName: 'plain-1', token: await hub.token(), dockerHost: 'none', flags: [], engine: NO_ENGINE },
  })
  t.teardown(async () => {
    if (!t.passing()) t.comment(`--- hub\n${hub.logs()}\n--- device\n${agent.logs()}`)
    await agent.remove()
  })
  await agent.ready()
  const { token, caPem } = hub.admin()
  const api = createApiClient({ url: hub.url, tokens: { admin: token }, caPem })
  t.teardown(() => api.close())
  const running = () =>
    loadRecords(join(agent.dataDir, 'processes')).records.flatMap(({ run }) => {
      const stat = run?.pid === undefined ? undefined : readStat(run.pid)
      return stat && !stat.isZombie && stat.startTicks === run?.startTicks ? [`${stat.pid} ${stat.startTicks}`] : []
    })
  return { hub, agent, api, running }
}
