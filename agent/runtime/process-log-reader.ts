// process-log-reader.ts - reads the output of plain processes: from the end, followed, and while the files are rotated
//
// The program writes into the file by itself, which is why it goes on doing so without the agent, and why no line has
// a moment of its own. A line's timestamp is the latest moment at which it can have been written: when its file was
// last written to, or for a followed line, when it was read.
import { statSync } from 'node:fs'
import { open, type FileHandle } from 'node:fs/promises'
import { sleep, type Clock } from '../../shared/clock.ts'
import { isMissing, processFolder } from './process-record.ts'
import type { LogRequest } from './runtime.ts'
import { limited, type Sink } from './sink.ts'

const CHUNK_BYTES = 64 << 10
const FOLLOW_EVERY_MS = 200
const LINE_END = 0x0a

export interface ReadLogsDeps {
  folder: string
  clock: Clock
  hasEnded(): boolean
}

export async function readLogs({ folder, clock, hasEnded }: ReadLogsDeps, request: LogRequest, target: Sink) {
  const { log } = processFolder(folder)
  const { signal, sinceMs = -Infinity } = request
  let momentMs = clock.wallMs()
  const bounded = limited(target, request.limitBytes)
  const sink = request.timestamps ? stamped(bounded, () => momentMs) : bounded
  const { older, olderOffset, olderMs, current } = await beginningOf(folder, request.tailLines)
  let place: Place = current
  momentMs = olderMs
  if (olderMs < sinceMs) await older?.close()
  else if (!(await copyAll(older, { from: olderOffset, sink, signal })).isWanted) return
  momentMs = modifiedMs(log)
  if (momentMs < sinceMs) place = { ...place, offset: sizeOf(log) }
  for (;;) {
    // Asked before reading: what was written before the end is read after it.
    const isLast = !request.follow || hasEnded()
    const copied = await copyOn(folder, place, sink, signal)
    if (isLast || !copied.isWanted) return
    place = copied.place
    await sleep(clock, FOLLOW_EVERY_MS, signal)
    momentMs = clock.wallMs()
  }
}

/** How far the log was read, and which older file stood beside it then: with another one, the log was rotated meanwhile. */
interface Place {
  olderIs: string | undefined
  offset: number
}

interface Beginning {
  /** Open, so that it stays what it is whatever becomes of its name; whoever copies it closes it. */
  older: FileHandle | undefined
  olderOffset: number
  olderMs: number
  current: Place
}

/** Where the last lines begin, in two files that belong together: one that was rotated meanwhile is looked at again. */
async function beginningOf(folder: string, lines: number | undefined): Promise<Beginning> {
  const { log, olderLog } = processFolder(folder)
  for (;;) {
    const olderIs = identityOf(olderLog)
    const olderMs = modifiedMs(olderLog)
    const inLog = await tailStart(await openIfThere(log), lines)
    const inOlder = await tailStart(await openIfThere(olderLog), inLog.missingLines)
    const older = await openIfThere(olderLog)
    if (identityOf(olderLog) === olderIs)
      return { older, olderOffset: inOlder.offset, olderMs, current: { olderIs, offset: inLog.offset } }
    await older?.close()
  }
}

/** What the log has from a place on. What a rotation has moved away is read where it is now. */
async function copyOn(folder: string, from: Place, sink: Sink, signal: AbortSignal) {
  const { log, olderLog } = processFolder(folder)
  let place = from
  const isRotated = () => ![undefined, place.olderIs].includes(identityOf(olderLog))
  for (;;) {
    if (isRotated()) {
      const olderIs = identityOf(olderLog)
      const { isWanted } = await copyAll(await openIfThere(olderLog), { from: place.offset, sink, signal })
      place = { olderIs, offset: 0 }
      if (!isWanted) return { place, isWanted }
      continue
    }
    // Cut back, and the file with the rest is gone already.
    const start = sizeOf(log) < place.offset ? 0 : place.offset
    const { offset, isWanted } = await copyAll(await openIfThere(log), {
      from: start,
      sink,
      signal,
      isStale: isRotated,
    })
    place = { ...place, offset }
    if (!isWanted || !isRotated()) return { place, isWanted }
  }
}

