// purge.test.ts - what `holdfast-agent purge` leaves behind: nothing
import { existsSync, mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { purgeCommand } from '../../../agent/commands/purge.ts'
import { fenceFolder } from '../../../agent/fence/fence-process.ts'
import { findMemoryDir } from '../../../agent/reconcile/volumes.ts'
import { systemClock } from '../../../shared/clock.ts'

t.test('Secrets that pods had in memory go with the purge, as the orders of the fence and the data do', async (t) => {
  const dataDir = join(t.testdir(), 'data')
  const folders = [dataDir, fenceFolder(dataDir), findMemoryDir(dataDir)].filter((path) => path !== undefined)
  for (const folder of folders) {
    mkdirSync(folder, { recursive: true })
    writeFileSync(join(folder, 'secret'), 'a secret')
  }
  const printed: string[] = []
  await purgeCommand({ dataDir, runtimes: [], clock: systemClock, print: (text) => printed.push(text) })
  t.same(folders.filter(existsSync), [])
  t.match(printed.join(''), /removed .*data; the hub forgets this device/)
})
