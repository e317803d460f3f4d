// cgroup-usage.ts - CPU time and memory of a container from the kernel's own files: a read, where stats takes a second
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'

export interface CgroupUsage {
  cpuNanos: number
  memoryBytes: number
}

export interface CgroupFolders {
  proc: string
  cgroup: string
}

const FOLDERS: CgroupFolders = { proc: '/proc', cgroup: '/sys/fs/cgroup' }
const NANOS_PER_MICRO = 1_000

/**
 * undefined when the files cannot be had: the engine runs elsewhere, or the process is gone. The group's path must name
 * the container, else the number belongs to some other machine's process, or is used again.
 */
export async function cgroupUsage(id: string, pid: number, folders = FOLDERS): Promise<CgroupUsage | undefined> {
  try {
    const groups = parseGroups(await readFile(join(folders.proc, String(pid), 'cgroup'), 'utf8'))
    const cpu = groups.get('cpuacct')
    const memory = groups.get('memory')
    // A hybrid set-up shows a unified group as well, but keeps the counters in the old ones.
    if (cpu?.includes(id) && memory?.includes(id))
      return await version1(join(folders.cgroup, 'cpuacct', cpu), join(folders.cgroup, 'memory', memory))
    const unified = groups.get('')
    return unified?.includes(id) ? await version2(join(folders.cgroup, unified)) : undefined
  } catch (error) {
    // A missing or forbidden file is an answer: the caller asks the engine instead.
    if (error instanceof Error && 'code' in error) return undefined
    throw error
  }
}

/** Lines "4:cpu,cpuacct:/docker/<id>"; the unified hierarchy has no name. */
function parseGroups(text: string): Map<string, string> {
  const groups = new Map<string, string>()
  for (const line of text.split('\n')) {
    const [, names, path] = /^\d+:([^:]*):(.*)$/.exec(line) ?? []
    for (const name of names === undefined ? [] : names.split(',')) groups.set(name, path ?? '')
  }
  return groups
}

async function version2(folder: string): Promise<CgroupUsage> {
  const [cpu, used, memory] = await readAll(folder, ['cpu.stat', 'memory.current', 'memory.stat'])
  const memoryBytes = workingSet(Number(used), field(memory, 'inactive_file'))
  return { cpuNanos: field(cpu, 'usage_usec') * NANOS_PER_MICRO, memoryBytes }
}

async function version1(cpuFolder: string, memoryFolder: string): Promise<CgroupUsage> {
  const [nanos] = await readAll(cpuFolder, ['cpuacct.usage'])
  const [used, memory] = await readAll(memoryFolder, ['memory.usage_in_bytes', 'memory.stat'])
  return { cpuNanos: Number(nanos), memoryBytes: workingSet(Number(used), field(memory, 'total_inactive_file')) }
}

const readAll = (folder: string, names: readonly string[]) =>
  Promise.all(names.map((name) => readFile(join(folder, name), 'utf8')))

/** What `kubectl top` means by memory: without the file cache that the kernel gives back when asked. */
const workingSet = (usedBytes: number, inactiveFileBytes: number) => Math.max(0, usedBytes - inactiveFileBytes)

const field = (text: string | undefined, name: string) =>
  Number(new RegExp(`^${name} (\\d+)$`, 'm').exec(text ?? '')?.[1] ?? 0)
