// device.ts - one device in memory: a real cache and the real loop on a fake runtime and a clock that stands still
import { cpSync, renameSync, rmSync } from 'node:fs'
import { createCache } from '../../agent/cache/create-cache.ts'
import type { Cache } from '../../agent/cache/cache.ts'
import { createFileDisk } from '../../agent/cache/disk.ts'
import { isClockSet } from '../../agent/system/clock-set.ts'
import { createReconciler } from '../../agent/reconcile/loop.ts'
import type { Runtime } from '../../agent/runtime/runtime.ts'
import { silentLog, type Log } from '../../shared/log.ts'
import type { NodeCondition, Pod, PodStatus } from '../../shared/kinds/object.ts'
import type { DesiredState, PodReport } from '../../shared/protocol/messages.ts'
import type { Service } from '../../shared/service.ts'
import { createFakeRuntime, type FakeRuntime } from './fake-runtime.ts'
import { createManualClock, type ManualClock } from './manual-clock.ts'

export interface Device {
  readonly clock: ManualClock
  readonly runtime: FakeRuntime
  readonly cache: Cache
  start(): Promise<void>
  stop(): Promise<void>
  /** kill -9 and a new process: memory is gone, disk and containers stay. */
  restart(): Promise<void>
  /** Power goes: the files stay as they lie on the disk at this moment, and `harm` is done to them before the next start. */
  crash(harm?: (cacheDir: string) => void): Promise<void>
  condition(type: string): NodeCondition | undefined
  /** What the hub would send, as a newer revision. */
  want(pods: readonly Pod[], rest?: Partial<DesiredState>): Promise<void>
  /** Lets the device work for this long. */
  run(ms?: number): Promise<void>
  report(name: string): PodReport | undefined
  status(name: string): PodStatus
  /** "reason message" of everything in the journal. */
  journal(): string[]
}

export interface DeviceOptions {
  images?: readonly string[]
  hostPathAllowed?: readonly string[]
  runtimes?: (fake: FakeRuntime) => readonly Runtime[]
  log?: Log
  /** What the wall says at first. */
  wallMs?: number
}

/** Hundreds of devices are made: each need not write megabytes. */
const BALLAST_BYTES = 4_096
/** Long enough for anything that needs no more than a few turns of the loop. */
const A_MOMENT_MS = 200

export function createDevice(dir: string, options: DeviceOptions = {}): Device {
  const clock = createManualClock(options.wallMs)
  const images = options.images ?? ['my-image']
  const runtime = createFakeRuntime({ clock, images })
  // Their registry answers too, as it does for a tag that moves.
  for (const image of images) runtime.images.pullable(image)
  const log = options.log ?? silentLog
  const signedStates = new Map<string, DesiredState>()
  let revision = 0
  let boot = 1
  let bootedAtMs = clock.monoMs()
  let cache: Cache
  let loop: Service

  const make = () => {
    cache = createCache({
      dir: `${dir}/cache`,
      owner: 'node-1',
      disk: createFileDisk(`${dir}/cache`, { ballastBytes: BALLAST_BYTES }),
      clock,
      log,
      clockIsSet: () => isClockSet(clock.wallMs()),
      verify: (signed) => signedStates.get(Buffer.from(signed).toString()),
    })
    loop = createReconciler({
      cache,
      runtimes: options.runtimes?.(runtime) ?? [runtime],
      clock,
      random: { float: () => 0.5, uuid: () => 'uuid', bytes: (length) => new Uint8Array(length) },
      log,
      node: { name: 'node-1', hostIp: '192.0.2.7', cpus: 4, memoryBytes: 4 * 1024 ** 3, diskBytes: 20 * 1024 ** 3 },
      boot: { bootId: () => `boot-${boot}`, nowMs: () => clock.monoMs() - bootedAtMs },
      dataDir: dir,
      memoryDir: `${dir}/memory`,
      policy: { hostPathAllowed: options.hostPathAllowed ?? [], hostNetworkAllowed: true, privilegedAllowed: true },
      headroom: async () => ({ memoryAvailableBytes: 1e9, diskAvailableBytes: 9e9, diskTotalBytes: 1e10 }),
    })
  }
  make()
  const device: Device = {
    clock,
    runtime,
    get cache() {
      return cache
    },
    async start() {
      await cache.start()
      await loop.start()
      await clock.advance(A_MOMENT_MS)
    },
    async stop() {
      await loop.stop()
      await cache.stop()
    },
    async restart() {
      await device.stop()
      make()
      await device.start()
    },
    async crash(harm) {
      const cacheDir = `${dir}/cache`
      cpSync(cacheDir, `${cacheDir}.at-crash`, { recursive: true })
      await device.stop()
      rmSync(cacheDir, { recursive: true })
      renameSync(`${cacheDir}.at-crash`, cacheDir)
      harm?.(cacheDir)
      boot++
      bootedAtMs = clock.monoMs()
      make()
      await device.start()
    },
    condition: (type) => cache.report()?.conditions.find((one) => one.type === type),
    async want(pods, rest = {}) {
      const state: DesiredState = {
        type: 'state',
        node: 'node-1',
        epoch: 1,
        revision: ++revision,
        pods: [...pods],
        configMaps: {},
        secrets: {},
        settings: { beatEveryMs: 10_000 },
        ...rest,
      }
      const signed = `signed ${revision}`
      signedStates.set(signed, state)
      cache.commitDesired(state, Buffer.from(signed))
      await clock.advance(A_MOMENT_MS)
    },
    run: (ms = A_MOMENT_MS) => clock.advance(ms),
    report: (name) => cache.report()?.pods.find((pod) => pod.name === name),
    status(name) {
      const found = device.report(name)
      if (!found) throw new Error(`the report does not have pod ${name}`)
      return found.status
    },
    journal: () =>
      cache
        .peekJournal(1_000)
        .map(({ body }) => (body.kind === 'event' ? `${body.reason} ${body.message}` : `gap ${body.dropped}`)),
  }
  return device
}
