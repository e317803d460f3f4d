// journal.ts - the port to the disk below the store: everything at start, batches that are durable when the promise resolves

/** One stored object; without a body: it was removed. */
export interface JournalRow {
  /** "deployments.apps" */
  resource: string
  /** "namespace/name" */
  key: string
  revision: number
  body?: string
}

/** All rows of a batch become durable together, or none. */
export interface JournalBatch {
  /** The store's revision after this batch. */
  revision: number
  /** The epoch that begins with this batch; absent while it stays the same. */
  epoch?: number
  rows: readonly JournalRow[]
}

export interface JournalMeta {
  /** Never changes; a hub restored from a backup keeps it. */
  hubUid: string
  /** Goes up when history may have been lost, so that agents tell new revisions from old ones with the same number. */
  epoch: number
  revision: number
}

export interface JournalContents {
  meta: JournalMeta
  rows: readonly JournalRow[]
  /** A new epoch began at this start, and why: rows have vanished one by one, or all that came after a moment. */
  loss?: 'rows' | 'tail'
}

export interface Journal {
  /** Opens it and checks it; rejects with a JournalError that says what is wrong and what to do. */
  load(): Promise<JournalContents>
  append(batch: JournalBatch): Promise<void>
  close(): Promise<void>
}

export type JournalTrouble = 'damaged' | 'behind' | 'in use' | 'not ours' | 'not usable'

export class JournalError extends Error {
  readonly trouble: JournalTrouble
  constructor(trouble: JournalTrouble, message: string, cause?: unknown) {
    super(message, { cause })
    this.name = 'JournalError'
    this.trouble = trouble
  }
}

/** Clients read "0" as "any version", so a new store starts above it. */
export const FIRST_REVISION = 1

/** After a loss nobody knows how far revisions had come: no client may meet one of them again. */
export const REVISION_GAP = 1_000_000

/** The numbers with which a history goes on of which the newest part is lost, as far as anybody has seen it. */
export const nextEpoch = (
  own: Pick<JournalMeta, 'epoch' | 'revision'>,
  seen: Pick<JournalMeta, 'epoch' | 'revision'>,
): Pick<JournalMeta, 'epoch' | 'revision'> => ({
  epoch: Math.max(own.epoch, seen.epoch) + 1,
  revision: Math.max(own.revision, seen.revision) + REVISION_GAP,
})
