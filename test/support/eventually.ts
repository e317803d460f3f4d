// eventually.ts - polls a check until it holds, so that no test has to sleep and hope
import { systemClock, sleep } from '../../shared/clock.ts'

/** Long enough for a loaded machine, short enough that a hang is noticed. */
const WITHIN_MS = 20_000
const EVERY_MS = 10

/** A check that answers something or nothing would end the wait with its first nothing: it does not compile. */
type Decided<T> = [T] extends [void] ? unknown : undefined extends T ? never : null extends T ? never : unknown

/** Runs the check until it neither throws nor answers false; fails with its last error. */
export async function eventually<T>(
  check: (() => T | Promise<T>) & Decided<T>,
  withinMs = WITHIN_MS,
  everyMs = EVERY_MS,
): Promise<Exclude<T, false>> {
  const deadlineMs = systemClock.monoMs() + withinMs
  for (;;) {
    let failure: unknown
    try {
      const result = await check()
      // The compiler does not narrow a type parameter.
      if (result !== false) return result as Exclude<T, false>
      failure = new Error('the check still answers false')
    } catch (error) {
      failure = error
    }
    if (systemClock.monoMs() > deadlineMs) throw failure
    await sleep(systemClock, everyMs)
  }
}

const STILL_FOR_MS = 100

/** Waits until a count has begun and then stands still: whatever was to take more is full. */
export async function untilStill(count: () => number): Promise<void> {
  let before = 0
  await eventually(async () => {
    await sleep(systemClock, STILL_FOR_MS)
    const now = count()
    const isStill = now > 0 && now === before
    before = now
    return isStill
  })
}
