// memory-store.ts - the hub's store: objects in memory, changes to the journal in group commits, durable changes to the watchers
import type { Clock } from '../../shared/clock.ts'
import type { Log } from '../../shared/log.ts'
import type { Kind } from '../../shared/kinds/kind.ts'
import type { KubeObject } from '../../shared/kinds/object.ts'
import { createCommitQueue, type Written } from './commit-queue.ts'
import { deepFreeze } from './freeze.ts'
import { createHistory, tooLargeResourceVersion, type HistoryLimits } from './history.ts'
import {
  JournalError,
  nextEpoch,
  type Journal,
  type JournalContents,
  type JournalMeta,
  type JournalRow,
} from './journal.ts'
import { createPublisher } from './publisher.ts'
import type { Change, Store } from './store.ts'
import { createTables, readTables } from './tables.ts'
import { undo } from './time-travel.ts'
import { createTransactions } from './transactions.ts'

export interface MemoryStoreDeps {
  journal: Journal
  clock: Clock
  log: Log
  /** Called once, when a write could not be made durable: the hub must stop, it would serve what it may forget. */
  onFatal(error: unknown): void
  historyLimits?: HistoryLimits
}

export interface StoreCounters {
  readonly revision: number
  readonly durableRevision: number
  readonly historyFloor: number
  readonly watchers: number
  readonly changesTold: number
  readonly watchersFailed: number
}

export interface MemoryStore extends Store {
  /** Who this hub is, and which life of its history this is. Throws before start. */
  readonly identity: Pick<JournalMeta, 'hubUid' | 'epoch'>
  /** What the last start has found missing, when it began a new epoch. */
  readonly loss: JournalContents['loss']
  readonly counters: StoreCounters
  /**
   * The history that is held is not the newest one: goes on in a new epoch, with revisions beyond all that was seen. Who
   * watches from an older revision is told to list again. Durable as soon as `durable()` of the revision that it answers is.
   */
  beginEpoch(seen: Pick<JournalMeta, 'epoch' | 'revision'>): number
}

export function createMemoryStore(deps: MemoryStoreDeps): MemoryStore {
  const tables = createTables()
  const history = createHistory(deps.historyLimits)
  const publisher = createPublisher({ log: deps.log })
  const transactions = createTransactions(tables)
  const commits = createCommitQueue({
    clock: deps.clock,
    journal: deps.journal,
    onDurable: (changes) => publisher.publish(changes),
    onFatal(error) {
      deps.log.error({ error }, 'the journal could not write, the hub must stop')
      deps.onFatal(error)
    },
  })
  let meta: JournalMeta | undefined
  let loss: JournalContents['loss']

  /** Of what came after `since`, the part that the disk has; the rest comes when it has it too. */
  function durableAfter(since: number): readonly Change[] {
    if (since > transactions.revision) throw tooLargeResourceVersion(since, transactions.revision)
    return history.after(since).filter((change) => change.revision <= commits.durableRevision)
  }

  function record(written: readonly Written[]) {
    for (const { change, row } of written) history.add(change, row.body?.length ?? 0)
    if (written.length > 0) commits.add(written)
  }

  return {
    ...readTables(tables),
    get revision() {
      return transactions.revision
    },
    get durableRevision() {
      return commits.durableRevision
    },
    get identity() {
      if (!meta) throw new Error('the store has not been started')
      return { hubUid: meta.hubUid, epoch: meta.epoch }
    },
    get loss() {
      return loss
    },
    get counters() {
      const { watchers, told, failed } = publisher.counters
      return {
        revision: transactions.revision,
        durableRevision: commits.durableRevision,
        historyFloor: history.floor,
        watchers,
        changesTold: told,
        watchersFailed: failed,
      }
    },
    transact(work) {
      commits.checkOpen()
      return transactions.run(work, record)
    },
    beginEpoch(seen) {
      commits.checkOpen()
      if (!meta) throw new Error('the store has not been started')
      const { epoch, revision } = nextEpoch({ epoch: meta.epoch, revision: transactions.revision }, seen)
      meta = { ...meta, epoch, revision }
      transactions.open(revision)
      history.reset(revision)
      commits.beginEpoch(epoch, revision)
      deps.log.warn({ epoch, revision, seen }, 'a new epoch begins: a part of the history is lost')
      return revision
    },
    durable: (revision = transactions.revision) => commits.durable(revision),
    watch<T extends KubeObject>(kind: Kind<T>, since: number, onChange: (change: Change<T>) => void) {
      // Every change under a kind's resource holds an object of that kind: T is what its row promises.
      return publisher.subscribe(kind, since, durableAfter(since), (change) => onChange(change as Change<T>))
    },
    watchAll: (since, onChange) => publisher.subscribe(undefined, since, durableAfter(since), onChange),
    listAt<T extends KubeObject>(kind: Kind<T>, namespace: string | undefined, revision: number) {
      if (revision > transactions.revision) throw tooLargeResourceVersion(revision, transactions.revision)
      const then = undo(tables.of(kind).list(), history.after(revision), kind)
      // What is stored under a kind's resource has the type that the kind's row promises.
      return (namespace ? then.filter((object) => object.metadata.namespace === namespace) : then) as readonly T[]
    },
    async start() {
      const contents = await deps.journal.load()
      for (const row of contents.rows) tables.byResource(row.resource).set(parseRow(row))
      meta = contents.meta
      loss = contents.loss
      transactions.open(meta.revision)
      history.reset(meta.revision)
      commits.open(meta.revision)
    },
    stop: () => commits.close(),
  }
}

function parseRow({ resource, key, body }: JournalRow): KubeObject {
  if (body === undefined) throw new JournalError('damaged', `the stored object ${resource} ${key} has no content`)
  // We wrote it ourselves and its checksum holds: no need to look at every field again.
  const object = JSON.parse(body) as KubeObject
  return deepFreeze(object)
}
