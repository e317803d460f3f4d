// host-path.ts - what of the device's own files a pod may see: the device's word, which the hub cannot change
import { existsSync, lstatSync, mkdirSync, realpathSync, statSync, writeFileSync, type Stats } from 'node:fs'
import { basename, dirname, isAbsolute, join, normalize, sep } from 'node:path'
import { VolumeError } from './volume-content.ts'

export interface HostPathPolicy {
  /** Folders (and what is below them) or single files. Empty: nothing. */
  hostPathAllowed: readonly string[]
}

/** Whoever can talk to the runtime owns the device: these need to be named one by one. */
const RUNTIME_SOCKETS = ['docker.sock', 'podman.sock', 'containerd.sock', 'crio.sock']

/** The path to mount, with all links followed. Throws VolumeError. `kept` is the agent's own folder: its keys are never shown. */
export function hostPath(path: string, type: string | undefined, policy: HostPathPolicy, kept: string): string {
  if (!isAbsolute(path) || path.includes('\0') || path.split('/').includes('..'))
    throw new VolumeError(`hostPath ${JSON.stringify(path)} is not an absolute path`)
  const real = followed(normalize(path))
  refuse(path, real, policy, followed(kept))
  create(real, type)
  const found = statSync(real, { throwIfNoEntry: false })
  const problem = typeProblem(found, type)
  if (problem) throw new VolumeError(`hostPath type check failed: ${path} ${problem}`)
  return real
}

function refuse(path: string, real: string, { hostPathAllowed }: HostPathPolicy, kept: string) {
  const allowed = hostPathAllowed.map((root) => followed(normalize(root)))
  const isNamed = allowed.includes(real)
  const isAllowed = isNamed || allowed.some((root) => isBelow(real, root))
  if (!isAllowed) throw new VolumeError(`hostPath ${path} is not allowed on this device (its setting hostPathAllowed)`)
  const isSocket = RUNTIME_SOCKETS.includes(basename(real))
  if (isSocket && !isNamed)
    throw new VolumeError(
      `hostPath ${path} is the socket of a container runtime: this device must name it in hostPathAllowed`,
    )
  if (real === kept || isBelow(real, kept)) throw new VolumeError(`hostPath ${path} is the agent's own folder`)
}

const isBelow = (path: string, root: string) => path.startsWith(root.endsWith(sep) ? root : root + sep)

/** The real path of what is there, and the rest as written: links cannot lead out of an allowed folder. */
function followed(path: string): string {
  if (existsSync(path)) return realpathSync(path)
  // A link that leads nowhere yet could lead anywhere later.
  if (lstatSync(path, { throwIfNoEntry: false })?.isSymbolicLink())
    throw new VolumeError(`${path} is a link that leads nowhere`)
  const parent = dirname(path)
  return parent === path ? path : join(followed(parent), basename(path))
}

function create(real: string, type: string | undefined) {
  if (existsSync(real)) return
  // Without a type the runtimes upstream make a folder too.
  if (!type || type === 'DirectoryOrCreate') mkdirSync(real, { recursive: true, mode: 0o755 })
  if (type === 'FileOrCreate') writeFileSync(real, '', { mode: 0o644, flag: 'a' })
}

function typeProblem(found: Stats | undefined, type: string | undefined): string | undefined {
  if (!found) return 'does not exist'
  switch (type) {
    case 'Directory':
    case 'DirectoryOrCreate':
      return found.isDirectory() ? undefined : 'is not a directory'
    case 'File':
    case 'FileOrCreate':
      return found.isFile() ? undefined : 'is not a file'
    case 'Socket':
      return found.isSocket() ? undefined : 'is not a socket file'
    case 'CharDevice':
      return found.isCharacterDevice() ? undefined : 'is not a character device'
    case 'BlockDevice':
      return found.isBlockDevice() ? undefined : 'is not a block device'
    default:
      return undefined
  }
}
