// create-cache.ts - the cache: everything in memory to read, SQLite below it to keep, a signed file and a mark beside it
import type { Clock } from '../../shared/clock.ts'
import { canonicalJson, sha256Hex } from '../../shared/hash.ts'
import type { Log } from '../../shared/log.ts'
import type { DesiredState, JournalBody, JournalEntry, NodeReport } from '../../shared/protocol/messages.ts'
import type { Cache, ContainerHistory, HeldRevision, StoreHealth } from './cache.ts'
import { putHistory, type Desired } from './contents.ts'
import { createFileDisk, type CacheDisk } from './disk.ts'
import { historyKey } from './history-row.ts'
import { createKeeper } from './keeper.ts'
import { createListeners } from './listeners.ts'
import type { Mark } from './mark.ts'
import { openKept } from './recover.ts'
import { isConfirmed, rebuiltEvent } from './rebuilt.ts'

export interface CacheDeps {
  /** Ours alone; made when it is missing. */
  dir: string
  /** Which node of which hub we are: files of another say nothing about us. */
  owner?: string
  clock: Clock
  log: Log
  /** Whether somebody has set the wall clock since boot: marks the journal's times. */
  clockIsSet: () => boolean
  /** Whether the hub signed exactly these bytes for this node, and what they say. */
  verify: (signed: Uint8Array) => DesiredState | undefined
  /** What was found damaged beside the cache, and is told with its own. */
  damage?: readonly string[]
  journalEntriesMax?: number
  journalBytesMax?: number
  /** What lies below; a simulator brings its own. */
  disk?: CacheDisk
}

/** Numbers are reserved in blocks, so that the mark is written once in a thousand entries. */
const JOURNAL_BLOCK = 1_000
const NOBODY: HeldRevision = { epoch: 0, revision: 0 }

