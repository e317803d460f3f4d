// open-file.ts - whether some process has a file open: how the doctor sees that an agent runs here
import { readdirSync, readlinkSync, realpathSync } from 'node:fs'

export function isOpenSomewhere(file: string): boolean {
  const target = orUndefined(() => realpathSync(file))
  if (target === undefined) return false
  // Elsewhere than on Linux nobody can say.
  const pids = (orUndefined(() => readdirSync('/proc')) ?? []).filter((name) => /^\d+$/.test(name))
  return pids.some((pid) => filesOf(pid).includes(target))
}

/** None of a process that has ended meanwhile or is somebody else's. */
const filesOf = (pid: string): string[] =>
  (orUndefined(() => readdirSync(`/proc/${pid}/fd`)) ?? []).flatMap(
    (fd) => orUndefined(() => readlinkSync(`/proc/${pid}/fd/${fd}`)) ?? [],
  )

function orUndefined<T>(look: () => T): T | undefined {
  try {
    return look()
  } catch {
    return undefined // it is gone, or not ours to see
  }
}
