// process-logs.test.ts - the logs of plain processes on a full disk: the older ones go, the newest lines stay
import { existsSync, mkdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { dropOlderLogs, rotateLog } from '../../../agent/runtime/process-logs.ts'
import { fastDir } from '../../support/fast-dir.ts'
import { createSmallDisk, skipSmallDisk } from '../../support/small-disk.ts'

const MIB = 1024 * 1024
const skip = skipSmallDisk() ?? false

t.test('When the disk is full the older half of every log goes', async (t) => {
  const root = fastDir(t)
  for (const name of ['one', 'two']) {
    mkdirSync(join(root, name))
    for (const file of ['log', 'log.1']) writeFileSync(join(root, name, file), file)
  }
  dropOlderLogs(root)
  dropOlderLogs(join(root, 'nowhere'))
  for (const name of ['one', 'two']) {
    t.ok(existsSync(join(root, name, 'log')))
    t.notOk(existsSync(join(root, name, 'log.1')))
  }
})

t.test(
  'A log that must be cut where there is no room for a copy gives up its older half first',
  { skip },
  async (t) => {
    const disk = createSmallDisk(16 * MIB)
    t.teardown(() => disk.remove())
    writeFileSync(join(disk.dir, 'log.1'), Buffer.alloc(6 * MIB, 'a'))
    writeFileSync(join(disk.dir, 'log'), Buffer.alloc(6 * MIB, 'b'))
    rotateLog(disk.dir)
    t.equal(readFileSync(join(disk.dir, 'log.1'))[0], 'b'.charCodeAt(0))
    t.equal(statSync(join(disk.dir, 'log')).size, 0)
  },
)
