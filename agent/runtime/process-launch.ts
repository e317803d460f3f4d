// process-launch.ts - what a container spec means for a plain process: program, environment, folder, volumes
import { accessSync, chmodSync, chownSync, constants, mkdirSync, statSync, symlinkSync, writeFileSync } from 'node:fs'
import { delimiter, dirname, isAbsolute, join, posix } from 'node:path'
import type { ProcessFolder } from './process-record.ts'
import { StartError, type ContainerSpec, type Mount } from './runtime.ts'
import { isTerminationPathFree, isWithin } from './termination-message.ts'

export interface LaunchDeps {
  /** PATH of the agent: the program's unless the pod sets its own. */
  searchPath: string
  /** The agent's own Node, so that `command: [node, ...]` works on a device that has no other. */
  nodePath: string
}

export interface Launch {
  program: string
  args: readonly string[]
  env: Readonly<Record<string, string>>
  cwd: string
  uid?: number
  gid?: number
}

/** By this variable a process is found again whose agent died while it was starting it. */
export const CONTAINER_VARIABLE = 'HOLDFAST_CONTAINER'
/** A process sees the device's files; its volumes are below this folder: `$HOLDFAST_ROOT/etc/config`. */
const ROOT_VARIABLE = 'HOLDFAST_ROOT'

/** Throws StartError when the program is not there. The agent's own environment, with its secrets, is not passed on. */
export function planLaunch(id: string, spec: ContainerSpec, work: string, deps: LaunchDeps): Launch {
  const [name, ...args] = [...(spec.command ?? []), ...(spec.args ?? [])]
  if (name === undefined)
    throw new StartError('CreateContainerConfigError', 'a plain process needs a command: no image is used')
  const given = Object.fromEntries(spec.env)
  const env = {
    HOME: work,
    ...given,
    PATH: withNode(given['PATH'] ?? deps.searchPath, deps.nodePath),
    [ROOT_VARIABLE]: work,
    [CONTAINER_VARIABLE]: id,
  }
  const cwd = workingFolder(spec, work)
  const { runAsUser: uid, runAsGroup: gid } = spec.security
  const user = { ...(uid === undefined ? {} : { uid, gid: gid ?? uid }), ...(gid === undefined ? {} : { gid }) }
  return { program: findProgram(name, env.PATH, cwd), args, env, cwd, ...user }
}

function withNode(path: string, nodePath: string): string {
  const folder = dirname(nodePath)
  const folders = path.split(delimiter).filter((part) => part !== '')
  return folders.includes(folder) ? path : [...folders, folder].join(delimiter)
}

/** A path at or below a volume means the volume; any other absolute path is the device's own. */
function workingFolder({ workingDir, mounts }: ContainerSpec, work: string): string {
  if (workingDir === undefined || workingDir === '') return work
  const isVolume = mounts.some(({ target }) => isWithin(posix.normalize(workingDir), posix.normalize(target)))
  const folder = isVolume || !isAbsolute(workingDir) ? join(work, workingDir) : workingDir
  if (!isFolder(folder)) throw new StartError('RunContainerError', `the working directory ${workingDir} does not exist`)
  return folder
}

/** Throws StartError with the words that a container engine uses. */
export function findProgram(name: string, path: string, cwd: string): string {
  const candidates = name.includes('/')
    ? [isAbsolute(name) ? name : join(cwd, name)]
    : path.split(delimiter).flatMap((folder) => (folder === '' ? [] : [join(folder, name)]))
  const found = candidates.find(isExecutable)
  if (found !== undefined) return found
  const why = name.includes('/') ? 'no such file, or not executable' : 'executable file not found in $PATH'
  throw new StartError('RunContainerError', `exec: "${name}": ${why}`)
}

/**
 * Makes the work folder with a link for each volume, and one for the termination message. Throws StartError for what plain
 * processes cannot have.
 */
export function makeWorkFolder(spec: ContainerSpec, { work, message }: Pick<ProcessFolder, 'work' | 'message'>): void {
  const { runAsUser: uid, runAsGroup: gid } = spec.security
  const mounts = spec.mounts.map((mount) => ({ ...mount, target: posix.normalize(mount.target) }))
  for (const { target } of mounts)
    if (mounts.some((other) => other.target !== target && isWithin(target, other.target)))
      throw refuse(`the volume at ${target} lies inside another one: a plain process cannot have that`)
  for (const { containerPort, hostPort } of spec.ports)
    if (containerPort !== hostPort)
      throw refuse(`hostPort ${hostPort} must equal containerPort ${containerPort}: a plain process has no own network`)
  mkdirSync(work, { recursive: true, mode: 0o755 })
  if (uid !== undefined) chownSync(work, uid, gid ?? uid)
  for (const mount of mounts) linkVolume(mount, work)
  if (hasMessageFile(spec)) linkMessage(spec, { work, message })
}

function linkVolume({ type, source, target }: Mount, work: string) {
  if (!isAbsolute(target) || target === '/') throw refuse(`a volume cannot be mounted at ${target}`)
  const link = join(work, target)
  mkdirSync(dirname(link), { recursive: true })
  if (type === 'tmpfs') mkdirSync(link, { mode: 0o1777 })
  else symlinkSync(source, link)
}

/** In a volume it would be one file for all that have the volume. */
export const hasMessageFile = (spec: ContainerSpec): boolean =>
  isTerminationPathFree(spec) && !spec.mounts.some(({ target }) => isWithin(spec.termination?.path ?? '/', target))

/** The file itself lies where the program cannot put anything else in its place. */
function linkMessage({ termination }: ContainerSpec, { work, message }: Pick<ProcessFolder, 'work' | 'message'>) {
  const link = join(work, termination?.path ?? '')
  writeFileSync(message, '')
  // Whatever user it runs as; the folder has a name that nobody can guess.
  chmodSync(message, 0o666)
  mkdirSync(dirname(link), { recursive: true })
  symlinkSync(message, link)
}

const refuse = (message: string) => new StartError('CreateContainerConfigError', message)

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK)
    return statSync(path).isFile()
  } catch {
    return false // not there, not ours to run, or not reachable: all the same to the search
  }
}

function isFolder(path: string): boolean {
  try {
    return statSync(path).isDirectory()
  } catch {
    return false // not there or not reachable: the program could not run in it either
  }
}
