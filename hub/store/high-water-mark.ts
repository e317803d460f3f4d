// high-water-mark.ts - how far the store had come, in a file of its own: a store that has lost its tail still opens as if nothing were
import { createHash } from 'node:crypto'
import { closeSync, fsyncSync, openSync, readFileSync, writeSync } from 'node:fs'
import type { JournalMeta } from './journal.ts'

export interface HighWaterMark {
  /** Undefined when there is none, or none that can be read. */
  read(): JournalMeta | undefined
  open(): void
  write(meta: JournalMeta): void
  close(): void
}

/** Two sectors written in turn: a power cut in the middle of one leaves the other. */
const SLOT_BYTES = 512
/** Not every time, that would double the work of the disk: a mark that is a little behind still catches a lost tail. */
const WRITES_PER_SYNC = 256

export function createHighWaterMark(path: string): HighWaterMark {
  let file: number | undefined
  let writes = 0
  return {
    read() {
      const bytes = readIfThere(path)
      if (!bytes) return undefined
      const slots = [bytes.subarray(0, SLOT_BYTES), bytes.subarray(SLOT_BYTES)].map(decode)
      return slots.reduce((best, slot) => (slot && (!best || isNewer(slot, best)) ? slot : best), undefined)
    },
    open() {
      // Not truncated: the old marks stand until new ones are written over them.
      file = openSync(path, readIfThere(path) ? 'r+' : 'w+', 0o600)
      writes = 0
    },
    write(meta) {
      if (file === undefined) throw new Error('the high-water mark is not open')
      const slot = writes % 2
      writeSync(file, encode(meta), 0, SLOT_BYTES, slot * SLOT_BYTES)
      if (writes++ % WRITES_PER_SYNC === 0) fsyncSync(file)
    },
    close() {
      if (file === undefined) return
      fsyncSync(file)
      closeSync(file)
      file = undefined
    },
  }
}

const isNewer = (a: JournalMeta, b: JournalMeta) =>
  a.epoch > b.epoch || (a.epoch === b.epoch && a.revision > b.revision)

function readIfThere(path: string): Buffer | undefined {
  try {
    return readFileSync(path)
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return undefined
    throw error
  }
}

const sumOf = (text: string) => createHash('sha256').update(text).digest('hex').slice(0, 16)

function encode({ hubUid, epoch, revision }: JournalMeta): Buffer {
  const text = `${hubUid} ${epoch} ${revision}`
  const slot = Buffer.alloc(SLOT_BYTES, ' ')
  slot.write(`${sumOf(text)} ${text}`)
  return slot
}

function decode(slot: Buffer): JournalMeta | undefined {
  const [sum, hubUid, epoch, revision] = slot.toString('latin1').trim().split(' ')
  if (sum !== sumOf(`${hubUid} ${epoch} ${revision}`) || !hubUid) return undefined
  return { hubUid, epoch: Number(epoch), revision: Number(revision) }
}
