// process-table.ts - all plain processes of this node, on disk and in memory, and the moment at which one has ended
import { mkdirSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import type { Clock } from '../../shared/clock.ts'
import type { Log } from '../../shared/log.ts'
import { bootId, findLeaderByEnv, readStat } from './proc.ts'
import { CONTAINER_VARIABLE } from './process-launch.ts'
import {
  loadRecords,
  readExit,
  writeRecord,
  type ProcessEnd,
  type ProcessRecord,
  type ProcessRun,
} from './process-record.ts'
import { RuntimeUnavailable } from './runtime.ts'

export interface ProcessTable {
  all(): readonly ProcessRecord[]
  /** As it is now: one that has ended in the meantime is written down as ended first. */
  get(id: string): ProcessRecord | undefined
  folder(id: string): string
  /** Throws when the disk refuses: then nothing has changed. */
  save(record: ProcessRecord): void
  /** For what the next agent finds out by itself: a disk that refuses holds nothing up, memory has it. */
  note(record: ProcessRecord): void
  remove(id: string): void
  /** Ids whose start is under way in this very moment: they run, and have no pid yet. */
  readonly starting: Set<string>
}

export interface ProcessTableDeps {
  root: string
  clock: Clock
  log: Log
  /** A container of this pod is in another state than before. */
  changed: (record: ProcessRecord) => void
}

/** What container engines show for a program that was killed, and for one that a power cut ended. */
const KILLED_EXIT = 137
const POWER_LOSS_EXIT = 255

export function createProcessTable({ root, clock, log, changed }: ProcessTableDeps): ProcessTable {
  let loaded: Map<string, ProcessRecord> | undefined
  let boot: string | undefined
  let isRefused = false
  const starting = new Set<string>()
  const currentBoot = () => (boot ??= bootId())
  const folder = (id: string) => join(root, id)
  const records = () => (loaded ??= load(root, log))

  function write(record: ProcessRecord) {
    mkdirSync(folder(record.id), { recursive: true, mode: 0o711 })
    writeRecord(folder(record.id), record)
    isRefused = false
  }
  function take(record: ProcessRecord) {
    records().set(record.id, record)
    changed(record)
  }
  function save(record: ProcessRecord) {
    write(record)
    take(record)
  }
  function note(record: ProcessRecord) {
    try {
      write(record)
    } catch (error) {
      if (!isRefused) log.error({ id: record.id, error }, 'the disk refuses what became of a plain process')
      isRefused = true
    }
    take(record)
  }

  function settle(record: ProcessRecord): ProcessRecord {
    if (!record.run || record.end) return record
    const seen = look(record, record.run)
    if (seen === 'alive' || seen === 'starting') return record
    const next = typeof seen === 'object' ? { ...record, run: seen } : withoutRun(record)
    const settled = seen === 'ended' ? { ...record, end: endOf(record.run, folder(record.id)) } : next
    note(settled)
    return settled
  }

  return {
    all: () => [...records().values()].map(settle),
    get(id) {
      const record = records().get(id)
      return record && settle(record)
    },
    folder,
    save,
    note,
    remove(id) {
      const record = records().get(id)
      rmSync(folder(id), { recursive: true, force: true })
      records().delete(id)
      if (record) changed(record)
    },
    starting,
  }

  function endOf(run: ProcessRun, path: string): ProcessEnd {
    const exitCode = run.bootId === currentBoot() ? KILLED_EXIT : POWER_LOSS_EXIT
    return readExit(path) ?? { exitCode, finishedAtMs: clock.wallMs() }
  }

  /** An answer with a pid: the process was found that an earlier agent started and had no time to write down. */
  function look(record: ProcessRecord, run: ProcessRun): 'alive' | 'starting' | 'ended' | 'never started' | ProcessRun {
    if (starting.has(record.id)) return 'starting'
    if (run.bootId !== currentBoot()) return 'ended'
    if (record.spec.identity.role === 'sandbox') return 'alive'
    if (run.pid !== undefined) {
      const stat = readStat(run.pid)
      return stat && !stat.isZombie && stat.startTicks === run.startTicks ? 'alive' : 'ended'
    }
    const leader = findLeaderByEnv(CONTAINER_VARIABLE, record.id)
    if (leader) return { ...run, pid: leader.pid, startTicks: leader.startTicks }
    return readExit(folder(record.id)) ? 'ended' : 'never started'
  }
}

function load(root: string, log: Log): Map<string, ProcessRecord> {
  try {
    const { records, unreadable } = loadRecords(root)
    for (const id of unreadable) forget(root, id, log)
    return new Map(records.map((record) => [record.id, record]))
  } catch (error) {
    throw new RuntimeUnavailable(`the folder of the processes cannot be read: ${String(error)}`, { cause: error })
  }
}

/** A record is written before its program starts: without one nothing ran, unless the disk has lost it since. */
function forget(root: string, id: string, log: Log) {
  const leader = findLeaderByEnv(CONTAINER_VARIABLE, id)
  if (leader) log.error({ id, pid: leader.pid }, 'a plain process runs whose record is lost')
  else rmSync(join(root, id), { recursive: true, force: true })
}

function withoutRun({ run: _never, ...record }: ProcessRecord): ProcessRecord {
  return record
}
