// shared-pki.ts - one CA for all tests of a process, because keys cost time; its folder goes with the process
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { loadOrCreatePki } from '../../hub/fleet/pki.ts'
import { systemRandom } from '../../shared/random.ts'

type SharedPki = ReturnType<typeof loadOrCreatePki>

let made: SharedPki | undefined

export function sharedPki(): SharedPki {
  if (made) return made
  const dir = mkdtempSync(join(tmpdir(), 'holdfast-test-pki-'))
  process.once('exit', () => rmSync(dir, { recursive: true, force: true }))
  made = loadOrCreatePki({ dir, names: ['localhost'], addresses: ['127.0.0.1'], random: systemRandom })
  return made
}
