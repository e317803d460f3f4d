// sample.ts - cheap measurements of the device: a few small files of /proc and /sys, no other program
import { existsSync } from 'node:fs'
import { readdir, readFile, statfs } from 'node:fs/promises'
import * as os from 'node:os'
import { join } from 'node:path'
import type { Sample } from '../../shared/protocol/messages.ts'

export interface SamplerDeps {
  dataDir: string
  /** Where the kernel shows itself; another folder in tests. */
  root?: string
}

export interface Headroom {
  memoryAvailableBytes: number
  diskAvailableBytes: number
  diskTotalBytes: number
  pidsAvailable?: number
}

export interface Sampler {
  sample(): Promise<Sample>
  headroom(): Promise<Headroom>
}

interface CpuTimes {
  busy: number
  total: number
}

/** Interfaces that only carry what others carry already. */
const VIRTUAL = /^(lo|docker|br-|veth|virbr|cni|podman|tun|tap)/

export function createSampler({ dataDir, root = '/' }: SamplerDeps): Sampler {
  let lastCpu: CpuTimes | undefined
  const file = (path: string) => join(root, path)

  const cpuMilli = async () => {
    const now = parseStat(await textOf(file('proc/stat'))) ?? osCpuTimes()
    const before = lastCpu ?? { busy: 0, total: 0 }
    lastCpu = now
    const total = now.total - before.total
    return total <= 0
      ? 0
      : Math.max(0, Math.round((1000 * os.availableParallelism() * (now.busy - before.busy)) / total))
  }
  const memory = async () => {
    const info = parseMeminfo(await textOf(file('proc/meminfo')))
    return { total: info?.total ?? os.totalmem(), available: info?.available ?? os.freemem() }
  }
  const disk = async () => {
    const { blocks, bavail, bsize } = await statfs(dataDir)
    return { total: blocks * bsize, available: bavail * bsize }
  }

  return {
    async sample() {
      const [cpu, mem, space, temp, traffic] = await Promise.all([
        cpuMilli(),
        memory(),
        disk(),
        temperature(file('sys/class/thermal')),
        textOf(file('proc/net/dev')).then(parseTraffic),
      ])
      return {
        cpu,
        mem: coarse(mem.total - mem.available, 1e6),
        disk: coarse(space.total - space.available, 1e7),
        load: Math.round(100 * (os.loadavg()[0] ?? 0)),
        ...(temp !== undefined && { temp }),
        up: Math.round(os.uptime()),
        ...(traffic.rx !== undefined && { rx: coarse(traffic.rx, 1e5) }),
        ...(traffic.tx !== undefined && { tx: coarse(traffic.tx, 1e5) }),
      }
    },
    async headroom() {
      const [mem, space, max, loads] = await Promise.all([
        memory(),
        disk(),
        textOf(file('proc/sys/kernel/pid_max')),
        textOf(file('proc/loadavg')),
      ])
      const used = Number(loads?.split(' ')[3]?.split('/')[1])
      const pids = Number(max) - used
      return {
        memoryAvailableBytes: mem.available,
        diskAvailableBytes: space.available,
        diskTotalBytes: space.total,
        ...(Number.isFinite(pids) && { pidsAvailable: pids }),
      }
    },
  }
}

/** Digits that nobody looks at cross the link with every beat, and cost a byte each. */
const coarse = (bytes: number, step: number) => Math.round(bytes / step) * step

/** Undefined where the kernel does not show it, such as on a Mac. */
const textOf = async (path: string) => (existsSync(path) ? readFile(path, 'utf8') : undefined)

export function parseStat(text: string | undefined): CpuTimes | undefined {
  const line = text?.split('\n').find((one) => one.startsWith('cpu '))
  if (!line) return undefined
  // user nice system idle iowait irq softirq steal; guest times are part of user already.
  const times = line.trim().split(/\s+/).slice(1, 9).map(Number)
  const total = times.reduce((sum, ticks) => sum + ticks, 0)
  return { total, busy: total - (times[3] ?? 0) - (times[4] ?? 0) }
}

function osCpuTimes(): CpuTimes {
  const all = os
    .cpus()
    .map(({ times }) => ({ ...times, total: times.user + times.nice + times.sys + times.idle + times.irq }))
  const total = all.reduce((sum, times) => sum + times.total, 0)
  return { total, busy: total - all.reduce((sum, times) => sum + times.idle, 0) }
}

export function parseMeminfo(text: string | undefined): { total: number; available: number } | undefined {
  const bytesOf = (name: string) =>
    Number(new RegExp(`^${name}:\\s+(\\d+) kB`, 'm').exec(text ?? '')?.[1] ?? Number.NaN) * 1024
  const [total, available] = [bytesOf('MemTotal'), bytesOf('MemAvailable')]
  return Number.isNaN(total) || Number.isNaN(available) ? undefined : { total, available }
}

export function parseTraffic(text: string | undefined): { rx?: number; tx?: number } {
  if (text === undefined) return {}
  const rows = text.split('\n').flatMap((line) => {
    const [name, numbers] = line.split(':')
    if (!name || !numbers || VIRTUAL.test(name.trim())) return []
    const columns = numbers.trim().split(/\s+/).map(Number)
    return { rx: columns[0] ?? 0, tx: columns[8] ?? 0 }
  })
  return { rx: rows.reduce((sum, { rx }) => sum + rx, 0), tx: rows.reduce((sum, { tx }) => sum + tx, 0) }
}

/** The hottest zone, in tenths of a degree. */
async function temperature(folder: string): Promise<number | undefined> {
  if (!existsSync(folder)) return undefined
  const zones = (await readdir(folder)).filter((name) => name.startsWith('thermal_zone'))
  // Some zones answer with an error while their sensor sleeps.
  const texts = await Promise.all(zones.map((name) => readFile(join(folder, name, 'temp'), 'utf8').catch(() => '')))
  const degrees = texts.map((text) => Number.parseInt(text, 10)).filter((milli) => Number.isFinite(milli))
  return degrees.length === 0 ? undefined : Math.round(Math.max(...degrees) / 100)
}
