// disk.ts - the port to the disk below the cache: one database and two small files beside it; what returned is durable
import { chmodSync, mkdirSync, statfsSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { BALLAST_BYTES, createBallast, type Ballast } from './ballast.ts'
import { openDatabase, openMemoryDatabase, type Database } from './database.ts'
import { readIfThere, setAside, writeDurably } from './durable-file.ts'
import { salvage, type Salvaged } from './salvage.ts'

export type SmallFile = 'signed' | 'mark'

export interface CacheDisk {
  /** Makes the place where everything lies; nobody else may look into it. */
  prepare(): void
  /** Throws DamagedDatabase, or the disk's own error when it refuses. */
  openDatabase(): Database
  /** Moves the damaged database out of the way; answers its new name. */
  setDatabaseAside(): string
  /** Undefined when there is none. */
  read(file: SmallFile): Buffer | undefined
  /** The old content or the new one, whatever happens in between. */
  write(file: SmallFile, bytes: Uint8Array): void
  /** Absent where a disk only ever works or fails as a whole. */
  rescue?: DiskRescue
}

/** What is left to do with a disk that is damaged, full, or takes nothing. */
export interface DiskRescue {
  /** The sound rows of the database, whatever is wrong with it; writes nothing to the disk. */
  salvage(): Salvaged
  /** A database without a file. */
  openInMemory(): Database
  setFileAside(file: SmallFile): void
  /** Undefined when nobody can say. */
  freeBytes(): number | undefined
  /** Room that can be given up; see ballast.ts. */
  readonly ballast: Ballast
}

/** Ours alone, in the folder that the owner of the device has named. */
export const cacheFolder = (dataDir: string): string => join(dataDir, 'cache')

export function createFileDisk(dir: string, { ballastBytes = BALLAST_BYTES } = {}): CacheDisk {
  const database = join(dir, 'agent.sqlite')
  const paths: Record<SmallFile, string> = { signed: join(dir, 'state.signed'), mark: join(dir, 'mark') }
  return {
    prepare() {
      mkdirSync(dir, { recursive: true, mode: 0o700 })
      if ((statSync(dir).mode & 0o777) !== 0o700) chmodSync(dir, 0o700)
    },
    openDatabase: () => openDatabase(database),
    setDatabaseAside: () => setAside(database, ['-wal', '-shm']),
    read: (file) => readIfThere(paths[file]),
    write: (file, bytes) => writeDurably(paths[file], bytes),
    rescue: {
      salvage: () => salvage(database),
      openInMemory: openMemoryDatabase,
      setFileAside: (file) => void setAside(paths[file]),
      freeBytes() {
        try {
          const { bavail, bsize } = statfsSync(dir)
          return bavail * bsize
        } catch {
          return undefined // whoever asks can live without
        }
      },
      ballast: createBallast(join(dir, 'ballast'), ballastBytes),
    },
  }
}
