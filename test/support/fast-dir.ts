// fast-dir.ts - a folder in memory for tests that start and stop a store hundreds of times: a disk would make them wait for it
import { existsSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

const SHARED_MEMORY = '/dev/shm'

export function fastDir(t: { teardown(end: () => void): void }): string {
  const dir = mkdtempSync(join(existsSync(SHARED_MEMORY) ? SHARED_MEMORY : tmpdir(), 'holdfast-test-'))
  t.teardown(() => rmSync(dir, { recursive: true, force: true }))
  return dir
}
