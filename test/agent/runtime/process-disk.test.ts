// process-disk.test.ts - plain processes on a disk that is full: none is lost, none is started twice, none takes the agent along
import { join } from 'node:path'
import type { Test } from 'tap'
import t from 'tap'
import { createProcessRuntime, isProcessRuntimeSupported } from '../../../agent/runtime/process.ts'
import { systemClock } from '../../../shared/clock.ts'
import { silentLog, type Log } from '../../../shared/log.ts'
import { systemRandom } from '../../../shared/random.ts'
import { readLogs } from '../../contract/conversation.ts'
import { containerSpec, type SpecChange } from '../../support/container-spec.ts'
import { eventually } from '../../support/eventually.ts'
import { createSmallDisk, skipSmallDisk } from '../../support/small-disk.ts'

const MIB = 1024 * 1024
const PAGE_BYTES = 4_096
const skip = isProcessRuntimeSupported() ? (skipSmallDisk() ?? false) : 'plain processes need Linux'

function smallDisk(t: Test) {
  const disk = createSmallDisk(4 * MIB)
  const root = join(disk.dir, 'containers')
  const errors: string[] = []
  const log: Log = { ...silentLog, error: (_fields, message) => void errors.push(message) }
  const open = () =>
    createProcessRuntime({
      ...{ root, clock: systemClock, random: systemRandom, log },
      ...{ searchPath: '/usr/bin:/bin', nodePath: process.execPath },
    })
  t.teardown(async () => {
    disk.clear()
    const runtime = open()
    for (const { id } of await runtime.list()) await runtime.removeContainer(id, { force: true })
    disk.remove()
  })
  return { disk, errors, open }
}

const script = (text: string, change: SpecChange = {}) => containerSpec({ command: ['sh', '-c', text], ...change })

t.test('A record that does not fit leaves the one before whole', { skip }, async (t) => {
  const { disk, open } = smallDisk(t)
  const runtime = open()
  const id = await runtime.createContainer(script('exit 0', { env: [['LARGE', 'x'.repeat(2 * PAGE_BYTES)]] }))
  disk.fill(PAGE_BYTES)
  await t.rejects(runtime.startContainer(id), { name: 'StartError', message: /ENOSPC/ })
  t.match(await open().list(), [{ id, state: 'created' }], 'the next agent knows it')
  disk.clear()
  await runtime.startContainer(id)
  await eventually(async () => (await runtime.inspect(id))?.exitCode === 0)
})

t.test('What ends while the disk is full is seen to end, by this agent and by the next', { skip }, async (t) => {
  const { disk, errors, open } = smallDisk(t)
  const runtime = open()
  const told: string[] = []
  runtime.onEvent((event) => event.kind === 'changed' && told.push(event.id))
  const start = async (container: string) => {
    const text = "trap 'exit 7' TERM; echo ready; while :; do sleep 0.01; done"
    const id = await runtime.createContainer(script(text, { identity: { container } }))
    await runtime.startContainer(id)
    await eventually(async () => (await readLogs(runtime, id)).all === 'ready\n')
    return id
  }
  const ids = [await start('one'), await start('two')]
  disk.fill()
  told.length = 0
  for (const id of ids) await runtime.signalContainer(id, 'SIGTERM')
  // Nobody asks meanwhile: the event is what sees it.
  await eventually(() => ids.every((id) => told.includes(id)))
  const ended = ids.map((id) => ({ id, state: 'exited', exitCode: 7 }))
  for (const one of [runtime, open()]) t.match(byId(await one.list()), byId(ended))
  t.equal(errors.length, 2, 'each agent says once what the disk refuses')
  for (const id of ids) await runtime.removeContainer(id, { force: false })
  t.same(await runtime.list(), [])
})

const byId = <T extends { id: string }>(all: readonly T[]) => new Map(all.map((one) => [one.id, one]))
