// measurement.ts - what a measurement of `npm run bench` is: a name, a run, and lines for the table
import type { Workshop } from './workshop.ts'

export interface Line {
  what: string
  value: number
  unit: string
  /** At most this much is what we want; a miss is shown, and fails nothing. */
  goal?: number
  /** How to read it, such as what a window was extrapolated from. */
  note?: string
}

export interface Measurement {
  name: string
  run(workshop: Workshop): Promise<Line[]>
}

export const median = (values: readonly number[]): number => percentile(values, 50)

/** The nearest rank; NaN of nothing. */
export function percentile(values: readonly number[], percent: number): number {
  const sorted = values.toSorted((a, b) => a - b)
  return sorted[Math.max(0, Math.ceil((percent / 100) * sorted.length) - 1)] ?? Number.NaN
}
