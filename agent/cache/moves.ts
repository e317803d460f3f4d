// moves.ts - carries everything from one database to the next: into memory, back to the disk, or out of a damaged file
import type { Log } from '../../shared/log.ts'
import { writeContents, type Contents } from './contents.ts'
import { DamagedDatabase, type Database, type JournalRow } from './database.ts'
import type { CacheDisk, DiskRescue } from './disk.ts'
import { troubleOf } from './disk-trouble.ts'
import { writeMark, type Mark } from './mark.ts'

export interface Moves {
  /** Answers the database to use from now on; the one before is closed. */
  intoMemory(from: Database, mark: Mark): Database
  backToDisk(from: Database, mark: Mark): Database
  /** `refused`: the disk takes nothing either, and everything is in memory. */
  outOfDamage(from: Database, mark: Mark): { database: Database; refused?: unknown }
}

export interface MovesDeps {
  disk: CacheDisk
  rescue: DiskRescue
  log: Log
  contents: () => Omit<Contents, 'mark'>
}

export function createMoves({ disk, rescue, log, contents }: MovesDeps): Moves {
  const everything = (mark: Mark): Contents => ({ ...contents(), mark })

  function journalOf(database: Database): readonly JournalRow[] {
    try {
      return database.journal(Number.MAX_SAFE_INTEGER)
    } catch (error) {
      log.warn({ error }, 'the journal is saved entry by entry')
      return rescue.salvage().journal
    }
  }
  function openOrReplace(): Database {
    try {
      return disk.openDatabase()
    } catch (error) {
      if (!(error instanceof DamagedDatabase)) throw error
      disk.setDatabaseAside()
      return disk.openDatabase()
    }
  }

  return {
    intoMemory(from, mark) {
      const memory = rescue.openInMemory()
      writeContents(memory, everything(mark), journalOf(from))
      closeAnyway(from, log)
      return memory
    },
    backToDisk(from, mark) {
      disk.prepare()
      const database = openOrReplace()
      try {
        const now = everything(mark)
        writeContents(database, now, journalOf(from))
        if (now.desired) disk.write('signed', now.desired.signed)
        writeMark(disk, mark)
      } catch (error) {
        closeAnyway(database, log)
        throw error
      }
      closeAnyway(from, log)
      return database
    },
    outOfDamage(from, mark) {
      const { journal } = rescue.salvage()
      closeAnyway(from, log)
      let fresh: Database | undefined
      try {
        disk.setDatabaseAside()
        fresh = disk.openDatabase()
        writeContents(fresh, everything(mark), journal)
        return { database: fresh }
      } catch (refused) {
        closeAnyway(fresh, log)
        if (!troubleOf(refused, rescue.freeBytes())) throw refused
        // A disk that dies is damaged and refuses at once: what was saved must not go with it.
        const memory = rescue.openInMemory()
        writeContents(memory, everything(mark), journal)
        return { database: memory, refused }
      }
    },
  }
}

export function closeAnyway(database: Database | undefined, log: Log): void {
  try {
    database?.close()
  } catch (error) {
    log.debug({ error }, 'a database could not be closed properly')
  }
}
