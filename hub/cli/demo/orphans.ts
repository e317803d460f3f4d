// orphans.ts - hub and agent of an `npm start` that was killed: they hold its ports and its folder, and nobody sees them
import { spawnSync } from 'node:child_process'
import { readFileSync, rmSync, writeFileSync } from 'node:fs'
import { sleep, type Clock } from '../../../shared/clock.ts'
import { CliError } from '../cli-error.ts'

export interface Orphans {
  /** Written down as soon as it runs: whoever kills us gives no time for that. */
  note(pid: number): void
  /** Ends those of an earlier run; answers how many there were. */
  end(): Promise<number>
  forget(): void
}

export interface OrphansDeps {
  /** One number a line. */
  file: string
  /** In the command line of each of them: a number alone may be another program's by now. */
  mark: string
  clock: Clock
}

const LOOK_EVERY_MS = 50
/** A hub writes what it holds, an agent lets go of its runtimes: a second at most. */
const END_WITHIN_MS = 20_000

export function createOrphans({ file, mark, clock }: OrphansDeps): Orphans {
  const pids: number[] = []
  const isOurs = (pid: number) => commandLine(pid).includes(mark)
  return {
    note(pid) {
      pids.push(pid)
      writeFileSync(file, `${pids.join('\n')}\n`)
    },
    async end() {
      const left = noted(file).filter(isOurs)
      for (const pid of left) process.kill(pid, 'SIGTERM')
      const untilMs = clock.monoMs() + END_WITHIN_MS
      while (left.some(isOurs)) {
        if (clock.monoMs() > untilMs)
          throw new CliError(
            `an earlier npm start was killed, and what it left does not end: kill -9 ${left.join(' ')}`,
          )
        await sleep(clock, LOOK_EVERY_MS)
      }
      rmSync(file, { force: true })
      return left.length
    },
    forget: () => rmSync(file, { force: true }),
  }
}

function noted(file: string): number[] {
  try {
    return readFileSync(file, 'utf8').split('\n').map(Number).filter(Boolean)
  } catch {
    return [] // nothing was noted: nothing was left
  }
}

/** Empty when there is no such process. */
function commandLine(pid: number): string {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' ')
  } catch {
    // Ended, or a system without /proc.
    return spawnSync('ps', ['-o', 'args=', '-p', String(pid)], { encoding: 'utf8' }).stdout ?? ''
  }
}
