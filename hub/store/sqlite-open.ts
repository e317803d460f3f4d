// sqlite-open.ts - opens the store's file and makes sure that it is ours, alone, of a known version and truly durable
import Database from 'better-sqlite3'
import { JournalError } from './journal.ts'

export type Sqlite = Database.Database

/** "Hold" in ASCII: `file` and our own check tell a store from any other SQLite file. */
const APPLICATION_ID = 0x48_6f_6c_64
/** Older ones can damage a WAL file when it is reset (https://sqlite.org/wal.html, "WAL-reset bug"). */
const SQLITE_VERSION_MIN = '3.51.3'
/** Another hub on the same file does not go away by waiting. */
const BUSY_WAIT_MS = 200
const SYNCHRONOUS_FULL = 2

/** One step each; a store of version n runs those from n on. Never change one that was released. */
const MIGRATIONS: readonly string[] = [
  `CREATE TABLE meta (
     id INTEGER PRIMARY KEY CHECK (id = 1),
     hub_uid TEXT NOT NULL,
     epoch INTEGER NOT NULL,
     revision INTEGER NOT NULL,
     sum TEXT NOT NULL
   ) STRICT;
   CREATE TABLE objects (
     resource TEXT NOT NULL,
     key TEXT NOT NULL,
     revision INTEGER NOT NULL,
     body TEXT NOT NULL,
     sum TEXT NOT NULL,
     PRIMARY KEY (resource, key)
   ) STRICT;`,
]

/** Throws SQLite's own errors for what SQLite finds, JournalErrors for what we find. */
export function openSqlite(path: string): Sqlite {
  const db = new Database(path, { timeout: BUSY_WAIT_MS })
  try {
    configure(db)
    checkVersion(db)
    migrate(db, path)
    return db
  } catch (error) {
    db.close()
    throw error
  }
}

function configure(db: Sqlite) {
  // One writer: a second hub on this file is refused for as long as we live, and no longer.
  db.pragma('locking_mode = EXCLUSIVE')
  const mode = db.pragma('journal_mode = WAL', { simple: true })
  if (mode !== 'wal')
    throw new JournalError('not usable', `the file system does not support SQLite's WAL mode (${String(mode)})`)
  db.prepare('SELECT count(*) FROM sqlite_schema').get()
  // better-sqlite3 opens WAL files with NORMAL, and the first query after the switch brings that back: set it after one.
  db.pragma('synchronous = FULL')
  db.prepare('SELECT count(*) FROM sqlite_schema').get()
  const synchronous = db.pragma('synchronous', { simple: true })
  if (synchronous !== SYNCHRONOUS_FULL)
    throw new JournalError('not usable', `synchronous is ${String(synchronous)} and not FULL`)
}

function checkVersion(db: Sqlite) {
  const version = String(db.prepare('SELECT sqlite_version()').pluck().get())
  if (compareVersions(version, SQLITE_VERSION_MIN) < 0) {
    throw new JournalError('not usable', `SQLite ${version} is too old, ${SQLITE_VERSION_MIN} or newer is needed`)
  }
}

const compareVersions = (a: string, b: string) => a.localeCompare(b, 'en', { numeric: true })

function migrate(db: Sqlite, path: string) {
  const id = db.pragma('application_id', { simple: true })
  const version = Number(db.pragma('user_version', { simple: true }))
  const isNew = id === 0 && version === 0 && db.prepare('SELECT count(*) FROM sqlite_schema').pluck().get() === 0
  if (!isNew && id !== APPLICATION_ID) throw new JournalError('not ours', `${path} is a database of another program`)
  if (version > MIGRATIONS.length) {
    throw new JournalError(
      'not ours',
      `${path} was written by a newer Holdfast (schema ${version}, known here: ${MIGRATIONS.length})`,
    )
  }
  db.transaction(() => {
    for (const step of MIGRATIONS.slice(version)) db.exec(step)
    db.pragma(`application_id = ${APPLICATION_ID}`)
    db.pragma(`user_version = ${MIGRATIONS.length}`)
  }).immediate()
}
