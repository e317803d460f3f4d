// clock-set.ts - whether the wall clock can be believed at all

/** Nobody runs this program before it was written: a device without a battery for its clock wakes up in 1970. */
const WRITTEN_MS = Date.UTC(2026, 0, 1)

/**
 * Says only that the clock is certainly not set. A clock that stands in a plausible year may still be wrong; what marks
 * times for people is enough, and decisions never look at the wall clock.
 */
export const isClockSet = (wallMs: number): boolean => wallMs >= WRITTEN_MS
