// contents.ts - what the database holds besides the journal, read and written as a whole
import * as v from 'valibot'
import { desiredState, type DesiredState } from '../../shared/protocol/messages.ts'
import type { ContainerHistory } from './cache.ts'
import { DamagedDatabase, type Database, type JournalRow } from './database.ts'
import { historyKey, historySchema } from './history-row.ts'
import { markSchema, type Mark } from './mark.ts'
import type { Salvaged } from './salvage.ts'

/** `signed`: the envelope as it was received. */
export interface Desired {
  state: DesiredState
  signed: Uint8Array
}

export interface Contents {
  mark?: Mark
  desired?: Desired
  histories: readonly ContainerHistory[]
}

/** Throws DamagedDatabase when a single row is not what was written. */
export function readContents(database: Database): Contents & { journal: readonly JournalRow[] } {
  const row = (kind: string, key: string) => database.rows(kind).find((candidate) => candidate.key === key)?.body
  const [mark, state, signed] = [row('mark', 'mark'), row('desired', 'state'), row('desired', 'signed')]
  return {
    ...(mark && { mark: parsed(markSchema, mark) }),
    ...(state && { desired: { state: parsed(desiredState, state), signed: signed ?? Buffer.alloc(0) } }),
    histories: database.rows('history').map(({ body }) => parsed(historySchema, body)),
    // Reads every entry: damage shows here and not when the hub asks.
    journal: database.journal(Number.MAX_SAFE_INTEGER),
  }
}

/** From rows that were saved one by one: a state counts only when the hub's signature still holds. */
export function contentsOf({ kept }: Salvaged, verify: (signed: Uint8Array) => DesiredState | undefined): Contents {
  const bodies = (kind: string) => kept.filter((row) => row.kind === kind)
  const signed = bodies('desired').find(({ key }) => key === 'signed')?.body
  const state = signed && verify(signed)
  const mark = bodies('mark')[0]
  const readMark = mark && v.safeParse(markSchema, JSON.parse(mark.body.toString('utf8')))
  return {
    ...(readMark?.success && { mark: readMark.output }),
    ...(state && signed && { desired: { state, signed } }),
    histories: bodies('history').flatMap(({ body }) => {
      const read = v.safeParse(historySchema, JSON.parse(body.toString('utf8')))
      return read.success ? [read.output] : []
    }),
  }
}

/** Makes the database say this and nothing else. */
export function writeContents(database: Database, contents: Contents, journal: readonly JournalRow[]): void {
  database.transact(() => {
    for (const kind of ['mark', 'desired', 'history'])
      for (const { key } of database.rows(kind)) database.delete(kind, key)
    if (contents.mark) putMark(database, contents.mark)
    if (contents.desired) putDesired(database, contents.desired)
    for (const history of contents.histories) putHistory(database, history)
    database.deleteJournalUpTo(Number.MAX_SAFE_INTEGER)
    for (const row of journal) database.addJournal(row)
  })
}

export const putMark = (database: Database, mark: Mark): void => database.put('mark', 'mark', encode(mark))

export const putHistory = (database: Database, history: ContainerHistory): void =>
  database.put('history', historyKey(history), encode(history))

export function putDesired(database: Database, { state, signed }: Desired): void {
  database.put('desired', 'state', encode(state))
  database.put('desired', 'signed', signed)
}

const encode = (value: unknown) => Buffer.from(JSON.stringify(value))

function parsed<S extends v.GenericSchema>(schema: S, body: Buffer): v.InferOutput<S> {
  const result = v.safeParse(schema, JSON.parse(body.toString('utf8')))
  if (!result.success) throw new DamagedDatabase(`a row does not say what it should: ${result.issues[0].message}`)
  return result.output
}
