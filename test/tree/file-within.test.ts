// file-within.test.ts - a file that is run by itself has its time, and takes none away from the suite that it is part of
import t from 'tap'
import { fileWithin } from '../support/file-within.ts'

t.test(
  'A file that needs longer than it has gets it; one in a suite leaves the bound of the suite alone',
  async (t) => {
    const boundOf = (options: { timeout?: number }, ...files: number[]) => {
      const root = { options, setTimeout: (ms: number) => void (options.timeout = ms) }
      for (const ms of files) fileWithin(root, ms)
      return options.timeout
    }
    t.equal(boundOf({ timeout: 30_000 }, 300_000), 300_000)
    t.equal(boundOf({}, 300_000), 300_000)
    t.equal(boundOf({ timeout: 1_800_000 }, 300_000, 120_000), 1_800_000)
    t.equal(boundOf({ timeout: 30_000 }, 300_000, 120_000), 300_000)
  },
)
