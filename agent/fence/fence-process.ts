// fence-process.ts - the fence's folder in memory: its orders, its script, and the process that outlives the agent
import { spawn } from 'node:child_process'
import { accessSync, constants, mkdirSync, readFileSync, renameSync, rmSync, statfsSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { sha256Hex } from '../../shared/hash.ts'
import { FENCE_SCRIPT } from './fence-script.ts'

/** What the fence is told, and that it is there to hear it. A simulator brings its own. */
export interface FenceProcess {
  /** Undefined: nothing was told since the device was switched on. */
  orders(): string | undefined
  /** Whole or not at all; undefined ends the fence. Throws when it cannot be written. */
  order(text: string | undefined): void
  /** Starts it when it does not run. Throws when it cannot. */
  ensure(): void
}

/** The type that statfs says of a tmpfs. */
const TMPFS = 0x01021994
const MEMORY_FOLDERS = ['/run', '/dev/shm']

/** In memory: orders are renewed every few seconds, and mean nothing after a power cut. On a device without, on disk. */
export function fenceFolder(dataDir: string): string {
  const memory = MEMORY_FOLDERS.find(isWritableMemory)
  return memory ? join(memory, `holdfast-fence-${sha256Hex(dataDir).slice(0, 12)}`) : join(dataDir, 'fence')
}

export function createFenceProcess(folder: string): FenceProcess {
  const paths = { orders: join(folder, 'orders'), script: join(folder, 'fence.sh'), pid: join(folder, 'pid') }
  let startedPid: number | undefined

  const isFence = (pid: number) => read(`/proc/${pid}/cmdline`)?.split('\0').includes(paths.script) ?? false
  const runs = () => [startedPid, Number(read(paths.pid))].some((pid) => pid !== undefined && pid > 0 && isFence(pid))

  return {
    orders: () => read(paths.orders),
    order(text) {
      if (text === undefined) return rmSync(paths.orders, { force: true })
      mkdirSync(folder, { recursive: true, mode: 0o700 })
      writeFileSync(`${paths.orders}.new`, text, { mode: 0o600 })
      renameSync(`${paths.orders}.new`, paths.orders)
    },
    ensure() {
      if (runs()) return
      writeFileSync(paths.script, FENCE_SCRIPT, { mode: 0o700 })
      const env = { PATH: process.env['PATH'] ?? '/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin' }
      const child = spawn('/bin/sh', [paths.script, folder], { detached: true, stdio: 'ignore', env })
      startedPid = child.pid
      // What it means is said below; the event must have a listener.
      child.once('error', () => undefined)
      child.unref()
      if (startedPid === undefined) throw new Error('the fence could not be started: /bin/sh did not run')
    },
  }
}

function isWritableMemory(folder: string): boolean {
  try {
    accessSync(folder, constants.W_OK)
    return statfsSync(folder).type === TMPFS
  } catch {
    return false // not there, or not ours to write: the next one
  }
}

function read(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8')
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? error.code : undefined
    if (code === 'ENOENT' || code === 'ESRCH') return undefined
    throw error
  }
}
