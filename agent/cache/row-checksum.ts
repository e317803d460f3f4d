// row-checksum.ts - what a row must still say to be believed: SQLite itself passes a flipped bit in a payload
import { createHash } from 'node:crypto'

const CHECKSUM_BYTES = 8

/** The key is part of it: a row that moved to another place is as wrong as one that changed. */
export const rowChecksum = (kind: string, key: string, body: Uint8Array): Buffer =>
  createHash('sha256').update(`${kind}\0${key}\0`).update(body).digest().subarray(0, CHECKSUM_BYTES)

export const journalChecksum = (seq: number, body: Uint8Array): Buffer => rowChecksum('journal', String(seq), body)
