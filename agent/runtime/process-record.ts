// process-record.ts - what is kept on disk about each plain process, so that the next agent finds it again
import {
  closeSync,
  fsyncSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  renameSync,
  statSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import type { ContainerSpec, ObservedContainer } from './runtime.ts'

/** One start of the program: enough to know the process again, and to know when the number is another's. */
export interface ProcessRun {
  /** Of the supervisor, which leads the process group; undefined while it is being started, and for a sandbox. */
  pid?: number
  /** Start time of that process in kernel ticks since boot. */
  startTicks?: string
  bootId: string
  startedAtMs: number
}

export interface ProcessEnd {
  exitCode: number
  finishedAtMs: number
}

export interface ProcessRecord {
  id: string
  spec: ContainerSpec
  createdAtMs: number
  run?: ProcessRun
  end?: ProcessEnd
  /** Why it could not start, and what a shell would answer for that. */
  error?: string
  errorExit?: number
}

export interface ProcessFolder {
  record: string
  /** Standard output and error. */
  log: string
  olderLog: string
  /** Written by the supervisor: the exit code and a line's end, over the empty lines that keep the room for it. */
  exit: string
  /** What the program says about its end. */
  message: string
  /** Where the program runs, and where its volumes are linked. */
  work: string
}

export const processFolder = (folder: string): ProcessFolder => ({
  record: join(folder, 'container.json'),
  log: join(folder, 'log'),
  olderLog: join(folder, 'log.1'),
  exit: join(folder, 'exit'),
  message: join(folder, 'message'),
  work: join(folder, 'work'),
})

/** Whole or not at all, also through a power cut: a process that nobody knows could not be stopped. */
export function writeRecord(folder: string, record: ProcessRecord): void {
  const target = processFolder(folder).record
  const file = openSync(`${target}.new`, 'w', 0o600)
  try {
    // Unlike `writeSync` it does not stop half way on a disk that is almost full.
    writeFileSync(file, JSON.stringify(record))
    fsyncSync(file)
  } finally {
    closeSync(file)
  }
  renameSync(`${target}.new`, target)
}

export interface LoadedRecords {
  records: ProcessRecord[]
  /** Names of folders without a readable record. */
  unreadable: string[]
}

export function loadRecords(root: string): LoadedRecords {
  mkdirSync(root, { recursive: true, mode: 0o711 })
  const loaded: LoadedRecords = { records: [], unreadable: [] }
  for (const entry of readdirSync(root, { withFileTypes: true })) {
    if (!entry.isDirectory()) continue
    const record = readRecord(join(root, entry.name))
    if (record?.id === entry.name) loaded.records.push(record)
    else loaded.unreadable.push(entry.name)
  }
  return loaded
}

function readRecord(folder: string): ProcessRecord | undefined {
  try {
    const value: unknown = JSON.parse(readFileSync(processFolder(folder).record, 'utf8'))
    const isOurs = typeof value === 'object' && value !== null && 'id' in value && 'spec' in value
    // Written whole by writeRecord or not at all, in a folder that only the agent may enter.
    return isOurs ? (value as ProcessRecord) : undefined
  } catch (error) {
    if (error instanceof SyntaxError || isMissing(error)) return undefined
    throw error
  }
}

/** The supervisor's last word; undefined while there is none. A line's end says that it is whole. */
export function readExit(folder: string): ProcessEnd | undefined {
  const { exit } = processFolder(folder)
  try {
    const code = /^(\d{1,3})\n/.exec(readFileSync(exit, 'utf8'))?.[1]
    if (code === undefined) return undefined
    return { exitCode: Number(code), finishedAtMs: Math.round(statSync(exit).mtimeMs) }
  } catch (error) {
    if (isMissing(error)) return undefined
    throw error
  }
}

export function observeRecord({ id, spec, createdAtMs, run, end, error, errorExit }: ProcessRecord): ObservedContainer {
  const state = end ? 'exited' : run ? 'running' : 'created'
  return {
    id,
    identity: spec.identity,
    state,
    createdAtMs,
    image: spec.image,
    imageId: spec.image,
    ...(run ? { startedAtMs: run.startedAtMs } : {}),
    ...(end ? { finishedAtMs: end.finishedAtMs, exitCode: end.exitCode, outOfMemory: false } : {}),
    ...(error === undefined ? {} : { error }),
    ...(state === 'created' && errorExit !== undefined ? { exitCode: errorExit } : {}),
    ...(state === 'running' && run?.pid !== undefined ? { pid: run.pid } : {}),
  }
}

export const isMissing = (error: unknown) =>
  error instanceof Error && 'code' in error && (error.code === 'ENOENT' || error.code === 'ENOTDIR')
