// termination-message.ts - what a program said about its own end: the end of the file that it was given, or of its log
import { closeSync, constants, fstatSync, openSync, readSync } from 'node:fs'
import { Writable } from 'node:stream'
import type { Clock } from '../../shared/clock.ts'
import { RuntimeUnavailable, type ContainerSpec, type LogRequest, type Termination } from './runtime.ts'
import { isMissing } from './process-record.ts'

/** Upstream's bounds, which people know. */
const MESSAGE_BYTES_MAX = 4_096
const LOG_LINES_MAX = 80
const LOG_BYTES_MAX = 2_048
/** Whoever waits for the log of a runtime that hangs would hold up all that it lists. */
const LOG_MS_MAX = 10_000

export interface Ended {
  termination: Pick<Termination, 'orLogs'>
  /** Undefined: it got none, because there was no room or the engine runs elsewhere. */
  file: string | undefined
  exitCode: number | undefined
  logs: (request: LogRequest, out: Writable) => Promise<void>
  clock: Clock
}

/** Throws RuntimeUnavailable; whatever else keeps it from being read is said in its place, as upstream. */
export async function terminationMessage({ termination, file, exitCode, logs, clock }: Ended): Promise<string> {
  const written = file === undefined ? '' : readEnd(file)
  return written === '' && termination.orLogs && exitCode !== 0 ? endOfLog(logs, clock) : written
}

/** No link is followed and nothing is waited for: whoever may write there must not choose what is read. */
function readEnd(path: string): string {
  let file: number | undefined
  try {
    file = openSync(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK)
    const stat = fstatSync(file)
    if (!stat.isFile()) return ''
    const buffer = Buffer.alloc(Math.min(stat.size, MESSAGE_BYTES_MAX))
    const bytes = readSync(file, buffer, 0, buffer.length, stat.size - buffer.length)
    return textOf(buffer.subarray(0, bytes))
  } catch (error) {
    return isMissing(error) ? '' : `Error on reading termination log ${path}: ${messageOf(error)}`
  } finally {
    if (file !== undefined) closeSync(file)
  }
}

async function endOfLog(logs: Ended['logs'], clock: Clock): Promise<string> {
  let end = Buffer.alloc(0)
  const out = new Writable({
    write(chunk: Buffer, _encoding, done) {
      end = Buffer.concat([end, chunk]).subarray(-LOG_BYTES_MAX)
      done()
    },
  })
  const late = new AbortController()
  const timer = clock.after(LOG_MS_MAX, () => late.abort())
  try {
    await logs({ follow: false, tailLines: LOG_LINES_MAX, timestamps: false, signal: late.signal }, out)
    return textOf(end)
  } catch (error) {
    if (error instanceof RuntimeUnavailable) throw error
    return `Error on reading termination message from logs: ${messageOf(error)}`
  } finally {
    timer.cancel()
  }
}

/** The second half of a character that was cut in two says nothing. */
function textOf(bytes: Buffer): string {
  const isContinuation = (byte: number | undefined) => byte !== undefined && (byte & 0xc0) === 0x80
  let from = 0
  while (from < 3 && isContinuation(bytes[from])) from++
  return bytes.toString('utf8', from)
}

/**
 * Nothing can be put over a path that one of its volumes is at or below. Into a read-only volume no file can be put
 * either: the container would not start, for a message that nobody asked for.
 */
export function isTerminationPathFree({ termination, mounts }: ContainerSpec): boolean {
  if (!termination) return false
  const { path } = termination
  if (path === '/' || mounts.some(({ target }) => isWithin(target, path))) return false
  const around = mounts.filter(({ target }) => isWithin(path, target))
  return !around.toSorted((one, other) => other.target.length - one.target.length)[0]?.readOnly
}

export const isWithin = (path: string, folder: string): boolean =>
  path === folder || path.startsWith(`${folder.replace(/\/$/, '')}/`)

const messageOf = (error: unknown) => (error instanceof Error ? error.message : String(error))
