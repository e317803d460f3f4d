// child-end.ts - waits for a command to end and for what it wrote to be passed on, over a slow link too; then its exit code
import type { ChildProcess } from 'node:child_process'
import type { Writable } from 'node:stream'
import type { Clock, Timer } from '../../shared/clock.ts'

/** A child that stays behind with the pipes in hand must not keep the caller waiting. */
const QUIET_MS = 500
/** More than any pipe or socket holds (some 200 KiB here): what comes after it was written by somebody who stayed behind. */
const LEFT_BYTES_MAX = 1024 * 1024
const SIGNAL_EXIT = 128

export interface ChildOutput {
  /** Where it goes. */
  targets: readonly (Writable | undefined)[]
  /** Nobody wants it any more. */
  signal: AbortSignal
}

export function exitCode(clock: Clock, child: ChildProcess, output: ChildOutput): Promise<number> {
  return new Promise((resolve, reject) => {
    child.once('error', reject)
    child.once('exit', (code, signalName) => {
      const result = code ?? SIGNAL_EXIT + signalNumber(signalName)
      whenPassedOn(clock, child, output, () => resolve(result))
    })
  })
}

/** Either everybody has closed the pipes, or nothing comes any more although there is room for it. */
function whenPassedOn(clock: Clock, child: ChildProcess, { targets, signal }: ChildOutput, done: () => void): void {
  const sources = [child.stdout, child.stderr]
  let timer: Timer | undefined
  let leftBytes = LEFT_BYTES_MAX
  const isHeldUp = () => !signal.aborted && targets.some((target) => target?.writableNeedDrain)
  const letGo = () => {
    // The pipes live as long as who stayed behind: reading them for so long would cost two descriptors each time.
    for (const source of sources) source?.destroy()
    end()
  }
  const waitOn = () => {
    timer?.cancel()
    timer = clock.after(QUIET_MS, () => (isHeldUp() ? waitOn() : letGo()))
  }
  const came = (chunk: Buffer) => {
    leftBytes -= chunk.length
    if (leftBytes < 0) letGo()
    else waitOn()
  }
  const end = () => {
    timer?.cancel()
    for (const source of sources) source?.off('data', came)
    for (const target of targets) target?.off('drain', waitOn)
    child.off('close', end)
    done()
  }
  for (const source of sources) source?.on('data', came)
  for (const target of targets) target?.on('drain', waitOn)
  child.once('close', end)
  waitOn()
}

const SIGNAL_NUMBERS: Readonly<Record<string, number>> = { SIGHUP: 1, SIGINT: 2, SIGKILL: 9, SIGTERM: 15 }
const signalNumber = (name: string | null) => SIGNAL_NUMBERS[name ?? ''] ?? 0
