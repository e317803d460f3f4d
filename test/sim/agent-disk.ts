// agent-disk.ts - the device's disk below the agent's cache, in memory: it fills, power goes in the middle of a write, bits flip, parts get lost
import { DamagedDatabase, type JournalRow } from '../../agent/cache/database.ts'
import type { CacheDisk, DiskRescue, SmallFile } from '../../agent/cache/disk.ts'
import { NOTHING } from '../../agent/cache/salvage.ts'
import {
  copyOf,
  emptyContent,
  isSound,
  salvageFrom,
  spoil,
  wounded,
  type Content,
  type Wound,
} from './agent-content.ts'
import { createAgentDatabase } from './agent-database.ts'
import { ALL, DATABASE, NONE, type Damage, type Loss } from './agent-damage.ts'
import type { Chance } from './chance.ts'

export interface AgentDisk {
  /** For one process of the agent. */
  open(isAlive: () => boolean): CacheDisk
  isFull: boolean
  /** Power goes while the so-manyth write from now is under way; `cut` ends the machine. */
  cutAfterWrites(count: number, cut: () => void): void
  /** Of what the so-manyth commit from now writes, some bytes come out wrong, and nobody is told. */
  spoilCommit(count: number, wound: Wound): void
  disarm(): void
  damage(kind: Damage): Loss
  /** An agent has read all of it: answers what is damaged still. */
  settled(): string | undefined
  readonly journalSize: number
}

export interface AgentDiskDeps {
  chance: Chance
  /** It is on the disk, for the first time. */
  onJournalAdded(row: JournalRow): void
  /** It is about to be forgotten up to here. */
  onJournalAcked(upTo: number): void
  /** A commit went wrong, or a damaged database went before its rows have found another place. */
  onLoss(loss: Loss): void
}

/** Never changed in place: older ones are kept. */
interface Platter {
  readonly content: Content
  readonly files: ReadonlyMap<SmallFile, Buffer>
}

const EMPTY: Platter = { content: emptyContent(), files: new Map() }
/** An older state of it is that after one of the last so many writes. */
const OLDER_KEPT = 16
/** Of a file with a broken header as often all rows can be saved as none. */
const SALVAGED_SHARE = 0.5

