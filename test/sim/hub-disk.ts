// hub-disk.ts - the hub's disk: what was written is volatile until the barrier, and a crash keeps only a part of it
import type { Journal, JournalBatch, JournalContents, JournalMeta, JournalRow } from '../../hub/store/journal.ts'
import { FIRST_REVISION } from '../../hub/store/journal.ts'
import type { Chance } from './chance.ts'
import type { Timeline } from './timeline.ts'

/** Everything that a power cut would leave. */
export interface DiskImage {
  readonly meta: JournalMeta
  readonly rows: ReadonlyMap<string, JournalRow>
}

export interface HubDisk {
  readonly image: DiskImage
  /** The port that one process of the hub writes through; dead processes get no answers. */
  open(isAlive: () => boolean): Journal
  /** The process or the machine ended: of what was on its way a random first part arrived. */
  crash(): void
  backup(): DiskImage
  /** `isNoted`: the hub finds at its next start that the newest part is lost. */
  restore(image: DiskImage, isNoted: boolean): void
  row(resource: string, key: string): JournalRow | undefined
  /** From now on writes take this much longer, or fail. */
  slowMs: number
  failsNext: boolean
}

export interface HubDiskDeps {
  timeline: Timeline
  chance: Chance
  fsyncMs: number
}

interface Pending {
  batch: JournalBatch
  settle(error?: Error): void
}

const rowKey = ({ resource, key }: JournalRow) => `${resource} ${key}`

export function createHubDisk({ timeline, chance, fsyncMs }: HubDiskDeps): HubDisk {
  let meta: JournalMeta = { hubUid: chance.uuid(), epoch: 1, revision: FIRST_REVISION }
  let rows = new Map<string, JournalRow>()
  let pending: Pending[] = []
  let isLossNoted = false

  function apply({ rows: written, revision, epoch = meta.epoch }: JournalBatch): void {
    for (const row of written) {
      if (row.body === undefined) rows.delete(rowKey(row))
      else rows.set(rowKey(row), row)
    }
    meta = { ...meta, revision, epoch }
  }

  function finish(one: Pending): void {
    if (!pending.includes(one)) return
    pending = pending.filter((other) => other !== one)
    if (disk.failsNext) {
      disk.failsNext = false
      // Nobody knows how far it came: an error of the disk says nothing about what is on it.
      if (chance.is(0.5)) apply(one.batch)
      return one.settle(new Error('input/output error'))
    }
    apply(one.batch)
    one.settle()
  }

  const disk: HubDisk = {
    slowMs: 0,
    failsNext: false,
    get image() {
      return { meta, rows }
    },
    open: (isAlive) => ({
      async load(): Promise<JournalContents> {
        const loss = isLossNoted ? ({ loss: 'tail' } as const) : {}
        isLossNoted = false
        return { meta, rows: [...rows.values()], ...loss }
      },
      append: (batch) =>
        new Promise((resolve, reject) => {
          const one: Pending = {
            batch,
            settle(error) {
              if (!isAlive()) return
              if (error) reject(error)
              else resolve()
            },
          }
          pending.push(one)
          timeline.after(chance.heavyTailMs(fsyncMs) + disk.slowMs, () => finish(one))
        }),
      async close() {},
    }),
    crash() {
      const kept = chance.between(0, pending.length)
      for (const { batch } of pending.slice(0, kept)) apply(batch)
      pending = []
      disk.failsNext = false
    },
    backup: () => ({ meta, rows: new Map(rows) }),
    restore(image, isNoted) {
      isLossNoted = isNoted
      pending = []
      meta = image.meta
      rows = new Map(image.rows)
    },
    row: (resource, key) => rows.get(`${resource} ${key}`),
  }
  return disk
}
