// demo.ts - `npm start`: a hub and a device on this machine, with a first workload; `npm run clean`: all of it gone
import { spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { hostname } from 'node:os'
import { join } from 'node:path'
import { systemClock } from '../../shared/clock.ts'
import { findDockerAddress, type DockerAddress } from '../../shared/docker-address.ts'
import { systemRandom } from '../../shared/random.ts'
import { createClient, type Client } from './client.ts'
import { CliError } from './cli-error.ts'
import { banner } from './demo/banner.ts'
import { doesAnswer, ensureHelloImage, removeHelloImage } from './demo/hello-image.ts'
import { demandFree, parsePorts, tryToListen, type DemoPorts } from './demo/ports.ts'
import { createOrphans, type Orphans } from './demo/orphans.ts'
import { startProgram, type Program } from './demo/program.ts'
import { readWorkload, untilNodeReady, untilSettled, withPort, type Fate } from './demo/workload.ts'
import { accessOf, readKubeconfig, type HubAccess } from './kubeconfig-file.ts'
import { createToken } from './token.ts'

const DAY_MS = 86_400_000
/** As manifests/hello-container.yaml has it. */
const CONTAINER_PORT = 8081

interface Places {
  root: string
  data: string
  kubeconfig: string
  lock: string
  /** Of hub and agent, while they run. */
  pids: string
  /** A file that says that the device has had a container engine. */
  engineUsed: string
}

const placesIn = (root: string): Places => {
  const data = join(root, '.holdfast')
  return {
    ...{ root, data, kubeconfig: join(data, 'kubeconfig'), lock: join(data, 'pid') },
    engineUsed: join(data, 'engine-used'),
    pids: join(data, 'programs'),
  }
}

const orphansOf = ({ data, pids }: Places) => createOrphans({ file: pids, mark: data, clock: systemClock })

const say = (line: string) => console.log(line)

export async function startDemo(root: string, args: readonly string[]): Promise<void> {
  const places = placesIn(root)
  const programs: Program[] = []
  const orphans = orphansOf(places)
  let isStopping = false
  // Not before it is ours: that of another one stays.
  let isLocked = false
  const stopAll = async () => {
    isStopping = true
    for (let program = programs.pop(); program; program = programs.pop()) await program.stop()
    if (!isLocked) return
    orphans.forget()
    rmSync(places.lock, { force: true })
  }
  try {
    const ports = parsePorts(args)
    takeLock(places)
    isLocked = true
    const stopped = new Promise<void>((resolve) => {
      for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => resolve())
    })
    const run = async () => {
      await endOrphans(orphans)
      await bringUp(places, ports, (program) => {
        programs.push(program)
        if (program.pid !== undefined) orphans.note(program.pid)
      })
      await Promise.race(
        programs.map(({ ended, name }) => ended.then(() => fail(`the ${name} has ended; look into .holdfast`))),
      )
    }
    const running = run().catch((error: unknown) => (isStopping ? undefined : Promise.reject(error)))
    await Promise.race([stopped, running])
    await stopAll()
    say('\nHub and agent have stopped; what they run goes on. `npm start` resumes, `npm run clean` removes everything.')
  } catch (error) {
    await stopAll()
    console.error(`holdfast: ${error instanceof Error ? error.message : String(error)}`)
    process.exitCode = 1
  }
}

async function endOrphans(orphans: Orphans): Promise<void> {
  if ((await orphans.end()) > 0)
    say('An earlier npm start was killed; the hub and agent that it left have been stopped.')
}

const fail = (message: string): never => {
  throw new CliError(message)
}

/** One demo in a folder: two hubs on one store would be refused anyway, with a worse message. */
function takeLock({ data, lock }: Places): void {
  try {
    mkdirSync(data, { recursive: true, mode: 0o700 })
  } catch (error) {
    fail(
      `cannot write into ${data}: ${error instanceof Error ? error.message : String(error)}; check who owns this folder`,
    )
  }
  const other = existsSync(lock) ? Number(readFileSync(lock, 'utf8')) : 0
  if (other && isAlive(other))
    fail(`it runs here already (process ${other}): stop that one with Ctrl-C, or \`kill ${other}\``)
  writeFileSync(lock, String(process.pid))
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch {
    return false // no such process: the lock is a leftover
  }
}

async function bringUp(places: Places, ports: DemoPorts, add: (program: Program) => void): Promise<void> {
  await demandFree(ports.api, 'API', 'api-port')
  await demandFree(ports.mqtt, 'MQTT', 'mqtt-port')
  const hub = startProgram(
    'hub',
    join(places.root, 'hub/holdfast-hub.sh'),
    hubFlags(places, ports),
    join(places.data, 'hub.log'),
  )
  add(hub)
  await hub.ready
  const access = accessOf(readKubeconfig(places.kubeconfig), places.kubeconfig)
  const client = createClient(access)
  const agent = await startAgent(places, client, access)
  add(agent)
  await agent.ready
  const node = await untilNodeReady(client, systemClock)
  const { labels = {}, name } = node.metadata
  const containers = labels['holdfast.dev/runtime-docker'] === 'true'
  say(
    `This machine is node ${name}; it runs plain processes${containers ? ` and containers (${node.status?.nodeInfo?.containerRuntimeVersion})` : ', no containers: neither Docker nor Podman answers'}.`,
  )
  const hello = await runHello(places, ports, client)
  const container = containers ? await tryContainer(places, client) : undefined
  say(banner({ server: access.server, kubeconfig: places.kubeconfig, hello, container }))
}

