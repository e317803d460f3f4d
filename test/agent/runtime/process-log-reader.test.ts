// process-log-reader.test.ts - reading the logs of plain processes while they are written and rotated: nothing twice, nothing left out
import { appendFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { readLogs } from '../../../agent/runtime/process-log-reader.ts'
import { rotateLog } from '../../../agent/runtime/process-logs.ts'
import { eventually } from '../../support/eventually.ts'
import { fastDir } from '../../support/fast-dir.ts'
import { createManualClock } from '../../support/manual-clock.ts'

const MIB = 1024 * 1024

/** Reads the log in `folder`, until `end` when it is followed, and lets the test write whenever something was shown. */
function follower(folder: string, onShown: (shown: string) => void = () => {}, follow = true, tailLines?: number) {
  const clock = createManualClock()
  let shown = ''
  let hasEnded = false
  const reading = readLogs(
    { folder, clock, hasEnded: () => hasEnded },
    { follow, timestamps: false, signal: new AbortController().signal, ...(tailLines !== undefined && { tailLines }) },
    async (_stream, bytes) => {
      shown += bytes.toString()
      onShown(shown)
      return true
    },
  )
  return {
    async shows(text: string) {
      await eventually(async () => {
        await clock.advance(200)
        return shown.endsWith(text)
      })
    },
    async end() {
      hasEnded = true
      const done = reading.then(() => true)
      await eventually(async () => {
        await clock.advance(200)
        return await Promise.race([done, Promise.resolve(false)])
      })
      return shown
    },
  }
}

t.test('What is written while the log is being shown is followed once', async (t) => {
  const dir = fastDir(t)
  writeFileSync(join(dir, 'log.1'), 'older\n')
  writeFileSync(join(dir, 'log'), 'first\n')
  const reader = follower(dir, (shown) => {
    if (shown === 'older\n') appendFileSync(join(dir, 'log'), 'meanwhile\n')
  })
  await reader.shows('meanwhile\n')
  appendFileSync(join(dir, 'log'), 'last\n')
  t.equal(await reader.end(), 'older\nfirst\nmeanwhile\nlast\n')
})

t.test('A log that is rotated while it is followed loses no line and shows none twice', async (t) => {
  const dir = fastDir(t)
  const big = `${'x'.repeat(6 * MIB)}\n`
  writeFileSync(join(dir, 'log'), 'begin\n')
  const reader = follower(dir)
  await reader.shows('begin\n')
  appendFileSync(join(dir, 'log'), `${big}written before the rotation\n`)
  rotateLog(dir)
  appendFileSync(join(dir, 'log'), 'written after it\n')
  await reader.shows('after it\n')
  // Room is made on a full disk: that is no rotation.
  rmSync(join(dir, 'log.1'))
  appendFileSync(join(dir, 'log'), 'goes on\n')
  const shown = await reader.end()
  const expected = `begin\n${big}written before the rotation\nwritten after it\ngoes on\n`
  t.ok(shown === expected, `${shown.length} of ${expected.length} characters, in order`)
})

t.test('A log that is rotated while its older half is being shown is shown whole and in order', async (t) => {
  const older = 'a'.repeat(70_000) + '\n'
  const newer = 'b'.repeat(6 * MIB) + '\n'
  for (const follow of [false, true]) {
    const dir = fastDir(t)
    writeFileSync(join(dir, 'log.1'), older)
    writeFileSync(join(dir, 'log'), newer)
    let isRotated = false
    const reader = follower(
      dir,
      () => {
        if (isRotated) return
        isRotated = true
        rotateLog(dir)
        appendFileSync(join(dir, 'log'), 'c\n')
      },
      follow,
    )
    const shown = await reader.end()
    t.ok(shown === `${older}${newer}c\n`, `${shown.length} characters`)
  }
})

t.test('A log that is rotated while its last lines are looked for shows the same last lines', async (t) => {
  const dir = fastDir(t)
  writeFileSync(join(dir, 'log'), `${'x'.repeat(6 * MIB)}\nlast but one\nlast\n`)
  const reader = follower(dir, undefined, false, 2)
  rotateLog(dir)
  t.equal(await reader.end(), 'last but one\nlast\n')
})
