// purge.test.ts - what `holdfast-agent purge` leaves behind: nothing
import { closeSync, existsSync, mkdirSync, openSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { purgeCommand } from '../../../agent/commands/purge.ts'
import { cacheFolder } from '../../../agent/cache/disk.ts'
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

t.test('While the agent runs nothing is purged: it would make everything again', async (t) => {
  const dataDir = t.testdir({ cache: { 'agent.sqlite': '' } })
  const file = openSync(join(cacheFolder(dataDir), 'agent.sqlite'), 'r')
  const purge = () => purgeCommand({ dataDir, runtimes: [], clock: systemClock, print: () => undefined })
  await t.rejects(purge(), { message: /the agent of .* runs: stop it first/ })
  t.ok(existsSync(join(cacheFolder(dataDir), 'agent.sqlite')))
  closeSync(file)
  await purge()
  t.notOk(existsSync(dataDir))
})
