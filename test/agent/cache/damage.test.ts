// damage.test.ts - whatever happens to the files of the cache: what runs goes on, what can be saved is saved, and the node says so
import { readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { pod } from '../../support/builders.ts'
import { DAMAGES, type Damage } from '../../support/damages.ts'
import { createDevice, type Device } from '../../support/device.ts'
import { fastDir } from '../../support/fast-dir.ts'

/** One that runs, one that crashed and runs again, one that has done its work. */
const WEB = pod('web')
const SHAKY = pod('shaky')
const DONE = pod('done', { restartPolicy: 'Never' })

async function busyDevice(dir: string): Promise<Device> {
  const device = createDevice(dir)
  await device.start()
  await device.want([WEB])
  await device.want([WEB, SHAKY, DONE])
  const idOf = (name: string) =>
    device.runtime.containers().find(({ identity, state }) => identity.pod === name && state === 'running')?.id ?? ''
  device.runtime.exit(idOf('shaky'), 1)
  device.runtime.exit(idOf('done'), 0)
  await device.run(5_000)
  return device
}

const running = (device: Device) =>
  device.runtime
    .containers()
    .filter(({ state }) => state === 'running')
    .map(({ id }) => id)
const restartsOf = (device: Device, name: string) => device.status(name).containerStatuses?.[0]?.restartCount
const told = (device: Device) => device.journal().filter((line) => line.startsWith('StoreRebuilt'))

for (const [what, one] of Object.entries(DAMAGES)) {
  t.test(`Damage: ${what}: what runs goes on, and what can be saved is saved`, async (t) => {
    const dir = fastDir(t)
    const device = await busyDevice(dir)
    t.teardown(() => device.stop())
    const ids = running(device)
    const journal = device.cache.peekJournal(1_000)
    const asked = device.runtime.actions.length
    const { revision } = device.cache.held()
    await (one.after === 'stop' ? stopAndHarm(device, one) : device.crash(one.harm))
    await device.run(60_000)

    t.same(running(device), ids, 'the same containers run')
    t.equal(device.runtime.actions.length, asked, 'the runtime was asked to do nothing')
    if (one.state === 'lost') t.equal(device.cache.desired(), undefined, 'nothing is wanted')
    else {
      t.equal(device.cache.held().revision, revision)
      t.equal(device.status('web').phase, 'Running')
      t.equal(device.status('done').phase, 'Succeeded')
      if (!one.historyLost) t.equal(restartsOf(device, 'shaky'), 1, 'its past is known')
    }
    const before = new Set(journal.map((entry) => JSON.stringify(entry)))
    const saved = device.cache.peekJournal(1_000).filter((entry) => before.has(JSON.stringify(entry)))
    const lost = one.journalLost === 'all' ? journal.length : (one.journalLost ?? 0)
    t.equal(saved.length, journal.length - lost, 'journal entries')

    const isTold = !one.silent
    t.equal(told(device).length, isTold ? 1 : 0)
    t.equal(device.condition('StoreRebuilt')?.status, isTold ? 'True' : 'False')
    if (one.aside)
      t.ok(
        readdirSync(join(dir, 'cache')).some((name) => one.aside?.test(name)),
        'set aside',
      )

    await device.restart()
    t.equal(told(device).length, isTold ? 1 : 0, 'one damage is told once')
    t.equal(device.condition('StoreRebuilt')?.status, isTold ? 'True' : 'False', 'until the hub has confirmed')

    // The hub comes back: it reads the journal, and sends what it wants, under a number that the device takes.
    device.cache.ackJournal(device.cache.peekJournal(1_000).at(-1)?.seq ?? 0)
    await device.want([WEB, SHAKY, DONE], { revision: Math.max(revision, device.cache.floor().revision) + 1 })
    await device.run(1_000)
    t.equal(device.condition('StoreRebuilt')?.status, 'False', 'said at once')
    await device.run(5_000)
    t.same(running(device), ids, 'and still nothing was restarted')
    await device.restart()
    t.equal(device.status('web').phase, 'Running')
    t.same(told(device), [])
  })
}

/** A clean stop first, so that everything is in the main file. */
async function stopAndHarm(device: Device, { harm }: Damage): Promise<void> {
  await device.stop()
  await device.crash(harm)
}

t.test('Power that goes right after the hub has confirmed leaves nothing to confirm', async (t) => {
  const dir = fastDir(t)
  const device = createDevice(dir)
  t.teardown(() => device.stop())
  await device.start()
  await device.want([WEB])
  await device.crash((cacheDir) => writeFileSync(join(cacheDir, 'state.signed'), 'forged'))
  t.equal(device.condition('StoreRebuilt')?.status, 'True')
  // The journal is on the disk without the entry, and the mark that says that it was read is not yet.
  const mark = readFileSync(join(dir, 'cache/mark'))
  device.cache.ackJournal(device.cache.peekJournal(1_000).at(-1)?.seq ?? 0)
  await device.crash((cacheDir) => writeFileSync(join(cacheDir, 'mark'), mark))
  t.equal(device.condition('StoreRebuilt')?.status, 'False')
})
