// commit-queue.ts - group commit: what one turn of the event loop wrote goes to the journal as one batch, batches in order
import type { Clock, Timer } from '../../shared/clock.ts'
import { StatusError, tooManyRequests } from '../../shared/kinds/status-error.ts'
import type { Journal, JournalRow } from './journal.ts'
import type { Change } from './store.ts'

export interface Written {
  change: Change
  row: JournalRow
}

export interface CommitQueueDeps {
  clock: Clock
  journal: Journal
  onDurable(changes: readonly Change[]): void
  onFatal(error: unknown): void
}

export interface CommitQueue {
  readonly durableRevision: number
  open(revision: number): void
  /** Throws when nothing can be taken: not started, stopped, failed, or too much is waiting for the disk. */
  checkOpen(): void
  add(written: readonly Written[]): void
  /** A new epoch begins with this revision; durable as any other revision is. */
  beginEpoch(epoch: number, revision: number): void
  durable(revision: number): Promise<void>
  /** Writes what waits; takes nothing more. */
  close(): Promise<void>
}

/** A disk that hangs must not fill the memory: beyond this many changes that wait for it, writers are told to come back. */
const WAITING_CHANGES_MAX = 50_000
const RETRY_AFTER_SECONDS = 1

interface Waiter {
  revision: number
  resolve(): void
  reject(error: unknown): void
}

export function createCommitQueue(deps: CommitQueueDeps): CommitQueue {
  let state: 'new' | 'open' | 'closed' | 'failed' = 'new'
  let durableRevision = 0
  let addedRevision = 0
  let waiting: Written[] = []
  let begun: { epoch: number; revision: number } | undefined
  let waiters: Waiter[] = []
  let turn: Timer | undefined
  let isFlushing = false

  function requestFlush() {
    if (!turn && !isFlushing) turn = deps.clock.after(0, () => void flush())
  }

  async function flush(): Promise<void> {
    turn = undefined
    if (isFlushing || (waiting.length === 0 && !begun)) return
    isFlushing = true
    const [batch, epoch] = [waiting, begun]
    waiting = []
    begun = undefined
    const revision = Math.max(batch.at(-1)?.change.revision ?? 0, epoch?.revision ?? 0)
    try {
      await deps.journal.append({ revision, rows: lastRows(batch), ...(epoch && { epoch: epoch.epoch }) })
    } catch (error) {
      return fail(error)
    }
    isFlushing = false
    durableRevision = revision
    const isDone = (waiter: Waiter) => waiter.revision <= revision
    const done = waiters.filter(isDone)
    waiters = waiters.filter((waiter) => !isDone(waiter))
    for (const waiter of done) waiter.resolve()
    deps.onDurable(batch.map((written) => written.change))
    if (waiting.length > 0 || begun) requestFlush()
  }

  /** What is in memory now is more than what is on disk: nobody may be answered from it any more. */
  function fail(error: unknown) {
    state = 'failed'
    for (const waiter of waiters.splice(0)) waiter.reject(unavailable())
    deps.onFatal(error)
  }

  const durable = (revision: number) =>
    new Promise<void>((resolve, reject) => {
      if (state === 'failed') return reject(unavailable())
      if (revision <= durableRevision) return resolve()
      waiters.push({ revision, resolve, reject })
    })

  return {
    get durableRevision() {
      return durableRevision
    },
    open(revision) {
      durableRevision = revision
      addedRevision = revision
      state = 'open'
    },
    checkOpen() {
      if (state !== 'open') throw unavailable()
      if (waiting.length >= WAITING_CHANGES_MAX) {
        throw tooManyRequests('the store waits for its disk, try again later', RETRY_AFTER_SECONDS)
      }
    },
    add(written) {
      // One by one: spreading a huge transaction into arguments would overflow the stack.
      for (const one of written) waiting.push(one)
      addedRevision = written.at(-1)?.change.revision ?? addedRevision
      requestFlush()
    },
    beginEpoch(epoch, revision) {
      begun = { epoch, revision }
      addedRevision = revision
      requestFlush()
    },
    durable,
    async close() {
      try {
        if (state !== 'open') return
        state = 'closed'
        turn?.cancel()
        await flush()
        await durable(addedRevision)
      } finally {
        await deps.journal.close()
      }
    },
  }
}

const unavailable = () =>
  new StatusError(
    503,
    'ServiceUnavailable',
    'the store takes no writes: it is starting, stopping or could not write to its disk',
  )

/** Of several writes to one object only the last needs the disk. */
function lastRows(batch: readonly Written[]): JournalRow[] {
  const rows = new Map<string, JournalRow>()
  for (const { row } of batch) rows.set(`${row.resource}/${row.key}`, row)
  return [...rows.values()]
}
