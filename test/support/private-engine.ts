// private-engine.ts - a Docker daemon of a test's own, with a bridge of its own, that may be killed
import { execFileSync, spawn, type ChildProcess } from 'node:child_process'
import { closeSync, mkdtempSync, openSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { systemRandom } from '../../shared/random.ts'
import { createEngine, type Engine } from './engine.ts'
import { eventually } from './eventually.ts'
import { findProgram, skipFor } from './require.ts'

export interface PrivateEngine extends Engine {
  /** For DOCKER_HOST. */
  readonly host: string
  readonly state: 'up' | 'hanging' | 'down'
  kill9(): Promise<void>
  /** It takes what is asked and does nothing, until `goOn`. */
  hang(): void
  goOn(): void
  /** With the same folders; live-restore unless told otherwise. */
  start(flags?: readonly string[]): Promise<void>
  remove(): Promise<void>
}

/** Unpacking and iptables take their time on a loaded machine. */
const START_WITHIN_MS = 60_000

/** Why tests with one cannot run here; undefined when they can. */
export const skipPrivateEngine = (): string | undefined => skipFor('dockerd', whyNot())

function whyNot(): string | undefined {
  if (process.getuid?.() !== 0) return 'starting a Docker daemon needs root'
  const missing = ['dockerd', 'ip'].filter((name) => !findProgram(name))
  return missing.length > 0 ? `${missing.join(' and ')} not on this machine` : undefined
}

export async function startPrivateEngine(): Promise<PrivateEngine> {
  const dir = mkdtempSync(join(tmpdir(), 'holdfast-engine-'))
  const host = `unix://${join(dir, 'docker.sock')}`
  const number = 1 + Math.floor(systemRandom.float() * 250)
  // Names of interfaces have 15 letters at most; addresses from the block that RFC 2544 keeps for tests.
  const bridge = `hfe2e${number}`
  execFileSync('ip', ['link', 'add', 'name', bridge, 'type', 'bridge'])
  execFileSync('ip', ['addr', 'add', `198.18.${number}.1/24`, 'dev', bridge])
  execFileSync('ip', ['link', 'set', bridge, 'up'])
  const engine = createEngine(host)
  let daemon: ChildProcess | undefined
  let isHanging = false
  let ended = Promise.resolve()
  const answers = () =>
    engine.client.call({ method: 'GET', path: '/version' }).then(
      () => true,
      () => false,
    )
  const start = async (flags: readonly string[] = ['--live-restore']) => {
    const log = openSync(join(dir, 'log'), 'a')
    const folders = ['--data-root', join(dir, 'data'), '--exec-root', join(dir, 'exec'), '--pidfile', join(dir, 'pid')]
    // No iptables: rules of a daemon that is killed would stay.
    const network = ['--bridge', bridge, '--iptables=false', '--ip-masq=false']
    // A pid file of a killed daemon may name a process that is somebody else by now.
    rmSync(join(dir, 'pid'), { force: true })
    const child = spawn('dockerd', ['--host', host, ...folders, ...network, ...flags], { stdio: ['ignore', log, log] })
    closeSync(log)
    daemon = child
    ended = new Promise<void>((resolve) => child.on('close', () => resolve()))
    await eventually(async () => {
      if (child.exitCode !== null) throw new Error(readFileSync(join(dir, 'log'), 'utf8').slice(-2_000))
      return answers()
    }, START_WITHIN_MS)
  }
  const hang = () => {
    daemon?.kill('SIGSTOP')
    isHanging = true
  }
  const goOn = () => {
    daemon?.kill('SIGCONT')
    isHanging = false
  }
  const end = async (signal: NodeJS.Signals) => {
    daemon?.kill(signal)
    // One that hangs hears nothing but a KILL.
    goOn()
    await ended
    endContainerd(dir)
  }
  const remove = async () => {
    await end('SIGTERM')
    execFileSync('ip', ['link', 'delete', bridge])
    unmountBelow(dir)
    rmSync(dir, { recursive: true, force: true })
  }
  try {
    await start()
  } catch (error) {
    await remove()
    throw error
  }
  return {
    ...{ ...engine, host, start, hang, goOn, remove },
    get state() {
      if (daemon?.exitCode !== null || daemon.signalCode !== null) return 'down'
      return isHanging ? 'hanging' : 'up'
    },
    kill9: () => end('SIGKILL'),
  }
}

/** It dies with its daemon, but a new daemon would wait for ever for a process that has its number by now. */
function endContainerd(dir: string): void {
  const pidFile = join(dir, 'exec/containerd/containerd.pid')
  try {
    process.kill(Number(readFileSync(pidFile, 'utf8')), 'SIGKILL')
  } catch {
    // It has ended already, as it should.
  }
  rmSync(pidFile, { force: true })
}

/** A daemon that was killed leaves mounts behind. */
function unmountBelow(dir: string): void {
  const mounts = readFileSync('/proc/mounts', 'utf8')
    .split('\n')
    .map((line) => line.split(' ')[1] ?? '')
  for (const path of mounts.filter((one) => one.startsWith(`${dir}/`)).toReversed())
    execFileSync('umount', ['-l', path])
}
