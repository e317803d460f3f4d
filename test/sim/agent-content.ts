// agent-content.ts - what lies in a device's database, row by row; what was damaged keeps the checksum that it was written with
import { checkedEntry, checkedRow, type JournalRow, type Row } from '../../agent/cache/database.ts'
import { rowChecksum } from '../../agent/cache/row-checksum.ts'
import { soundOf, type Salvaged } from '../../agent/cache/salvage.ts'
import type { Chance } from './chance.ts'

export interface Content {
  kept: Map<string, Buffer>
  journal: JournalRow[]
  /** Of rows whose bytes are not those that were written; the rest needs none. */
  sums: Map<string, Buffer>
}

/** flipped: one bit of one row. torn: of some neighbours on a page only a first part was written. */
export type Wound = 'flipped' | 'torn'

/** Rows as they were before. */
export interface Spoilt {
  hasHistories: boolean
  journal: readonly JournalRow[]
}

export const emptyContent = (): Content => ({ kept: new Map(), journal: [], sums: new Map() })
export const copyOf = ({ kept, journal, sums }: Content): Content => ({
  kept: new Map(kept),
  journal: [...journal],
  sums: new Map(sums),
})

const SEPARATOR = '\0'
const JOURNAL = 'journal'
/** So many rows lie on one page. */
const TORN_ROWS_MAX = 4

export const rowId = (kind: string, key: string): string => `${kind}${SEPARATOR}${key}`
export const entryId = ({ seq }: Pick<JournalRow, 'seq'>): string => rowId(JOURNAL, String(seq))

/** With the production code's own look at each checksum. */
export function readRows({ kept, sums }: Content, kind: string): Row[] {
  const prefix = rowId(kind, '')
  return [...kept]
    .filter(([id]) => id.startsWith(prefix))
    .map(([id, body]) => {
      const row = { key: id.slice(prefix.length), body }
      const sum = sums.get(id)
      return sum ? checkedRow(kind, { ...row, sum }) : row
    })
}

export function readEntries({ sums }: Content, rows: readonly JournalRow[]): JournalRow[] {
  if (sums.size === 0) return [...rows]
  return rows.map((row) => {
    const sum = sums.get(entryId(row))
    return sum ? checkedEntry({ ...row, sum }) : row
  })
}

/** What the production code believes of it, row by row. */
export function salvageFrom({ kept, journal, sums }: Content): Salvaged {
  const sumOf = (kind: string, key: string, body: Buffer) => sums.get(rowId(kind, key)) ?? rowChecksum(kind, key, body)
  const rows = [...kept].map(([id, body]) => {
    const at = id.indexOf(SEPARATOR)
    const [kind, key] = [id.slice(0, at), id.slice(at + 1)]
    return { kind, key, body, sum: sumOf(kind, key, body) }
  })
  return soundOf(
    rows,
    journal.map((row) => ({ ...row, sum: sumOf(JOURNAL, String(row.seq), row.body) })),
  )
}

export const isSound = (content: Content): boolean => content.sums.size === 0 || salvageFrom(content).unreadable === 0

const idsOf = ({ kept, journal }: Content) => [...[...kept.keys()].toSorted(), ...journal.map(entryId)]

/** What a commit has written. */
function writtenIn({ kept, journal }: Content, before: Content): string[] {
  const wasThere = new Set(before.journal)
  const rows = [...kept].filter(([id, body]) => before.kept.get(id) !== body).map(([id]) => id)
  return [...rows, ...journal.filter((row) => !wasThere.has(row)).map(entryId)]
}

/** Changes the bytes of some rows, and says which; with `before` of those that were just written. */
export function spoil(content: Content, wound: Wound, chance: Chance, before?: Content): Spoilt {
  const { kept, journal, sums } = content
  const ids = before ? writtenIn(content, before) : idsOf(content)
  const first = chance.between(0, Math.max(0, ids.length - 1))
  const chosen = new Set(ids.slice(first, first + (wound === 'flipped' ? 1 : chance.between(1, TORN_ROWS_MAX))))
  const isChosen = (row: JournalRow) => chosen.has(entryId(row)) && !sums.has(entryId(row))
  const lost = journal.filter(isChosen)
  for (const [id, body] of kept) {
    if (!chosen.has(id)) continue
    const at = id.indexOf(SEPARATOR)
    if (!sums.has(id)) sums.set(id, rowChecksum(id.slice(0, at), id.slice(at + 1), body))
    kept.set(id, wounded(body, wound, chance))
  }
  content.journal = journal.map((row) =>
    chosen.has(entryId(row)) ? { ...row, body: wounded(row.body, wound, chance) } : row,
  )
  for (const row of lost) sums.set(entryId(row), rowChecksum(JOURNAL, String(row.seq), row.body))
  return { hasHistories: [...chosen].some((id) => id.startsWith(rowId('history', ''))), journal: lost }
}

export function wounded(bytes: Buffer, wound: Wound, chance: Chance): Buffer {
  const changed = Buffer.from(bytes)
  if (changed.length === 0) return changed
  const at = chance.between(0, changed.length - 1)
  if (wound === 'flipped') changed.writeUInt8(changed.readUInt8(at) ^ (1 << chance.between(0, 7)), at)
  else changed.fill(0, at)
  // It was zeros already.
  if (changed.equals(bytes)) changed.writeUInt8(1, at)
  return changed
}
