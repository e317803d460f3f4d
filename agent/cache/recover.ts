// recover.ts - opens what the agent kept; what is damaged is set aside and made anew from what can still be trusted
import type { Log } from '../../shared/log.ts'
import type { DesiredState } from '../../shared/protocol/messages.ts'
import { contentsOf, readContents, writeContents, type Contents, type Desired } from './contents.ts'
import { DamagedDatabase, type Database, type JournalRow } from './database.ts'
import type { CacheDisk } from './disk.ts'
import { troubleOf, type TroubleKind } from './disk-trouble.ts'
import { isBehind, mergeMarks, readMark, writeMark, type FoundMark, type Mark } from './mark.ts'
import { closeAnyway } from './moves.ts'
import { NOTHING, type Salvaged } from './salvage.ts'

export interface DiskTrouble {
  kind: TroubleKind
  message: string
}

export interface Kept extends Contents {
  database: Database
  mark: Mark
  /** memory: the disk takes nothing, and `trouble` says why. */
  place: 'disk' | 'memory'
  trouble?: DiskTrouble
  /** What was found damaged. */
  damage: readonly string[]
}

export interface RecoverDeps {
  log: Log
  owner: string
  verify: (signed: Uint8Array) => DesiredState | undefined
}

/** What the database, sound or not, has given. */
interface Opened extends Contents {
  database: Database
  place: 'disk' | 'memory'
  trouble?: DiskTrouble
  journal: readonly JournalRow[]
  /** Empty as yet: what was found has to be written into it. */
  isNew: boolean
  damage: readonly string[]
}

export function openKept(disk: CacheDisk, deps: RecoverDeps): Kept {
  const file = readMark(disk, deps.owner)
  const copy = signedCopy(disk, deps)
  const opened = openDatabase(disk, deps, file, copy)
  const mark: Mark = { ...mergeMarks(file.kind === 'good' ? file.mark : undefined, opened.mark), owner: deps.owner }
  const desired = newest([opened.desired, copy.desired], mark)
  const contents: Contents = { mark, histories: opened.histories, ...(desired && { desired }) }
  if (opened.isNew) writeContents(opened.database, contents, opened.journal)
  const healed = opened.place === 'disk' ? healFiles(disk, deps, { file, copy, mark, desired }) : []
  const damage = [...opened.damage, ...healed]
  if (damage.length > 0)
    deps.log.error({ damage, restored: desired !== undefined }, 'the store was damaged and is mended')
  return {
    ...contents,
    mark,
    database: opened.database,
    place: opened.place,
    damage,
    ...(opened.trouble && { trouble: opened.trouble }),
  }
}

function openDatabase(disk: CacheDisk, deps: RecoverDeps, file: FoundMark, copy: SignedCopy): Opened {
  let database: Database | undefined
  try {
    database = openUnlessFull(disk)
    const found = readContents(database)
    assertOurs(found.mark, deps.owner)
    const mark = mergeMarks(file.kind === 'good' ? file.mark : undefined, found.mark)
    assertNotBehind(found.desired?.state, mark, copy.desired?.state)
    return { ...found, database, place: 'disk', isNew: false, damage: [] }
  } catch (error) {
    closeAnyway(database, deps.log)
    const isOurs = !(error instanceof ForeignDatabase)
    const salvaged = (isOurs ? disk.rescue?.salvage() : undefined) ?? NOTHING
    if (!(error instanceof DamagedDatabase)) return intoMemory(disk, deps, error, salvaged)
    try {
      return rebuild(disk, deps, error, salvaged)
    } catch (refused) {
      return intoMemory(disk, deps, refused, salvaged)
    }
  }
}

function intoMemory(disk: CacheDisk, deps: RecoverDeps, error: unknown, salvaged: Salvaged): Opened {
  const kind = troubleOf(error, disk.rescue?.freeBytes())
  // Another agent at work, or a mistake of ours: starting beside it would do harm.
  if (!disk.rescue || !kind || kind === 'busy') throw error
  const message = error instanceof Error ? error.message : String(error)
  deps.log.error({ kind, error }, 'the disk takes nothing; the store is read into memory')
  const place = { database: disk.rescue.openInMemory(), place: 'memory', trouble: { kind, message } } as const
  return { ...contentsOf(salvaged, deps.verify), ...place, journal: salvaged.journal, isNew: true, damage: [] }
}

