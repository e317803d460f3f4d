// terminal-size.ts - gives a terminal its newest size, which may be known before there is a terminal
import { sleep, type Clock } from '../../shared/clock.ts'

/** A terminal exists a moment after its command was started; on a loaded device that moment is long. */
const TRY_FOR_MS = 5_000
const TRY_EVERY_MS = 50

export interface TerminalSizeDeps {
  clock: Clock
  hasEnded(): boolean
  /** False while there is no terminal yet. */
  set(columns: number, rows: number): Promise<boolean>
}

/** A window that could not be resized is still usable, and the next change of size tries again. */
export function createTerminalSize({
  clock,
  hasEnded,
  set,
}: TerminalSizeDeps): (columns: number, rows: number) => void {
  let wanted: { columns: number; rows: number } | undefined
  let giveUpAtMs = 0
  let isTrying = false

  async function apply(): Promise<void> {
    isTrying = true
    while (wanted && !hasEnded() && clock.monoMs() < giveUpAtMs) {
      const { columns, rows } = wanted
      if (!(await set(columns, rows))) await sleep(clock, TRY_EVERY_MS)
      else if (wanted.columns === columns && wanted.rows === rows) wanted = undefined
    }
    isTrying = false
  }

  return (columns, rows) => {
    wanted = { columns, rows }
    giveUpAtMs = clock.monoMs() + TRY_FOR_MS
    if (!isTrying) void apply()
  }
}