export function createAgentDisk({ chance, onJournalAdded, onJournalAcked, onLoss }: AgentDiskDeps): AgentDisk {
  let now = EMPTY
  let older: Platter[] = []
  let isUnreadable = false
  let isBetweenDatabases = false
  const told = new WeakSet<Buffer>()
  let writesLeft = Infinity
  let cutPower: (() => void) | undefined
  let commitsLeft = Infinity
  let spoils: Wound = 'torn'
  let isSpoiltSinceOpen = false
  /** What is not as it was written, until an agent has mended it. */
  const wounds = new Set<'database' | 'files' | SmallFile>()
  const woundedFiles = new Map<SmallFile, Buffer>()

  const become = (next: Partial<Platter>) => {
    older = [...older.slice(1 - OLDER_KEPT), now]
    now = { ...now, ...next }
  }
  /** Throws when it does not come through, or when the machine is gone before anybody hears that it has. */
  function write(isAlive: () => boolean, apply: () => void): void {
    if (!isAlive()) throw new Error('the machine is off')
    if (disk.isFull) return refuse(new Error('database or disk is full'))
    if (--writesLeft > 0) return apply()
    writesLeft = Infinity
    if (chance.is(0.5)) apply()
    // The files beside the database may be behind it now.
    wounds.add('files')
    cutPower?.()
    refuse(new Error('the power was cut'))
  }
  function refuse(error: Error): never {
    if (isBetweenDatabases) onLoss(DATABASE)
    throw error
  }

  function openDatabase(isAlive: () => boolean) {
    if (isUnreadable) throw new DamagedDatabase('file is not a database')
    return createAgentDatabase({
      content: () => now.content,
      commit: (content, added) =>
        write(isAlive, () => {
          const before = now.content
          become({ content })
          if (isBetweenDatabases) wounds.delete('database')
          isBetweenDatabases = false
          // What was saved from a damaged database is not said anew.
          for (const row of added) if (!told.has(row.body)) onJournalAdded(row)
          for (const { body } of added) told.add(body)
          if (--commitsLeft > 0) return
          commitsLeft = Infinity
          isSpoiltSinceOpen = true
          onLoss(bounded(woundRows(spoils, before)))
        }),
      onAcked: onJournalAcked,
    })
  }
  const withFile = (file: SmallFile, bytes: Uint8Array | undefined): Pick<Platter, 'files'> => {
    const files = new Map(now.files)
    if (bytes) files.set(file, Buffer.from(bytes))
    else files.delete(file)
    return { files }
  }

  const rescue: DiskRescue = {
    salvage: () => (isUnreadable && !chance.is(SALVAGED_SHARE) ? NOTHING : salvageFrom(now.content)),
    openInMemory() {
      throw new Error('this disk refuses in no words that the agent knows')
    },
    setFileAside: (file) => become(withFile(file, undefined)),
    freeBytes: () => undefined,
    ballast: { bytes: 0, isThere: () => true, make() {}, release: () => false },
  }

  function wound(file: SmallFile, kind: Wound | 'lost'): Loss {
    const bytes = now.files.get(file)
    const changed = bytes && kind !== 'lost' ? wounded(bytes, kind, chance) : undefined
    now = { ...now, ...withFile(file, changed) }
    wounds.add(file)
    const found = now.files.get(file)
    if (found) woundedFiles.set(file, found)
    return NONE
  }
  function woundRows(kind: Wound, before?: Content): Loss {
    const content = copyOf(now.content)
    const { hasHistories, journal } = spoil(content, kind, chance, before)
    now = { ...now, content }
    wounds.add('database')
    return { isTotal: false, hasHistories, journal }
  }
  function woundDatabase(content: Content): Loss {
    now = { ...now, content }
    wounds.add('database')
    return DATABASE
  }
  function replace(next: Platter): Loss {
    now = next
    isUnreadable = false
    wounds.clear()
    return ALL
  }
  /** Each part is there to mend the others: nobody promises anything when two are damaged at once. */
  const bounded = (loss: Loss) => (wounds.size > 1 ? ALL : loss)
  function inflict(kind: Damage): Loss {
    switch (kind) {
      case 'database lost':
        return woundDatabase(emptyContent())
      case 'database unreadable':
        isUnreadable = true
        return woundDatabase(now.content)
      case 'database older':
        return woundDatabase(older.length > 0 ? chance.pick(older).content : now.content)
      case 'rows flipped':
        return woundRows('flipped')
      case 'rows torn':
        return woundRows('torn')
      case 'signed lost':
        return wound('signed', 'lost')
      case 'signed flipped':
        return wound('signed', 'flipped')
      case 'signed torn':
        return wound('signed', 'torn')
      case 'mark lost':
        return wound('mark', 'lost')
      case 'mark flipped':
        return wound('mark', 'flipped')
      case 'mark torn':
        return wound('mark', 'torn')
      case 'writes lost':
        return replace(older.length > 0 ? chance.pick(older) : now)
      case 'all lost':
        return replace(EMPTY)
    }
  }

  const disk: AgentDisk = {
    isFull: false,
    get journalSize() {
      return now.content.journal.length
    },
    open: (isAlive) => ({
      prepare: () => void (isSpoiltSinceOpen = false),
      openDatabase: () => openDatabase(isAlive),
      setDatabaseAside() {
        become({ content: emptyContent() })
        isUnreadable = false
        isBetweenDatabases = true
        return 'damaged'
      },
      read: (file) => now.files.get(file),
      write: (file, bytes) =>
        write(isAlive, () => {
          become(withFile(file, bytes))
          wounds.delete(file)
        }),
      rescue,
    }),
    cutAfterWrites(count, cut) {
      writesLeft = count
      cutPower = cut
    },
    spoilCommit(count, wound) {
      commitsLeft = count
      spoils = wound
    },
    disarm() {
      writesLeft = Infinity
      commitsLeft = Infinity
    },
    damage(kind) {
      const loss = inflict(kind)
      older = []
      return bounded(loss)
    },
    settled() {
      // Nothing can be mended on a disk that takes nothing, and what was read was sound then.
      if (disk.isFull || isSpoiltSinceOpen) return undefined
      wounds.clear()
      if (isUnreadable || !isSound(now.content)) return 'the database'
      return [...woundedFiles].find(([file, bytes]) => now.files.get(file) === bytes)?.[0]
    },
  }
  return disk
}