interface TailStart {
  offset: number
  /** Lines that an older file has to give; undefined: all. */
  missingLines: number | undefined
}

/** Reads backwards until enough lines were seen: a long log costs no more than its end. Closes the file. */
async function tailStart(file: FileHandle | undefined, lines: number | undefined): Promise<TailStart> {
  if (!file) return { offset: 0, missingLines: lines }
  try {
    const { size: sizeBytes } = await file.stat()
    if (lines === undefined) return { offset: 0, missingLines: undefined }
    if (lines === 0) return { offset: sizeBytes, missingLines: 0 }
    let seen = 0
    for (let end = sizeBytes; end > 0;) {
      const from = Math.max(0, end - CHUNK_BYTES)
      const { buffer, bytesRead } = await file.read(Buffer.alloc(end - from), 0, end - from, from)
      for (let index = bytesRead - 1; index >= 0; index--) {
        const isBetween = buffer[index] === LINE_END && from + index < sizeBytes - 1
        if (isBetween && ++seen === lines) return { offset: from + index + 1, missingLines: 0 }
      }
      end = from
    }
    return { offset: 0, missingLines: lines - seen - (sizeBytes > 0 ? 1 : 0) }
  } finally {
    await file.close()
  }
}

interface CopyOptions {
  from: number
  sink: Sink
  signal: AbortSignal
  /** Asked after each reading: then what was read may not be what stood there, and is not shown. */
  isStale?: () => boolean
}

/** Closes the file. */
async function copyAll(file: FileHandle | undefined, options: CopyOptions) {
  const { from, sink, signal, isStale = () => false } = options
  let offset = from
  if (!file) return { offset: 0, isWanted: !signal.aborted }
  try {
    for (;;) {
      if (signal.aborted) return { offset, isWanted: false }
      const { buffer, bytesRead } = await file.read(Buffer.alloc(CHUNK_BYTES), 0, CHUNK_BYTES, offset)
      if (bytesRead === 0 || isStale()) return { offset, isWanted: true }
      offset += bytesRead
      if (!(await sink('stdout', buffer.subarray(0, bytesRead)))) return { offset, isWanted: false }
    }
  } finally {
    await file.close()
  }
}

/** Puts the moment before each line, as `kubectl logs --timestamps` shows it. */
function stamped(sink: Sink, momentMs: () => number): Sink {
  let isLineStart = true
  return (stream, bytes) => {
    const stamp = Buffer.from(new Date(momentMs()).toISOString().replace('Z', '000000Z '))
    const parts: Buffer[] = []
    for (let from = 0; from < bytes.length;) {
      const end = bytes.indexOf(LINE_END, from)
      const next = end < 0 ? bytes.length : end + 1
      if (isLineStart) parts.push(stamp)
      parts.push(bytes.subarray(from, next))
      isLineStart = end >= 0
      from = next
    }
    return sink(stream, Buffer.concat(parts))
  }
}

async function openIfThere(path: string): Promise<FileHandle | undefined> {
  try {
    return await open(path, 'r')
  } catch (error) {
    if (isMissing(error)) return undefined
    throw error
  }
}

const sizeOf = (path: string) => statSync(path, { throwIfNoEntry: false })?.size ?? 0
/** Also when its number had belonged to a file that was removed. */
function identityOf(path: string): string | undefined {
  const stat = statSync(path, { throwIfNoEntry: false })
  return stat && `${stat.ino} ${stat.mtimeMs}`
}
const modifiedMs = (path: string) => Math.round(statSync(path, { throwIfNoEntry: false })?.mtimeMs ?? 0)