export function createCache(deps: CacheDeps): Cache {
  const { log, clock, owner = '' } = deps
  const disk = deps.disk ?? createFileDisk(deps.dir)
  let desired: Desired | undefined
  let report: NodeReport | undefined
  let unwritten = 0
  /** Journal entries for which there was no room. */
  let dropped = 0
  const histories = new Map<string, ContainerHistory>()
  const onDesired = createListeners(log)
  const onReport = createListeners(log)
  const onJournal = createListeners(log)
  const onHealth = createListeners(log)
  const keeper = createKeeper({
    ...{ disk, clock, log },
    contents: () => ({ histories: [...histories.values()], ...(desired && { desired }) }),
    limits: {
      ...(deps.journalEntriesMax !== undefined && { entriesMax: deps.journalEntriesMax }),
      ...(deps.journalBytesMax !== undefined && { bytesMax: deps.journalBytesMax }),
    },
    onTrouble: onHealth.tell,
    onDamage: tellDamage,
  })

  /** What nobody foresaw must not stop what runs: memory goes on, the loss is said once and counted. */
  const keep = (what: string, write: () => void) => {
    try {
      write()
      if (unwritten > 0) log.info({ unwritten }, 'the cache writes again')
      unwritten = 0
    } catch (error) {
      if (unwritten++ === 0) log.error({ what, error }, 'the cache cannot write; going on from memory')
    }
  }
  const entryOf = (body: JournalBody): Omit<JournalEntry, 'seq'> => ({
    atMs: clock.wallMs(),
    clockSet: deps.clockIsSet(),
    body,
  })
  function append(body: JournalBody): void {
    const weight = body.kind === 'event' && body.class === 'alarm' ? 'must' : 'may'
    const { lastSeq } = keeper.outbox
    const hasNumbers =
      lastSeq < keeper.mark.journalCeiling || keeper.setMark({ journalCeiling: lastSeq + JOURNAL_BLOCK }, weight)
    const add = (entry: JournalBody) => hasNumbers && keeper.attempt(weight, (on) => on.outbox.append(entryOf(entry)))
    if (dropped > 0 && add({ kind: 'gap', dropped })) dropped = 0
    if (!add(body)) dropped++
  }
  function tellDamage(why: string): void {
    append(rebuiltEvent(why, desired?.state))
    const [atMs, times] = [clock.wallMs(), (keeper.mark.rebuilds?.times ?? 0) + 1]
    keeper.setMark({ rebuilt: { atMs, why, seq: keeper.outbox.lastSeq }, rebuilds: { times, atMs, why } })
    onJournal.tell()
    onHealth.tell()
  }
  /** The hub has read of it, and what we hold is what it wants: nothing is missing any more. */
  function confirm(): void {
    const { rebuilt, ...rest } = keeper.mark
    if (!rebuilt || !desired || !isConfirmed(rebuilt, keeper.peek(1)[0])) return
    const confirmed: Partial<Mark> = { ...rest, rebuilt: undefined }
    keep('mark', () => keeper.setMark(confirmed))
    onHealth.tell()
  }

  return {
    start() {
      keepGoing('folder', () => disk.prepare())
      const kept = openKept(disk, { log, owner, verify: deps.verify })
      desired = kept.desired
      for (const history of kept.histories) histories.set(historyKey(history), history)
      keeper.begin(kept)
      const damage = [...(deps.damage ?? []), ...kept.damage]
      if (damage.length > 0) keep('journal', () => tellDamage(damage.join('; ')))
      // Power may have gone between the hub's answer and our note of it.
      else confirm()
    },
    stop: () => keeper.end(),

    desired: () => desired?.state,
    held: () => (desired ? { epoch: desired.state.epoch, revision: desired.state.revision } : NOBODY),
    floor: () => ({ epoch: keeper.mark.epoch, revision: keeper.mark.revision, digest: keeper.mark.digest ?? '' }),
    commitDesired(state, signed) {
      const { epoch, revision } = state
      const mark = { epoch, revision, digest: sha256Hex(canonicalJson(state)), heldAtMs: clock.wallMs() }
      keeper.commit({ state, signed }, mark)
      desired = { state, signed }
      confirm()
      onDesired.tell()
    },
    onDesired: onDesired.add,
    signed: () => desired?.signed,

    histories: (podUid) => [...histories.values()].filter((history) => history.podUid === podUid),
    saveHistory(history) {
      histories.set(historyKey(history), history)
      keep('history', () => keeper.attempt('must', ({ database }) => putHistory(database, history)))
    },
    forgetPod(podUid) {
      for (const [key, history] of histories) {
        if (history.podUid !== podUid) continue
        histories.delete(key)
        keep('history', () => keeper.attempt('must', ({ database }) => database.delete('history', key)))
      }
    },
    knownPods: () => [...new Set([...histories.values()].map((history) => history.podUid))],

    report: () => report,
    setReport(next) {
      report = next
      onReport.tell()
    },
    onReport: onReport.add,

    appendJournal(entry) {
      keep('journal', () => append(entry.body))
      onJournal.tell()
    },
    peekJournal: keeper.peek,
    ackJournal(upTo) {
      keep('journal', () => keeper.attempt('may', ({ outbox }) => outbox.ack(upTo)))
      confirm()
    },
    onJournal: onJournal.add,

    health: () => healthOf(),
    onHealth: onHealth.add,

    getValue: (key) => keeper.mark.values[key],
    setValue: (key, value) => keep('value', () => keeper.setValue(key, value)),
  }

  /** What a folder that cannot be made means, opening the database will say. */
  function keepGoing(what: string, work: () => void): void {
    try {
      work()
    } catch (error) {
      log.error({ what, error }, 'the folder of the cache cannot be prepared')
    }
  }
  function healthOf(): StoreHealth {
    const { place, trouble, onDisk } = keeper.state
    const { rebuilt } = keeper.mark
    return {
      place,
      onDisk,
      ...(trouble && { trouble }),
      ...(rebuilt && { rebuilt: { atMs: rebuilt.atMs, why: rebuilt.why } }),
      journalDropped: dropped,
    }
  }
}
