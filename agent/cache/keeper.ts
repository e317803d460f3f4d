// keeper.ts - writes what must survive: to the disk while it takes it, to memory while it does not, and back again
import type { Clock, Timer } from '../../shared/clock.ts'
import type { Log } from '../../shared/log.ts'
import type { JournalEntry } from '../../shared/protocol/messages.ts'
import { putDesired, putMark, type Contents, type Desired } from './contents.ts'
import { DamagedDatabase, type Database } from './database.ts'
import type { CacheDisk } from './disk.ts'
import { troubleOf } from './disk-trouble.ts'
import { writeMark, type Mark } from './mark.ts'
import { closeAnyway, createMoves, type Moves } from './moves.ts'
import { createOutbox, JOURNAL_BYTES_MAX, type Outbox } from './outbox.ts'
import type { DiskTrouble, Kept } from './recover.ts'

export interface KeeperDeps {
  disk: CacheDisk
  clock: Clock
  log: Log
  /** What must be in whatever database comes next, besides the mark and the journal. */
  contents: () => Omit<Contents, 'mark'>
  limits: { entriesMax?: number; bytesMax?: number }
  /** Trouble came or went. */
  onTrouble: () => void
  /** The database was found damaged at work and is made anew from memory. */
  onDamage: (why: string) => void
}

/** must: even at the price of the ballast, or kept in memory alone. may: given up when there is no room. */
export type Weight = 'must' | 'may'

export interface Work {
  database: Database
  outbox: Outbox
}

export interface Keeper {
  begin(kept: Kept): void
  end(): void
  readonly mark: Mark
  commit(desired: Desired, change: Partial<Mark>): void
  /** Answers whether it was written. */
  setMark(change: Partial<Mark>, weight?: Weight): boolean
  /** Counts at once, whether it can be written or not. */
  setValue(key: string, value: string): void
  attempt(weight: Weight, work: (on: Work) => void): boolean
  /** Damage is found by reading as well as by writing, and mended in the same way. */
  peek(limit: number): readonly JournalEntry[]
  readonly outbox: Outbox
  readonly state: KeeperState
}

export interface KeeperState {
  place: 'disk' | 'memory'
  trouble?: DiskTrouble
  /** What the disk holds. */
  onDisk: Pick<Mark, 'epoch' | 'revision'>
}

/** Looked at only while there is trouble. */
const LOOK_AGAIN_EVERY_MS = 30_000
/** After a cold boot the workloads come first. */
const BALLAST_AFTER_MS = 20_000
/** What is in memory must not crowd out the workloads. */
const JOURNAL_IN_MEMORY_BYTES_MAX = 1024 * 1024
/** The disk is not full any more when the ballast fits and this much is left. */
const FREE_AGAIN_BYTES = 1024 * 1024

