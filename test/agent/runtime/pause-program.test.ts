// pause-program.test.ts - the sandbox's program really waits, and really ends when told
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { PAUSE_IMAGE, pauseImageArchive } from '../../../agent/runtime/pause-image.ts'
import { pauseProgram } from '../../../agent/runtime/pause-program.ts'
import { eventually } from '../../support/eventually.ts'
import { skipOffLinux } from '../../support/require.ts'

const HERE: Record<string, string> = { x64: 'amd64', arm64: 'arm64', arm: 'arm' }
const program = pauseProgram(HERE[process.arch] ?? '')
const skip = skipOffLinux() ?? (!program && `there is no sandbox program for ${process.arch}`)

void t.test('The sandbox program waits, outlives a stop and continue, and ends with 0 on TERM', { skip }, async (t) => {
  const path = join(t.testdir(), 'pause')
  writeFileSync(path, program ?? '', { mode: 0o755 })
  const child = spawn(path)
  const ended = once(child, 'exit')
  t.teardown(() => child.kill('SIGKILL'))
  await once(child, 'spawn')
  // Until it waits for the signal, TERM would simply end it.
  await eventually(() => isAsleep(child.pid ?? 0))
  child.kill('SIGSTOP')
  child.kill('SIGCONT')
  t.equal(child.exitCode, null)
  child.kill('SIGTERM')
  t.strictSame(await ended, [0, null])
})

void t.test('The image of the sandbox is the same on every device of its kind', async (t) => {
  for (const architecture of ['amd64', 'arm64', 'arm']) {
    const archive = pauseImageArchive(architecture)
    t.ok(archive && archive.length < 16_384, `${architecture}: small`)
    t.ok(archive?.equals(pauseImageArchive(architecture) ?? Buffer.alloc(0)))
    t.ok(archive?.includes(PAUSE_IMAGE))
  }
  t.equal(pauseImageArchive('vax'), undefined)
})

const isAsleep = (pid: number) => {
  const status = readFileSync(`/proc/${pid}/status`, 'utf8')
  return /^Name:\s+pause$/m.test(status) && /^State:\s+S/m.test(status)
}
