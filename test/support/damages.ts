// damages.ts - what can happen to the files of a device's cache, and what must be left of them afterwards
import { truncateSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import Sqlite from 'better-sqlite3'
import { sealed, unsealed } from '../../agent/cache/durable-file.ts'
import { rowChecksum } from '../../agent/cache/row-checksum.ts'
import { change, empty, fill, flip, remove } from './harm.ts'

export interface Damage {
  /** crash: the log has everything, the main file next to nothing. stop: the other way round. */
  after: 'crash' | 'stop'
  harm: (dir: string) => void
  /** lost: nothing can be trusted; what runs goes on and nothing is known of it. */
  state?: 'kept' | 'lost'
  /** Number of journal entries that cannot be saved; all: none is left. */
  journalLost?: number | 'all'
  historyLost?: boolean
  /** Nothing was lost, so there is nothing to tell. */
  silent?: boolean
  /** What must have been set aside. */
  aside?: RegExp
}

export const DATABASE = 'agent.sqlite'
const ASIDE = /^agent\.sqlite\.damaged-1$/
const PAGE = 4096

const inDatabase = (how: (bytes: Buffer) => Buffer | void) => (dir: string) => change(join(dir, DATABASE), how)
/** The page on which a table begins, as SQLite itself tells. */
const rootOf = (dir: string, table: string): number => {
  const sqlite = new Sqlite(join(dir, DATABASE), { readonly: true })
  const root = sqlite.prepare<[string], number>('SELECT rootpage FROM sqlite_schema WHERE name = ?').pluck().get(table)
  sqlite.close()
  return root ?? 0
}
const tearRoot = (table: string) => (dir: string) => {
  const from = (rootOf(dir, table) - 1) * PAGE
  change(join(dir, DATABASE), fill(from, from + 512, 0xa5))
}
const inSql = (sql: string) => (dir: string) => {
  const sqlite = new Sqlite(join(dir, DATABASE))
  sqlite.exec(sql)
  sqlite.close()
}
/** One letter of the body is another one, and the checksum is as it was: a bit that flipped in the cells. */
const garble = (table: string, where: string) =>
  `UPDATE ${table} SET body = CAST(substr(CAST(body AS TEXT), 1, 20) || 'X' || substr(CAST(body AS TEXT), 22) AS BLOB) WHERE ${where}`
const changeMark = (how: (mark: Record<string, unknown>) => object) => (dir: string) =>
  change(join(dir, 'mark'), (bytes) => sealed(how(unsealed(bytes) as Record<string, unknown>)))
const flipMark = (dir: string) => change(join(dir, 'mark'), flip('"revision'))
const forge = (dir: string) => writeFileSync(join(dir, 'state.signed'), 'forged')

export const DAMAGES: Readonly<Record<string, Damage>> = {
  'nothing at all but the power cut': { after: 'crash', harm: () => {}, silent: true },
  'header zeroed': { after: 'stop', harm: inDatabase(fill(0, 100, 0)), aside: ASIDE },
  'first page torn': { after: 'stop', harm: inDatabase(fill(512, PAGE, 0x5a)), aside: ASIDE },
  'page of the schema zeroed': { after: 'stop', harm: inDatabase(fill(0, PAGE, 0)), aside: ASIDE },
  'page of states and histories torn': { after: 'stop', harm: tearRoot('kept'), historyLost: true, aside: ASIDE },
  'page of the journal torn': { after: 'stop', harm: tearRoot('journal'), journalLost: 'all', aside: ASIDE },
  'file cut in half': {
    after: 'stop',
    harm: inDatabase((bytes) => bytes.subarray(0, Math.floor(bytes.length / 2 / PAGE) * PAGE)),
    journalLost: 'all',
    aside: ASIDE,
  },
  'file emptied': { after: 'stop', harm: empty(DATABASE), journalLost: 'all', historyLost: true, aside: ASIDE },
  'file removed': { after: 'stop', harm: remove(DATABASE), journalLost: 'all', historyLost: true },
  'file replaced by something else': {
    after: 'stop',
    harm: (dir) => writeFileSync(join(dir, DATABASE), 'this is no database, it is a poem'),
    journalLost: 'all',
    historyLost: true,
    aside: ASIDE,
  },
  'log deleted': {
    after: 'crash',
    harm: remove(`${DATABASE}-wal`),
    journalLost: 'all',
    historyLost: true,
    aside: ASIDE,
  },
  'log cut to its beginning': {
    after: 'crash',
    harm: (dir) => truncateSync(join(dir, `${DATABASE}-wal`), 32 + 24 + PAGE),
    journalLost: 'all',
    historyLost: true,
    aside: ASIDE,
  },
  'bit flipped early in the log': {
    after: 'crash',
    harm: (dir) => change(join(dir, `${DATABASE}-wal`), (bytes) => void bytes.writeUInt8(bytes.readUInt8(60) ^ 1, 60)),
    journalLost: 'all',
    historyLost: true,
    aside: ASIDE,
  },
  'shared index of the log removed': { after: 'crash', harm: remove(`${DATABASE}-shm`), silent: true },
  'bit flipped in the state': { after: 'stop', harm: inSql(garble('kept', "key = 'state'")), aside: ASIDE },
  'bit flipped in one journal entry': {
    after: 'stop',
    harm: inSql(garble('journal', 'seq = (SELECT min(seq) FROM journal)')),
    journalLost: 1,
    aside: ASIDE,
  },
  'bit flipped in one history': {
    after: 'stop',
    harm: inSql(garble('kept', "kind = 'history' AND key LIKE 'uid-shaky%'")),
    historyLost: true,
    aside: ASIDE,
  },
  'table dropped': { after: 'stop', harm: inSql('DROP TABLE journal'), journalLost: 'all', aside: ASIDE },
  'column missing': {
    after: 'stop',
    harm: inSql('ALTER TABLE journal RENAME COLUMN rank TO grade'),
    journalLost: 'all',
    aside: ASIDE,
  },
  'format of a newer agent': { after: 'stop', harm: inSql('PRAGMA user_version = 99'), aside: ASIDE },
  'mark missing': { after: 'stop', harm: remove('mark') },
  'mark damaged': { after: 'stop', harm: flipMark, aside: /^mark\.damaged-1$/ },
  'mark of another node': {
    after: 'stop',
    harm: changeMark((mark) => ({ ...mark, owner: 'somebody else', revision: 900 })),
    aside: /^mark\.damaged-1$/,
  },
  'mark newer than everything else': {
    after: 'stop',
    harm: changeMark((mark) => ({ ...mark, revision: 900 })),
    state: 'lost',
    aside: ASIDE,
  },
  'store of another node': {
    after: 'stop',
    harm: (dir) => {
      inSql(`UPDATE kept SET body = body WHERE kind = 'mark'`)(dir)
      const mine = { owner: 'somebody else', epoch: 1, revision: 900, journalCeiling: 0, values: {} }
      replaceRow(dir, 'mark', 'mark', Buffer.from(JSON.stringify(mine)))
    },
    journalLost: 'all',
    historyLost: true,
    aside: ASIDE,
  },
  'signed copy missing': { after: 'stop', harm: remove('state.signed') },
  'signed copy forged or of another node': { after: 'stop', harm: forge, aside: /^state\.signed\.damaged-1$/ },
  'signed copy emptied': { after: 'stop', harm: empty('state.signed'), aside: /^state\.signed\.damaged-1$/ },
  'signed copy older': {
    after: 'stop',
    harm: (dir) => writeFileSync(join(dir, 'state.signed'), 'signed 1'),
    silent: true,
  },
  'all three at once': {
    after: 'stop',
    harm: (dir) => [empty(DATABASE), forge, flipMark].forEach((harm) => harm(dir)),
    state: 'lost',
    journalLost: 'all',
    historyLost: true,
  },
  'everything removed': {
    after: 'stop',
    harm: remove(DATABASE, 'mark', 'state.signed'),
    state: 'lost',
    journalLost: 'all',
    historyLost: true,
    silent: true,
  },
}

function replaceRow(dir: string, kind: string, key: string, body: Buffer): void {
  const sqlite = new Sqlite(join(dir, DATABASE))
  sqlite
    .prepare('UPDATE kept SET body = ?, sum = ? WHERE kind = ? AND key = ?')
    .run(body, rowChecksum(kind, key, body), kind, key)
  sqlite.close()
}
