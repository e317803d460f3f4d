// hub-process.ts - one hub as an operator knows it: files, a start, a stop, and a crash that leaves only the files
import { cpSync, mkdtempSync } from 'node:fs'
import { join } from 'node:path'
import { accessOf, readKubeconfig, type HubAccess } from '../../../hub/cli/kubeconfig-file.ts'
import { hubSettings, type HubConfig } from '../../../hub/config.ts'
import { createHub, type Hub } from '../../../hub/hub.ts'
import { createSqliteJournal } from '../../../hub/store/sqlite-journal.ts'
import { systemClock } from '../../../shared/clock.ts'
import type { Log } from '../../../shared/log.ts'
import { systemRandom } from '../../../shared/random.ts'
import { resolveSettings } from '../../../shared/settings.ts'

export interface HubProcess {
  /** The one that runs; throws while none does. */
  readonly hub: Hub
  readonly isRunning: boolean
  readonly access: HubAccess
  readonly viewer: HubAccess
  readonly apiPort: number | undefined
  readonly mqttPort: number | undefined
  start(): Promise<void>
  stop(): Promise<void>
  /** As kill -9 leaves it: the next start finds the files as they are at this moment. Cut its connections in the same turn. */
  crash(): void
  close(): Promise<void>
}

/** The fastest that agents beat. */
export const BEAT_EVERY_MS = 1_000

export function createHubProcess(root: string, settings: Partial<HubConfig>, log: Log): HubProcess {
  let dataDir = mkdtempSync(join(root, 'hub-'))
  let running: Hub | undefined
  /** Crashed ones end behind the scenes, on files that nobody uses any more. */
  const dead: Promise<void>[] = []

  const configOf = (): HubConfig => ({
    ...resolveSettings(hubSettings, { flags: {}, environment: {}, readFile: String }).values,
    apiListen: { host: '127.0.0.1', port: 0 },
    mqttListen: { host: '127.0.0.1', port: 0 },
    advertise: ['127.0.0.1'],
    beatEvery: BEAT_EVERY_MS,
    ...settings,
    dataDir,
  })
  const access = (user: string) => {
    const path = join(dataDir, 'kubeconfig')
    return accessOf(readKubeconfig(path), path, user)
  }

  return {
    get hub() {
      if (!running) throw new Error('no hub runs')
      return running
    },
    get isRunning() {
      return running !== undefined
    },
    get access() {
      return access('admin')
    },
    get viewer() {
      return access('viewer')
    },
    get apiPort() {
      return running && Number(new URL(running.apiUrl).port)
    },
    get mqttPort() {
      return running?.mqttPort
    },
    async start() {
      const deps = { clock: systemClock, random: systemRandom, log }
      const journal = createSqliteJournal({ path: join(dataDir, 'hub.db'), ...deps })
      const hub = await createHub({
        ...deps,
        config: configOf(),
        journal,
        onFatal: (error) => log.error({ error }, 'the hub must end'),
      })
      await hub.start()
      running = hub
    },
    async stop() {
      const stopping = running
      running = undefined
      await stopping?.stop()
    },
    crash() {
      const crashed = running
      const left = dataDir
      running = undefined
      dataDir = mkdtempSync(join(root, 'hub-'))
      cpSync(left, dataDir, { recursive: true, filter: (path) => !path.endsWith('-shm') })
      if (crashed) dead.push(Promise.resolve(crashed.stop()))
    },
    async close() {
      const stopping = running
      running = undefined
      await stopping?.stop()
      await Promise.all(dead)
    },
  }
}
