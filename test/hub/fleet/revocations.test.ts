// revocations.test.ts - checks that a withdrawn key is on the disk at once, outlives what happens to its file, and is never made up
import { appendFileSync, readFileSync, renameSync, statSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { createRevocations, noteRestored } from '../../../hub/fleet/revocations.ts'
import { silentLog } from '../../../shared/log.ts'
import { createManualClock } from '../../support/manual-clock.ts'

const key = (digit: string) => ({ keyFingerprint: digit.repeat(64), node: 'till' })

async function opened(path: string, log = silentLog) {
  const revocations = createRevocations({ path, clock: createManualClock(), log })
  await revocations.start()
  return revocations
}

t.test('A revoked key is in a private file when the call returns, once', async (t) => {
  const path = join(t.testdir(), 'revocations')
  const first = await opened(path)
  first.add(key('a'))
  first.add(key('a'))
  t.equal(readFileSync(path, 'utf8'), `revoked ${'a'.repeat(64)} till 2026-11-20T12:00:00Z\n`)
  t.equal(statSync(path).mode & 0o777, 0o600)
  const again = await opened(path)
  t.ok(again.has('a'.repeat(64)))
  t.notOk(again.has('b'.repeat(64)))
})

t.test('A line that the power cut in two costs that line at most', async (t) => {
  const path = join(t.testdir(), 'revocations')
  ;(await opened(path)).add(key('a'))
  appendFileSync(path, `revoked ${'b'.repeat(30)}`)
  ;(await opened(path)).add(key('c'))
  const warnings: string[] = []
  const last = await opened(path, { ...silentLog, warn: (_, message) => void warnings.push(message) })
  t.same(
    ['a', 'b', 'c'].map((digit) => last.has(digit.repeat(64))),
    [true, false, true],
  )
  t.equal(warnings.length, 1)
})

t.test('Only a file that saw the restore says that nothing is missing', async (t) => {
  const path = join(t.testdir(), 'revocations')
  t.notOk(noteRestored(path, 2), 'a new disk')
  t.notOk((await opened(path)).survived({ epoch: 2, kind: 'tail' }))
  t.ok(noteRestored(path, 3))
  const kept = await opened(path)
  t.ok(kept.survived({ epoch: 3, kind: 'tail' }))
  t.notOk(kept.survived({ epoch: 4, kind: 'tail' }), 'a snapshot of the whole machine')
  t.ok(kept.survived({ epoch: 4, kind: 'rows' }), 'a damaged store beside a whole file')
})

t.test('A disk that refuses for a while gets all of it in the end', async (t) => {
  const folder = t.testdir({ data: {} })
  const path = join(folder, 'data', 'revocations')
  const revocations = await opened(path)
  renameSync(join(folder, 'data'), join(folder, 'away'))
  revocations.add(key('a'))
  t.ok(revocations.has('a'.repeat(64)), 'it counts at once')
  renameSync(join(folder, 'away'), join(folder, 'data'))
  revocations.add(key('b'))
  t.match(readFileSync(path, 'utf8'), /^revoked a{64} .*\nrevoked b{64} .*\n$/)
})