const hubFlags = ({ data, kubeconfig }: Places, { api, mqtt }: DemoPorts) => [
  ...['--data-dir', join(data, 'hub')],
  ...['--api-listen', `127.0.0.1:${api}`],
  ...['--mqtt-listen', `127.0.0.1:${mqtt}`],
  ...['--advertise', '127.0.0.1'],
  ...['--kubeconfig', kubeconfig],
]

async function startAgent(places: Places, client: Client, access: HubAccess): Promise<Program> {
  const { root, data } = places
  const folder = join(data, 'agent')
  const flags = ['--data-dir', folder, '--node-name', demoNodeName(), ...(await engineFlags(places))]
  const isMember = ['identity.json', 'identity.copy.json'].some((name) => existsSync(join(folder, name)))
  const options = { hub: [], labels: {}, ttlMs: DAY_MS, uses: 1 }
  const join_ = isMember
    ? []
    : ['join', await createToken({ client, access, clock: systemClock, random: systemRandom }, options)]
  return startProgram('agent', join(root, 'dist/agent.cjs'), [...join_, ...flags], join(data, 'agent.log'))
}

/** No engine is needed: one that does not answer is left alone, unless something of ours may be on it. */
async function engineFlags({ engineUsed }: Places): Promise<string[]> {
  if (await findEngine()) writeFileSync(engineUsed, '')
  return existsSync(engineUsed) ? [] : ['--docker-host', 'none']
}

const demoNodeName = () =>
  hostname()
    .toLowerCase()
    .replace(/[^a-z0-9-]/g, '-')
    .replace(/^-+|-+$/g, '')
    .slice(0, 63) || 'this-machine'

function runHello({ root, data }: Places, { hello }: DemoPorts, client: Client): Promise<Fate> {
  const workload = readWorkload(
    join(root, 'manifests/hello.yaml'),
    {
      marker: join(data, 'hello-applied'),
      prepare: async (isNew) => (isNew ? demandFree(hello, 'hello', 'hello-port') : undefined),
    },
    withPort(hello),
  )
  return untilSettled(client, systemClock, workload)
}

/** Nice to have: where it fails, a line says why, and the demo goes on. */
async function tryContainer({ root, data }: Places, client: Client): Promise<Fate | undefined> {
  const engine = await findEngine()
  if (!engine) return undefined
  const workload = readWorkload(join(root, 'manifests/hello-container.yaml'), {
    marker: join(data, 'hello-container-applied'),
    async prepare(isNew) {
      if (isNew && (await tryToListen(CONTAINER_PORT)) !== undefined) fail(`port ${CONTAINER_PORT} cannot be used`)
      await ensureHelloImage(engine)
    },
  })
  try {
    return await untilSettled(client, systemClock, workload)
  } catch (error) {
    say(`No container runs beside it: ${error instanceof Error ? error.message : String(error)}`)
    return undefined
  }
}

/** Undefined when none answers, also when DOCKER_HOST names one of a kind that we do not speak with. */
async function findEngine(): Promise<DockerAddress | undefined> {
  try {
    const engine = findDockerAddress(process.env, existsSync)
    return engine && (await doesAnswer(engine)) ? engine : undefined
  } catch {
    return undefined
  }
}

/** Stops what the demo runs, containers included, and removes its data. */
export async function cleanDemo(root: string): Promise<void> {
  const places = placesIn(root)
  const { data, lock } = places
  const pid = existsSync(lock) ? Number(readFileSync(lock, 'utf8')) : 0
  if (pid && isAlive(pid)) {
    console.error(`holdfast: npm start still runs (process ${pid}): stop it with Ctrl-C first`)
    process.exit(1)
  }
  await endOrphans(orphansOf(places))
  if (existsSync(join(data, 'agent'))) {
    const flags = ['--data-dir', join(data, 'agent'), ...(await engineFlags(places))]
    const { status } = spawnSync(process.execPath, [join(root, 'dist/agent.cjs'), 'purge', ...flags], {
      stdio: 'inherit',
    })
    if (status !== 0) {
      console.error('holdfast: what the device runs could not be removed, as said above: mend that and try again')
      process.exit(1)
    }
  }
  const engine = await findEngine()
  if (engine) await removeHelloImage(engine).catch((error: unknown) => say(`the demo's image stays: ${String(error)}`))
  rmSync(data, { recursive: true, force: true })
  say('Everything that npm start made is gone.')
}
