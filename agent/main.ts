// main.ts - `holdfast-agent`: runs the device's part; join, doctor and purge are its other commands
import * as fs from 'node:fs'
import { helpText, parseCommandLine } from '../shared/command-line.ts'
import { systemClock } from '../shared/clock.ts'
import { prepareDataFolder } from '../shared/data-folder.ts'
import { createLog, type Log } from '../shared/log.ts'
import { systemRandom } from '../shared/random.ts'
import { printSettings, resolveSettings } from '../shared/settings.ts'
import { startError } from '../shared/start-error.ts'
import { HOLDFAST_VERSION } from '../shared/version.ts'
import { createAgent, createRuntimes } from './agent.ts'
import { agentSettings, type AgentConfig } from './config.ts'
import type { Identity, Trust } from './link/identity.ts'
import { healIdentity, howToRejoin, lostIdentity, readIdentity, type FoundIdentity } from './link/identity-files.ts'
import { DESCRIBE, describeInChild } from './system/describe-child.ts'
import { readFacts } from './system/facts.ts'

const USAGE = `Usage: holdfast-agent [command] [settings]

  (no command)    run, as the node that this device has joined as
  join <token>    check everything, join the hub that made the token, and run
  doctor          check everything again, and tell what this device holds, refused and when it heard the hub
  purge           stop and remove everything that this agent runs, and its data`

const clock = systemClock
const random = systemRandom
const print = (text: string) => void process.stdout.write(text)

function fail(error: unknown): never {
  process.stderr.write(startError('holdfast-agent', error, 'another setting'))
  process.exit(1)
}

interface Self {
  identity: Identity | Trust
  damage: readonly string[]
}

async function run(config: AgentConfig, { identity, damage }: Self, log: Log): Promise<void> {
  const facts = await readFacts({ clock, dataDir: config.dataDir })
  // Only the hub wants to know: what this device must run does not wait for it.
  const description = describeInChild(childDeps(config, log))
  const runtimes = createRuntimes(config, identity.nodeName, { clock, random, log })
  const agent = createAgent({ config, identity, damage, facts, description, runtimes, clock, random, log })
  await agent.start()
  print(`ready: node ${identity.nodeName}, ${'hub' in identity ? `hub ${identity.hub.host}` : 'without an identity'}\n`)
  let isStopping = false
  for (const signal of ['SIGINT', 'SIGTERM'] as const) {
    process.on(signal, () => {
      // The second signal is from somebody who does not want to wait.
      if (isStopping) process.exit(1)
      isStopping = true
      log.info({ signal }, 'the agent stops; what it runs goes on')
      Promise.resolve(agent.stop()).then(() => process.exit(0), fail)
    })
  }
}

const ending = new AbortController()
process.once('exit', () => ending.abort())

const childDeps = ({ dataDir }: AgentConfig, log: Log) => ({
  program: process.argv[1] ?? '',
  ...{ dataDir, ending: ending.signal, clock, log },
})

async function command(name: string | undefined, argument: string | undefined, config: AgentConfig): Promise<void> {
  const { dataDir, nodeName, transport } = config
  const log = createLog({ clock, level: config.logLevel, write: (line) => process.stderr.write(line) })
  prepareDataFolder(dataDir, fs)
  const found = readUnlessRefused(name, dataDir)
  const node = trustOf(found)?.nodeName ?? ''
  switch (name) {
    case undefined:
      return run(config, whoWeAre(found, dataDir, log), log)
    case 'join': {
      if (!argument) throw new Error('usage: holdfast-agent join <token>; `holdfast token create` makes one')
      const runtimes = createRuntimes(config, node, { clock, random, log })
      const facts = { ...(await readFacts({ clock, dataDir })), ...(await describeInChild(childDeps(config, log))) }
      const { joinCommand } = await import('./commands/join.ts')
      const asked = { text: argument, dataDir, nodeName, transport }
      const identity = await joinCommand({ ...asked, runtimes, facts, clock, print })
      return run(config, { identity, damage: [] }, log)
    }
    case 'doctor': {
      const runtimes = createRuntimes(config, node, { clock, random, log })
      const { doctorCommand } = await import('./commands/doctor.ts')
      if (!(await doctorCommand({ dataDir, transport, hub: config.hub, runtimes, clock, print }))) process.exitCode = 1
      return
    }
    case 'purge': {
      if (found.kind === 'lost' && !found.trust && !nodeName)
        throw new Error('its identity is damaged: say whose work to remove: holdfast-agent purge --node-name <name>')
      const { purgeCommand } = await import('./commands/purge.ts')
      return purgeCommand({
        dataDir,
        runtimes: createRuntimes(config, node || nodeName, { clock, random, log }),
        clock,
        print,
      })
    }
    case DESCRIBE: {
      const { describeDevice } = await import('./system/describe-device.ts')
      return print(`${JSON.stringify(await describeDevice())}\n`)
    }
    default:
      throw new Error(`unknown command "${name}"; holdfast-agent --help shows what there is`)
  }
}

/** What is damaged is mended from what is whole; when nothing is, what this device holds must run all the same. */
function whoWeAre(found: FoundIdentity, dataDir: string, log: Log): Self {
  if (found.kind === 'none')
    throw new Error(`this device has not joined a hub (nothing in ${dataDir}): holdfast-agent join <token>`)
  if (found.kind === 'lost') {
    const [happened, mend] = [lostIdentity(found), howToRejoin(found)]
    if (!found.trust) throw new Error(`the identity in ${dataDir}: ${happened}; ${mend}`)
    log.error({ dataDir, happened, mend }, 'this device has lost its identity and must join again')
    return { identity: found.trust, damage: [] }
  }
  const { identity, damage } = found
  if (damage.length > 0) log.error({ damage }, 'the identity was damaged and is mended from what was whole')
  try {
    healIdentity(dataDir, identity)
  } catch (error) {
    log.error({ error }, 'the files of the identity could not be mended')
  }
  return { identity, damage }
}

const trustOf = (found: FoundIdentity): Trust | undefined =>
  found.kind === 'member' ? found.identity : found.kind === 'lost' ? found.trust : undefined

/** The doctor says itself what is wrong with it. */
function readUnlessRefused(name: string | undefined, dataDir: string): FoundIdentity {
  try {
    return readIdentity(dataDir)
  } catch (error) {
    if (name === 'doctor') return { kind: 'none' }
    throw error
  }
}

/** Most devices have no such file, and the reader of YAML is not small. */
const yamlIn = async (content: string) => (await import('../shared/yaml.ts')).parseYaml(content).value

async function main(): Promise<void> {
  const line = parseCommandLine(agentSettings, process.argv.slice(2))
  const readFile = (path: string) => fs.readFileSync(path, 'utf8')
  const file = line.config ? { name: line.config, content: await yamlIn(readFile(line.config)) } : undefined
  const sources = { flags: line.flags, environment: process.env, readFile, ...(file && { file }) }
  const resolved = resolveSettings(agentSettings, sources)
  if (line.wantsHelp) return print(`${helpText(USAGE, agentSettings)}\n`)
  if (line.wantsVersion) return print(`${HOLDFAST_VERSION}\n`)
  if (line.wantsConfig) return print(`${printSettings(agentSettings, resolved)}\n`)
  const [name, argument] = line.positionals
  return command(name, argument, resolved.values)
}

main().catch(fail)
