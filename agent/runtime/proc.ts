// proc.ts - what the kernel says about processes: who lives, since when, in which session, at what cost
import { readdirSync, readFileSync } from 'node:fs'

export interface ProcStat {
  pid: number
  parent: number
  session: number
  isZombie: boolean
  /** Ticks since boot; with the pid it names one process for the life of the system. */
  startTicks: string
  /** User and system time, waited-for children included. */
  cpuTicks: number
}

/** Linux answers in units of USER_HZ, which is 100 on every architecture that Node runs on. */
const NANOS_PER_TICK = 10_000_000
const BYTES_PER_KIB = 1_024

export const bootId = (): string => readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim()

/** undefined: there is no such process (any more). */
export function readStat(pid: number): ProcStat | undefined {
  const text = readProc(`/proc/${pid}/stat`)
  if (text === undefined) return undefined
  // The name is in brackets and may hold anything, brackets and spaces included.
  const fields = text.slice(text.lastIndexOf(')') + 2).split(' ')
  const number = (index: number) => Number(fields[index])
  return {
    pid,
    isZombie: fields[0] === 'Z' || fields[0] === 'X',
    parent: number(1),
    session: number(3),
    cpuTicks: number(11) + number(12) + number(13) + number(14),
    startTicks: fields[19] ?? '',
  }
}

export function allStats(): ProcStat[] {
  const pids = readdirSync('/proc').filter((name) => /^\d+$/.test(name))
  return pids.flatMap((pid) => readStat(Number(pid)) ?? [])
}

/** The processes of these sessions, added up by session leader. */
export function sessionUsage(leaders: ReadonlySet<number>) {
  const usage = new Map<number, { cpuNanos: number; memoryBytes: number }>()
  for (const { pid, session, cpuTicks } of leaders.size > 0 ? allStats() : []) {
    if (!leaders.has(session)) continue
    const sum = usage.get(session) ?? { cpuNanos: 0, memoryBytes: 0 }
    usage.set(session, {
      cpuNanos: sum.cpuNanos + cpuTicks * NANOS_PER_TICK,
      memoryBytes: sum.memoryBytes + residentBytes(pid),
    })
  }
  return usage
}

function residentBytes(pid: number): number {
  const kib = /^VmRSS:\s+(\d+) kB$/m.exec(readProc(`/proc/${pid}/status`) ?? '')?.[1]
  return Number(kib ?? 0) * BYTES_PER_KIB
}

/** The leader of the session that was started with this variable in its environment. */
export function findLeaderByEnv(name: string, value: string): ProcStat | undefined {
  const wanted = `${name}=${value}`
  return allStats().find(
    ({ pid, session }) => pid === session && readProc(`/proc/${pid}/environ`)?.split('\0').includes(wanted),
  )
}

/** A process can go, or belong to somebody else, between the listing and the look. */
function readProc(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8')
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? error.code : undefined
    if (code === 'ENOENT' || code === 'ESRCH' || code === 'EACCES' || code === 'EPERM') return undefined
    throw error
  }
}