function openUnlessFull(disk: CacheDisk): Database {
  try {
    return disk.openDatabase()
  } catch (error) {
    if (troubleOf(error, disk.rescue?.freeBytes()) !== 'full' || !disk.rescue?.ballast.release()) throw error
    return disk.openDatabase()
  }
}

/** Thrown for a database that is whole, and not ours. */
class ForeignDatabase extends DamagedDatabase {}

function rebuild(disk: CacheDisk, deps: RecoverDeps, why: DamagedDatabase, salvaged: Salvaged): Opened {
  disk.setDatabaseAside()
  const contents = contentsOf(salvaged, deps.verify)
  const lost = salvaged.unreadable > 0 ? `, ${salvaged.unreadable} more could not be believed` : ''
  const saved = `${contents.histories.length} histories and ${salvaged.journal.length} journal entries were saved${lost}`
  return {
    ...contents,
    database: disk.openDatabase(),
    place: 'disk',
    journal: salvaged.journal,
    isNew: true,
    damage: [`${why.message} (${saved})`],
  }
}

function assertOurs(mark: Mark | undefined, owner: string): void {
  if (mark?.owner !== undefined && mark.owner !== owner) throw new ForeignDatabase('the store was of another node')
}

function assertNotBehind(state: DesiredState | undefined, mark: Mark, copy: DesiredState | undefined): void {
  const held = state ?? { epoch: 0, revision: 0 }
  const word = state ? 'less' : 'nothing'
  if (copy && isBehind(held, copy) && !isBehind(copy, mark))
    throw new DamagedDatabase(`it held ${copy.epoch}/${copy.revision} and now ${word}`)
  // Noticed before, and the hub has not sent what is missing yet: one damage is told once.
  const isKnown = !state && mark.rebuilt !== undefined
  if (isBehind(held, mark) && !isKnown)
    throw new DamagedDatabase(`it held ${mark.epoch}/${mark.revision} and now ${word}`)
}

interface SignedCopy {
  bytes?: Buffer
  desired?: Desired
}

function signedCopy(disk: CacheDisk, { verify }: RecoverDeps): SignedCopy {
  const bytes = disk.read('signed')
  const state = bytes && verify(bytes)
  return { ...(bytes && { bytes }), ...(bytes && state && { desired: { state, signed: bytes } }) }
}

/** An older one is not taken: it could stop what newer state has started. */
const newest = (found: readonly (Desired | undefined)[], mark: Mark): Desired | undefined =>
  found
    .filter((one) => one !== undefined)
    .filter(({ state }) => !isBehind(state, mark))
    .reduce<Desired | undefined>((best, one) => (best && !isBehind(best.state, one.state) ? best : one), undefined)

interface Healing {
  file: FoundMark
  copy: SignedCopy
  mark: Mark
  desired: Desired | undefined
}

/** The two small files beside the database: what is wrong with them is mended from it, and told. */
function healFiles(disk: CacheDisk, { log }: RecoverDeps, { file, copy, mark, desired }: Healing): string[] {
  const damage: string[] = []
  try {
    if (file.kind === 'bad') {
      damage.push(file.why)
      disk.rescue?.setFileAside('mark')
    }
    if (file.kind === 'none' && desired) damage.push('the mark was gone')
    if (file.kind !== 'good' || isBehind(file.mark, mark)) writeMark(disk, mark)
    const isSame = desired && copy.bytes && Buffer.from(desired.signed).equals(copy.bytes)
    if (copy.bytes && !copy.desired) {
      damage.push('the signed copy was damaged or not ours')
      disk.rescue?.setFileAside('signed')
    } else if (desired && !copy.bytes) damage.push('the signed copy was gone')
    if (desired && desired.signed.length > 0 && !isSame) disk.write('signed', desired.signed)
  } catch (error) {
    log.error({ error }, 'a file beside the store could not be mended')
  }
  return damage
}
