// crash.test.ts - a hub that is killed in the middle of its writes has lost none that it acknowledged
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import t from 'tap'
import { createSqliteJournal } from '../../../hub/store/sqlite-journal.ts'
import { silentLog } from '../../../shared/log.ts'
import { systemRandom } from '../../../shared/random.ts'
import { CONFIG_MAPS, startedStore } from '../../support/store.ts'

const WRITER = fileURLToPath(new URL('../../support/store-writer.js', import.meta.url))
const ROUNDS_BEFORE_KILL = [1, 40, 200]

/** Runs the writer until it has acknowledged some rounds, kills it, and says what the last one was. */
async function writeAndKill(path: string, rounds: number): Promise<{ revision: number; round: number }> {
  const writer = spawn(process.execPath, [WRITER, path], { stdio: ['ignore', 'pipe', 'inherit'] })
  let text = ''
  writer.stdout.setEncoding('utf8').on('data', (chunk: string) => {
    text += chunk
    if (text.split('\n').length > rounds) writer.kill('SIGKILL')
  })
  await once(writer, 'close')
  const [revision = 0, round = 0] =
    text.slice(0, text.lastIndexOf('\n')).split('\n').at(-1)?.split(' ').map(Number) ?? []
  return { revision, round }
}

t.test('What was acknowledged survives kill -9, whole transactions only, again and again', async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'holdfast-crash-'))
  t.teardown(() => rmSync(folder, { recursive: true }))
  const path = join(folder, 'hub.db')
  let before = 0
  for (const rounds of ROUNDS_BEFORE_KILL) {
    const acknowledged = await writeAndKill(path, rounds)
    t.ok(acknowledged.revision > before, `it had acknowledged revision ${acknowledged.revision}`)
    const store = await startedStore({ journal: createSqliteJournal({ path, random: systemRandom, log: silentLog }) })
    t.ok(store.revision >= acknowledged.revision, `revision ${store.revision} is there`)
    const written = store
      .list(CONFIG_MAPS)
      .map((map) => ({ name: map.metadata.name, data: 'data' in map ? map.data : 0 }))
    const newest = Math.max(...written.map(({ data }) => Number(data)))
    t.ok(newest >= acknowledged.round, `round ${acknowledged.round} is there`)
    const left = written.filter(({ name }) => name.endsWith('-left'))
    const right = written.filter(({ name }) => name.endsWith('-right'))
    t.same(
      left.map(({ data }) => data),
      right.map(({ data }) => data),
    )
    before = store.revision
    await store.stop()
  }
})
