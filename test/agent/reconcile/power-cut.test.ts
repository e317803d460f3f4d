// power-cut.test.ts - power goes at every step of an update, and comes back without a link: one version runs, never none, never two
import { cpSync } from 'node:fs'
import { Socket } from 'node:net'
import { join } from 'node:path'
import t from 'tap'
import { createCache } from '../../../agent/cache/create-cache.ts'
import { createFileDisk } from '../../../agent/cache/disk.ts'
import type { Pod } from '../../../shared/kinds/object.ts'
import { silentLog } from '../../../shared/log.ts'
import type { DesiredState } from '../../../shared/protocol/messages.ts'
import { container, pod } from '../../support/builders.ts'
import { createDevice, type Device } from '../../support/device.ts'
import { fastDir } from '../../support/fast-dir.ts'
import { createManualClock } from '../../support/manual-clock.ts'
import { createPower } from '../../support/power.ts'

/** What users are promised from the moment at which the runtime answers. */
const BOOT_WITHIN_MS = 15_000

const WEB = pod('web')
const OLD = pod('old')
const NEW = pod('new')
const version = (image: string, given = WEB): Pod => ({ ...given, spec: { containers: [container({ image })] } })
const goes = (given: Pod): Pod => ({
  ...given,
  metadata: { ...given.metadata, deletionTimestamp: '2026-11-20T12:00:00Z', deletionGracePeriodSeconds: 2 },
})
const running = (device: Device) => device.runtime.containers().filter(({ state }) => state === 'running')
const imagesOf = (device: Device) => running(device).map(({ image }) => image)

/** An update as the hub would send it, and what may run after it: one of these, exactly. */
const UPDATES: Record<string, { before: () => Pod[]; after: () => Pod[] }> = {
  'the image of a pod changes': { before: () => [version('app:1')], after: () => [version('app:2')] },
  'a pod takes the place of another': {
    before: () => [version('app:1', OLD)],
    after: () => [goes(version('app:1', OLD)), version('app:2', NEW)],
  },
}

for (const [what, { before, after }] of Object.entries(UPDATES)) {
  for (const left of ['exited', 'gone'] as const) {
    t.test(
      `Power goes at any step while ${what} (containers ${left} afterwards): one version runs again`,
      async (t) => {
        const old = before()
        const wanted = after()
        let isBeyond = false
        let steps = 0
        for (let at = 1; !isBeyond; at++) {
          for (const isDone of [false, true]) {
            const power = createPower()
            const edge = createDevice(fastDir(t), {
              images: ['app:1', 'app:2'],
              runtimes: (fake) => [power.through(fake)],
            })
            await edge.start()
            await edge.want(old)
            t.same(imagesOf(edge), ['app:1'])
            power.cutAt(at, isDone)
            await edge.want(wanted)
            await edge.run(10_000)
            if (!power.isCut) isBeyond = true
            else steps++
            edge.runtime.reboot(left)
            power.restore()
            await edge.crash()
            await edge.run(BOOT_WITHIN_MS)
            t.same(imagesOf(edge), ['app:2'], `cut at change ${at}, which was ${isDone ? '' : 'not '}done`)
            await edge.stop()
          }
        }
        t.ok(steps >= 6, `${steps} moments`)
      },
    )
  }
}

t.test('Power goes while a new state is written: the old one or the new one is there, whole', async (t) => {
  const dir = fastDir(t)
  const clock = createManualClock()
  const stateOf = (revision: number): DesiredState => ({
    ...{ type: 'state', node: 'node-1', epoch: 1, revision, pods: [version(`app:${revision}`)] },
    ...{ configMaps: {}, secrets: {}, settings: { beatEveryMs: 10_000 } },
  })
  const signed = (state: DesiredState) => Buffer.from(JSON.stringify(state))
  const verify = (bytes: Uint8Array) => JSON.parse(Buffer.from(bytes).toString('utf8')) as DesiredState
  const open = (at: string, disk = createFileDisk(at)) =>
    createCache({ dir: at, disk, clock, log: silentLog, owner: 'node-1', clockIsSet: () => true, verify })
  const live = join(dir, 'live')
  const moments: string[] = []
  const remember = () => {
    const copy = join(dir, `moment-${moments.length}`)
    cpSync(live, copy, { recursive: true })
    moments.push(copy)
  }
  const real = createFileDisk(live)
  const observed =
    <A extends unknown[], R>(call: (...args: A) => R) =>
    (...args: A): R => {
      remember()
      const answer = call(...args)
      remember()
      return answer
    }
  const openDatabase = () => {
    const database = real.openDatabase()
    return { ...database, transact: observed(database.transact) }
  }
  const cache = open(live, { ...real, write: observed(real.write), openDatabase })
  await cache.start()
  cache.commitDesired(stateOf(1), signed(stateOf(1)))
  const first = moments.length
  cache.commitDesired(stateOf(2), signed(stateOf(2)))
  const found = []
  for (const copy of moments.slice(first)) {
    const again = open(copy)
    await again.start()
    const held = again.desired()
    t.same(held, stateOf(held?.revision ?? 0), 'whole')
    t.equal(again.health().rebuilt, undefined, 'no power cut is taken for damage')
    found.push(held?.revision)
    void again.stop()
  }
  void cache.stop()
  t.same(found, [1, 2, 2, 2, 2, 2])
})

t.test('A cold boot without a link starts everything within seconds, from the disk alone', async (t) => {
  const edge = createDevice(fastDir(t), { images: ['my-image'] })
  t.teardown(() => edge.stop())
  await edge.start()
  const pods = Array.from({ length: 20 }, (_, at) => pod(`web-${at}`))
  const job = pod('job', { restartPolicy: 'Never' })
  await edge.want([...pods, job])
  const jobId = running(edge).find(({ identity }) => identity.pod === 'job')?.id ?? ''
  edge.runtime.exit(jobId, 0)
  await edge.run(1_000)

  const connects: unknown[] = []
  const connect = Socket.prototype.connect
  Socket.prototype.connect = function (this: Socket, ...args: unknown[]) {
    connects.push(args)
    return Reflect.apply(connect, this, args)
  }
  t.teardown(() => void (Socket.prototype.connect = connect))
  edge.runtime.reboot('gone')
  await edge.crash()
  await edge.run(BOOT_WITHIN_MS)
  t.equal(running(edge).length, 20, 'all that ran, and not what had done its work')
  t.equal(edge.status('job').phase, 'Succeeded')
  t.equal(edge.status('web-0').phase, 'Running')
  t.same(connects, [], 'nobody was called')
})

t.test('A container that crashes while there is no link runs again as it would with one', async (t) => {
  const edge = createDevice(fastDir(t))
  t.teardown(() => edge.stop())
  await edge.start()
  await edge.want([pod('web')])
  edge.runtime.exit(running(edge)[0]?.id ?? '', 3)
  await edge.run(100)
  t.equal(running(edge).length, 1)
  const exits = edge.cache
    .peekJournal(100)
    .flatMap(({ body }) => (body.kind === 'event' && body.reason === 'Exited' ? [body] : []))
  t.match(exits, [{ class: 'change', severity: 'Warning', message: 'Container app ended with exit code 3 (Error)' }])
})
