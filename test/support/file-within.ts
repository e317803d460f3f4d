// file-within.ts - how long all tests of one file may take together
import type { Test } from 'tap'

/**
 * For a file whose tests need more than tap's half a minute when it is run by itself. In a suite, where all files are
 * one, the suite's own bound stays: each file would else set the clock for all others, and the last one for the whole.
 */
export function fileWithin(t: Pick<Test, 'options' | 'setTimeout'>, ms: number): void {
  if ((t.options.timeout ?? 0) < ms) t.setTimeout(ms)
}
