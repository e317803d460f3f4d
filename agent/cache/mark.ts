// mark.ts - the high-water mark beside the database: what it must at least hold, so that lost rows are noticed
import * as v from 'valibot'
import type { CacheDisk } from './disk.ts'
import { sealed, unsealed } from './durable-file.ts'

const count = v.pipe(v.number(), v.integer(), v.minValue(0))
export const markSchema = v.object({
  /** Which node of which hub: files of another say nothing about us. */
  owner: v.optional(v.string()),
  epoch: count,
  revision: count,
  /** By the device's own clock, for people. */
  heldAtMs: v.optional(v.number()),
  /** Of the state's canonical bytes: the same number with other bytes is another state. */
  digest: v.optional(v.string()),
  /** No journal number above this one was ever given out: a rebuilt journal goes on from here. */
  journalCeiling: count,
  values: v.record(v.string(), v.string()),
  /** The store was damaged and made anew, and the hub has not confirmed yet; `seq` is the journal's entry about it. */
  rebuilt: v.optional(v.object({ atMs: v.number(), why: v.string(), seq: count })),
  /** How often that happened, and when last: what a doctor asks when flash begins to fail. */
  rebuilds: v.optional(v.object({ times: count, atMs: v.number(), why: v.string() })),
})
export type Mark = v.InferOutput<typeof markSchema>

export const NO_MARK: Mark = { epoch: 0, revision: 0, journalCeiling: 0, values: {} }

export type FoundMark = { kind: 'good'; mark: Mark } | { kind: 'none' } | { kind: 'bad'; why: string }

export function readMark(disk: Pick<CacheDisk, 'read'>, owner: string): FoundMark {
  const bytes = disk.read('mark')
  if (!bytes) return { kind: 'none' }
  const parsed = v.safeParse(markSchema, unsealed(bytes))
  if (!parsed.success) return { kind: 'bad', why: 'the mark was damaged' }
  const isOurs = parsed.output.owner === undefined || parsed.output.owner === owner
  return isOurs ? { kind: 'good', mark: parsed.output } : { kind: 'bad', why: 'the mark was of another node' }
}

export const writeMark = (disk: Pick<CacheDisk, 'write'>, mark: Mark): void => disk.write('mark', sealed(mark))

/** The file and its copy in the database: each may have been written last before the power went. */
export function mergeMarks(file: Mark | undefined, copy: Mark | undefined): Mark {
  if (!file || !copy) return file ?? copy ?? NO_MARK
  const newer = isBehind(file, copy) ? copy : file
  return {
    ...newer,
    journalCeiling: Math.max(file.journalCeiling, copy.journalCeiling),
    values: { ...copy.values, ...file.values },
  }
}

interface Numbered {
  epoch: number
  revision: number
}

export const isBehind = (held: Numbered, mark: Numbered): boolean =>
  held.epoch < mark.epoch || (held.epoch === mark.epoch && held.revision < mark.revision)
