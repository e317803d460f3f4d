// row-checksum.ts - finds what the disk has changed: a sum per row, and one over all rows that tells when some have vanished
import { createHash } from 'node:crypto'
import type { JournalRow } from './journal.ts'

/** SQLite's own checks pass over a flipped bit in a payload. Eight bytes are plenty against accidents. */
const SUM_BYTES = 8

export type Sum = bigint

export function rowSum({ resource, key, revision, body }: JournalRow): Sum {
  const digest = createHash('sha256')
    .update(`${resource}\n${key}\n${revision}\n${body ?? ''}`)
    .digest()
  return digest.readBigUInt64BE(0)
}

/** Adding a row and taking it out are the same; the order does not matter. */
export const combine = (total: Sum, row: Sum): Sum => total ^ row

export const sumText = (sum: Sum): string => sum.toString(16).padStart(SUM_BYTES * 2, '0')
