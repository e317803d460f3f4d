#!/usr/bin/env node
// main.ts - `holdfast-hub`: reads the settings, starts the hub, stops it on a signal
import * as fs from 'node:fs'
import { join } from 'node:path'
import { helpText, parseCommandLine } from '../shared/command-line.ts'
import { systemClock } from '../shared/clock.ts'
import { prepareDataFolder } from '../shared/data-folder.ts'
import { createLog } from '../shared/log.ts'
import { systemRandom } from '../shared/random.ts'
import { printSettings, resolveSettings } from '../shared/settings.ts'
import { startError } from '../shared/start-error.ts'
import { HOLDFAST_VERSION } from '../shared/version.ts'
import { parseYaml } from '../shared/yaml.ts'
import { hubSettings, type HubConfig } from './config.ts'
import { rotateSigningKey } from './fleet/signing-keys.ts'
import { createHub } from './hub.ts'
import { createSleptMs } from './machine-sleep.ts'
import { restoreCommand } from './restore-command.ts'
import { createSqliteJournal } from './store/sqlite-journal.ts'

const USAGE = `Usage: holdfast-hub [command] [--config hub.yaml] [settings]

  (no command)    run: API, scheduler, store and MQTT broker in one process
  restore <file>  put a backup (made by \`holdfast backup\`) in the place of the store of a hub that does not run
  rotate-signing-key [compromised]
                  sign with a new key from the next start on; needs pki/root.key. With "compromised", nothing that the
                  old keys have signed is believed any more`

function fail(error: unknown): never {
  process.stderr.write(startError('holdfast-hub', error, '--api-listen or --mqtt-listen'))
  process.exit(1)
}

async function run(config: HubConfig): Promise<void> {
  const log = createLog({ clock: systemClock, level: config.logLevel, write: (line) => process.stderr.write(line) })
  prepareDataFolder(config.dataDir, fs)
  const deps = { clock: systemClock, random: systemRandom, log, sleptMs: createSleptMs(systemClock) }
  const journal = createSqliteJournal({ path: join(config.dataDir, 'hub.db'), ...deps, acceptLoss: config.acceptLoss })
  const hub = await createHub({ ...deps, config, journal, backup: journal.backup, onFatal: fail })
  await hub.start()
  process.stdout.write(`ready: API ${hub.apiUrl}, MQTT on port ${hub.mqttPort}, kubeconfig ${hub.kubeconfigPath}\n`)
  let isStopping = false
  for (const signal of ['SIGINT', 'SIGTERM'] as const) {
    process.on(signal, () => {
      // The second signal is from somebody who does not want to wait.
      if (isStopping) process.exit(1)
      isStopping = true
      log.info({ signal }, 'the hub stops')
      Promise.resolve(hub.stop()).then(() => process.exit(0), fail)
    })
  }
}

async function command([name, argument, ...more]: readonly string[], config: HubConfig): Promise<void> {
  if (name === undefined) return run(config)
  if (name === 'rotate-signing-key') return rotate(config, argument)
  if (name !== 'restore') throw new Error(`unknown argument "${name}"; holdfast-hub --help shows what there is`)
  if (argument === undefined || more.length > 0) throw new Error('usage: holdfast-hub restore <file> [--data-dir ...]')
  prepareDataFolder(config.dataDir, fs)
  process.stdout.write(restoreCommand(config.dataDir, argument))
}

function rotate({ dataDir }: HubConfig, argument: string | undefined): void {
  if (argument !== undefined && argument !== 'compromised')
    throw new Error('usage: holdfast-hub rotate-signing-key [compromised] [--data-dir ...]')
  const version = rotateSigningKey(join(dataDir, 'pki'), { isCompromised: argument !== undefined })
  process.stdout.write(
    `a new key signs from the next start of the hub on (key set ${version}); devices take it when they connect\n`,
  )
}

try {
  const line = parseCommandLine(hubSettings, process.argv.slice(2))
  const readFile = (path: string) => fs.readFileSync(path, 'utf8')
  const file = line.config ? { name: line.config, content: parseYaml(readFile(line.config)).value } : undefined
  const resolved = resolveSettings(hubSettings, {
    flags: line.flags,
    environment: process.env,
    readFile,
    ...(file && { file }),
  })
  if (line.wantsHelp) process.stdout.write(`${helpText(USAGE, hubSettings)}\n`)
  else if (line.wantsVersion) process.stdout.write(`${HOLDFAST_VERSION}\n`)
  else if (line.wantsConfig) process.stdout.write(`${printSettings(hubSettings, resolved)}\n`)
  else await command(line.positionals, resolved.values)
} catch (error) {
  fail(error)
}
