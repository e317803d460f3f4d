// purge.ts - `holdfast-agent purge`: stops and removes everything that this agent runs, and its data
import { rmSync } from 'node:fs'
import { join } from 'node:path'
import { sleep, type Clock } from '../../shared/clock.ts'
import { cacheFolder } from '../cache/disk.ts'
import { fenceFolder } from '../fence/fence-process.ts'
import { findMemoryDir } from '../reconcile/volumes.ts'
import type { ObservedContainer, Runtime } from '../runtime/runtime.ts'
import { isOpenSomewhere } from './open-file.ts'

export interface PurgeCommand {
  dataDir: string
  runtimes: readonly Runtime[]
  clock: Clock
  print(text: string): void
}

/** Workloads get a moment to end by themselves; whoever purges does not want to wait for long. */
const GRACE_MS = 5_000
const LOOK_EVERY_MS = 100

export async function purgeCommand({ dataDir, runtimes, clock, print }: PurgeCommand): Promise<void> {
  // It would make again what is removed here, from a store that is gone.
  if (isOpenSomewhere(join(cacheFolder(dataDir), 'agent.sqlite')))
    throw new Error(`the agent of ${dataDir} runs: stop it first (systemctl stop holdfast-agent)`)
  for (const runtime of runtimes) {
    await runtime.start()
    try {
      const containers = await runtime.list()
      await endAll(runtime, containers, clock)
      for (const { id } of containers) await runtime.removeContainer(id, { force: true })
      if (containers.length > 0)
        print(`removed ${containers.length} ${runtime.name === 'docker' ? 'containers' : 'processes'}\n`)
    } finally {
      await runtime.stop()
    }
  }
  // Its orders gone, it ends by itself.
  rmSync(fenceFolder(dataDir), { recursive: true, force: true })
  // Secrets of pods are in memory.
  const memoryDir = findMemoryDir(dataDir)
  if (memoryDir !== undefined) rmSync(memoryDir, { recursive: true, force: true })
  rmSync(dataDir, { recursive: true, force: true })
  print(`removed ${dataDir}; the hub forgets this device with \`kubectl delete node\`\n`)
}

async function endAll(runtime: Runtime, containers: readonly ObservedContainer[], clock: Clock): Promise<void> {
  const running = containers.filter(({ state }) => state === 'running')
  await Promise.all(running.map(({ id }) => runtime.signalContainer(id, 'SIGTERM')))
  const deadlineMs = clock.monoMs() + GRACE_MS
  while (clock.monoMs() < deadlineMs) {
    const states = await Promise.all(running.map(({ id }) => runtime.inspect(id)))
    if (states.every((container) => container?.state !== 'running')) return
    await sleep(clock, LOOK_EVERY_MS)
  }
}