export function createKeeper({ disk, clock, log, contents, limits, onTrouble, onDamage }: KeeperDeps): Keeper {
  const { rescue } = disk
  const moves = rescue && createMoves({ disk, rescue, log, contents })
  let opened: Work | undefined
  let mark: Mark
  let state: KeeperState = { place: 'disk', onDisk: { epoch: 0, revision: 0 } }
  let timer: Timer | undefined
  let later: Timer | undefined

  const current = () => {
    if (!opened) throw new Error('the cache is used before it was started')
    return opened
  }
  function use(database: Database, place: KeeperState['place'], lastSeq: number): void {
    const bytesMax =
      place === 'disk' ? limits.bytesMax : Math.min(limits.bytesMax ?? JOURNAL_BYTES_MAX, JOURNAL_IN_MEMORY_BYTES_MAX)
    opened = { database, outbox: createOutbox({ ...limits, database, lastSeq, ...(bytesMax && { bytesMax }) }) }
    state = { ...state, place }
  }
  function enter(trouble: DiskTrouble): void {
    timer ??= clock.every(LOOK_AGAIN_EVERY_MS, lookAgain)
    if (state.trouble?.kind === trouble.kind) return
    state = { ...state, trouble }
    log.error({ ...trouble }, 'the disk below the cache is in trouble')
    onTrouble()
  }
  function leave(): void {
    timer?.cancel()
    timer = undefined
    const { trouble, ...rest } = state
    if (!trouble) return
    state = rest
    log.info({ was: trouble.kind }, 'the disk below the cache takes everything again')
    onTrouble()
  }
  const kindOf = (error: unknown) => troubleOf(error, rescue?.freeBytes())

  function attempt(weight: Weight, work: (on: Work) => void): boolean {
    try {
      work(current())
      return true
    } catch (error) {
      return error instanceof DamagedDatabase ? mend(error, weight, work) : makeDo(error, weight, work)
    }
  }
  function mend(why: DamagedDatabase, weight: Weight, work: (on: Work) => void): boolean {
    if (!moves) throw why
    try {
      rebuild(moves, why)
      work(current())
      return true
    } catch (error) {
      return makeDo(error, weight, work)
    }
  }
  /** Journal first, then the ballast, then memory. */
  function makeDo(error: unknown, weight: Weight, work: (on: Work) => void): boolean {
    const kind = kindOf(error)
    if (!rescue || !kind || kind === 'busy' || state.place === 'memory') throw error
    const trouble = { kind, message: textOf(error) }
    if (kind === 'full') {
      enter(trouble)
      if (isDone(({ outbox }) => outbox.shed()) && isDone(work)) return true
      if (weight === 'may') return false
      if (rescue.ballast.release() && isDone(work)) return true
    }
    intoMemory(trouble)
    work(current())
    return true
  }
  function isDone(work: (on: Work) => void): boolean {
    try {
      work(current())
      return true
    } catch (error) {
      if (!kindOf(error)) throw error
      return false
    }
  }
  function intoMemory(trouble: DiskTrouble): void {
    const { database, outbox } = current()
    if (moves) use(moves.intoMemory(database, mark), 'memory', outbox.lastSeq)
    enter(trouble)
  }
  function rebuild(by: Moves, why: DamagedDatabase): void {
    const { outbox, database: damaged } = current()
    const { database, refused } = by.outOfDamage(damaged, mark)
    use(database, refused === undefined ? 'disk' : 'memory', outbox.lastSeq)
    if (refused !== undefined) enter({ kind: kindOf(refused) ?? 'failing', message: textOf(refused) })
    onDamage(why.message)
  }

  function lookAgain(): void {
    if (!rescue || !state.trouble) return
    const { ballast } = rescue
    const free = rescue.freeBytes() ?? 0
    const wanted = FREE_AGAIN_BYTES + (ballast.isThere() ? 0 : ballast.bytes)
    if (state.trouble.kind === 'full' && free < wanted) return
    try {
      if (state.place === 'memory') backToDisk()
      if (!ballast.isThere()) ballast.make()
      leave()
    } catch (error) {
      log.debug({ error }, 'the disk still takes nothing')
    }
  }
  function backToDisk(): void {
    const { database, outbox } = current()
    if (moves) use(moves.backToDisk(database, mark), 'disk', outbox.lastSeq)
    state = { ...state, onDisk: mark }
  }
  function makeBallast(): void {
    if (!rescue || state.trouble || rescue.ballast.isThere()) return
    try {
      const free = rescue.freeBytes()
      if (free !== undefined && free < rescue.ballast.bytes + FREE_AGAIN_BYTES)
        return enter({ kind: 'full', message: `${free} bytes are left` })
      rescue.ballast.make()
    } catch (error) {
      enter({ kind: kindOf(error) ?? 'failing', message: textOf(error) })
    }
  }

  function setMark(change: Partial<Mark>, weight: Weight = 'must'): boolean {
    let next = mark
    const isWritten = attempt(weight, ({ database }) => {
      next = { ...mark, ...change }
      putMark(database, next)
      if (state.place === 'disk') writeMark(disk, next)
    })
    if (isWritten) mark = next
    return isWritten
  }

  return {
    begin(kept) {
      mark = kept.mark
      state = { place: kept.place, onDisk: mark }
      use(kept.database, kept.place, mark.journalCeiling)
      if (kept.trouble) enter(kept.trouble)
      else later = clock.after(BALLAST_AFTER_MS, makeBallast)
    },
    end() {
      for (const one of [timer, later]) one?.cancel()
      timer = undefined
      closeAnyway(opened?.database, log)
      opened = undefined
    },
    get mark() {
      return mark
    },
    commit(desired, change) {
      let next = mark
      attempt('must', ({ database }) => {
        // Here and not before: making the store anew changes the mark too.
        next = { ...mark, ...change }
        database.transact(() => {
          putDesired(database, desired)
          putMark(database, next)
        })
        if (state.place === 'memory') return
        disk.write('signed', desired.signed)
        writeMark(disk, next)
      })
      mark = next
      if (state.place === 'disk') state = { ...state, onDisk: next }
    },
    setMark,
    setValue(key, value) {
      // A full disk must not cut the device off: its session number goes on from memory.
      mark = { ...mark, values: { ...mark.values, [key]: value } }
      setMark({})
    },
    attempt,
    peek(limit) {
      let entries: readonly JournalEntry[] = []
      attempt('may', ({ outbox }) => (entries = outbox.peek(limit)))
      return entries
    },
    get outbox() {
      return current().outbox
    },
    get state() {
      return state
    },
  }
}

const textOf = (error: unknown) => (error instanceof Error ? error.message : String(error))
