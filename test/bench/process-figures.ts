// process-figures.ts - what the kernel says that a process takes: memory, processor time, bytes to the disk
import { readFileSync } from 'node:fs'
import { sleep, systemClock } from '../../shared/clock.ts'

export interface Memory {
  rssMb: number
  /** Its own; the rest is the text of Node and of libraries, which the kernel may drop and shares. */
  anonMb: number
}

export function memoryOf(pid: number): Memory {
  const text = readFileSync(`/proc/${pid}/smaps_rollup`, 'utf8')
  const mb = (name: string) => Number(new RegExp(`^${name}:\\s+(\\d+)`, 'm').exec(text)?.[1]) / 1024
  return { rssMb: mb('Rss'), anonMb: mb('Anonymous') }
}

/** Clock ticks of Linux, in every build that Node runs on. */
const TICKS_PER_SECOND = 100

export function cpuSecondsOf(pid: number): number {
  const stat = readFileSync(`/proc/${pid}/stat`, 'utf8')
  const [user, system] = stat
    .slice(stat.lastIndexOf(')') + 2)
    .split(' ')
    .slice(11, 13)
  return (Number(user) + Number(system)) / TICKS_PER_SECOND
}

export const writtenBytesOf = (pid: number): number =>
  Number(/^write_bytes: (\d+)/m.exec(readFileSync(`/proc/${pid}/io`, 'utf8'))?.[1])

/** Percent of one core over a while. */
export async function cpuPercentOver(pid: number, ms: number): Promise<number> {
  const [cpu, began] = [cpuSecondsOf(pid), systemClock.monoMs()]
  await sleep(systemClock, ms)
  return (100_000 * (cpuSecondsOf(pid) - cpu)) / (systemClock.monoMs() - began)
}
