// suite.ts - imports every test file below some folders: one process for a whole suite
import { existsSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'

const TESTS = fileURLToPath(new URL('..', import.meta.url))

/** `T=part-of-a-path npm test` runs only what matches. */
export async function importTests(...folders: string[]): Promise<void> {
  const wanted = process.env['T'] ?? ''
  for (const folder of folders) {
    const path = join(TESTS, folder)
    if (!existsSync(path)) continue
    const files = readdirSync(path, { recursive: true, encoding: 'utf8' })
      .filter((name) => name.endsWith('.test.js') && join(folder, name).includes(wanted))
      .sort()
    for (const file of files) await import(pathToFileURL(join(path, file)).href)
  }
}
