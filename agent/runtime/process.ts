// process.ts - the driver for plain processes (runtimeClassName: process): no image, no isolation, adopted after a restart
//
// What a user gets: the container's command in its own process group, with its output, exit code, restarts, exec, usage
// and volumes (as links below $HOLDFAST_ROOT). What a plain process cannot have is refused (a hostPort that differs
// from the containerPort, volumes inside volumes) or logged as not enforced (limits, read-only roots, capabilities).
import { existsSync } from 'node:fs'
import { sleep, type Clock, type Timer } from '../../shared/clock.ts'
import type { Log } from '../../shared/log.ts'
import type { Random } from '../../shared/random.ts'
import { PAUSE_IMAGE } from './pause-image.ts'
import { bootId, sessionUsage } from './proc.ts'
import { execBeside } from './process-exec.ts'
import { makeWorkFolder, planLaunch, type LaunchDeps } from './process-launch.ts'
import { readLogs } from './process-log-reader.ts'
import { rotateLog } from './process-logs.ts'
import { observeRecord, processFolder, type ProcessRecord } from './process-record.ts'
import { superviseProcess } from './process-supervisor.ts'
import { createProcessTable, type ProcessTable } from './process-table.ts'
import {
  CANNOT_START_EXIT,
  NOT_FOUND_EXIT,
  StartError,
  type ContainerSpec,
  type Runtime,
  type RuntimeEvent,
} from './runtime.ts'
import { toWritables } from './sink.ts'
import { terminationMessage } from './termination-message.ts'
import { unenforced } from './process-limits.ts'

export interface ProcessRuntimeDeps extends LaunchDeps {
  /** Ours alone; made when it is not there. */
  root: string
  clock: Clock
  random: Random
  log: Log
}

/** How soon an adopted process is seen to have ended, and how far a log can grow beyond its bound. */
const LOOK_EVERY_MS = 1_000
/** A killed process is gone at once, except one that waits for a disk. */
const KILL_TRIES = 100
const KILL_EVERY_MS = 20
const IMAGE = { id: 'process', user: '' }

/** Linux only: the identity of a process is read from /proc. */
export const isProcessRuntimeSupported = () => existsSync('/proc/self/stat') && existsSync('/bin/sh')

export function createProcessRuntime(deps: ProcessRuntimeDeps): Runtime {
  const { root, clock, log } = deps
  const listeners = new Set<(event: RuntimeEvent) => void>()
  const emit = (event: RuntimeEvent) => listeners.forEach((listener) => listener(event))
  const changed = ({ id, spec }: ProcessRecord) => emit({ kind: 'changed', id, podUid: spec.identity.podUid })
  const table = createProcessTable({ root, clock, log, changed })
  const containers = { ...deps, table }
  let timer: Timer | undefined

  const existing = (id: string) => {
    const record = table.get(id)
    if (!record) throw new Error(`no such container: ${id}`)
    return record
  }
  const launchOf = (id: string) => {
    const { spec, run, end } = existing(id)
    if (!run || end) throw new Error(`container ${id} is not running`)
    return planLaunch(id, spec, processFolder(table.folder(id)).work, deps)
  }

  const observed = async (record: ProcessRecord) => {
    const { termination } = record.spec
    const container = observeRecord(record)
    if (!termination || !record.end) return container
    const folder = table.folder(record.id)
    const message = await terminationMessage({
      ...{ termination, file: processFolder(folder).message, exitCode: record.end.exitCode, clock },
      logs: (request, out) =>
        readLogs({ folder, clock, hasEnded: () => true }, request, toWritables(out, out, request.signal)),
    })
    return message === '' ? container : { ...container, terminationMessage: message }
  }

  return {
    name: 'process',
    start() {
      emit({ kind: 'relist' })
      timer = clock.every(LOOK_EVERY_MS, () => look(table, log))
    },
    stop: () => timer?.cancel(),
    async info() {
      const architecture = process.arch === 'x64' ? 'amd64' : process.arch
      return { name: 'process', version: `process://${process.versions.node}`, os: process.platform, architecture }
    },
    list: async () => Promise.all(table.all().map(observed)),
    async inspect(id) {
      const record = table.get(id)
      return record && observed(record)
    },
    onEvent(listener) {
      listeners.add(listener)
      return () => void listeners.delete(listener)
    },
    // The image is shown and otherwise ignored: what runs is what is installed on the device.
    findImage: async () => IMAGE,
    pull: async () => IMAGE,
    createContainer: async (spec) => create(containers, spec),
    createSandbox: async (spec) => create(containers, { ...spec, image: PAUSE_IMAGE }),
    startContainer: (id) => start(containers, id),
    async signalContainer(id, signal) {
      const record = table.get(id)
      if (record) send(containers, record, signal)
    },
    async removeContainer(id, { force }) {
      const record = table.get(id)
      if (!record) return
      if (record.run && !record.end && !force) throw new Error(`container ${id} is running`)
      await kill(containers, record)
      table.remove(id)
    },
    async logs(id, request, out, err) {
      existing(id)
      const hasEnded = () => table.get(id)?.end !== undefined || !table.get(id)
      await readLogs({ folder: table.folder(id), clock, hasEnded }, request, toWritables(out, err, request.signal))
    },
    exec: async (id, request) => execBeside(clock, launchOf(id), request),
    async attach(id, { stdin, stdout, stderr, signal }) {
      launchOf(id)
      if (stdin) stderr?.write('a plain process has no stdin to attach to: showing its output\n')
      const hasEnded = () => table.get(id)?.end !== undefined || !table.get(id)
      const request = { follow: true, tailLines: 0, timestamps: false, signal }
      await readLogs({ folder: table.folder(id), clock, hasEnded }, request, toWritables(stdout, stderr, signal))
    },
    async dial(id, port) {
      launchOf(id)
      return { address: '127.0.0.1', port }
    },
    async usage(ids) {
      const pids = new Map(ids.map((id) => [id, runningPid(table, id)]))
      const leaders = new Set([...pids.values()].filter((pid) => pid !== undefined))
      const sums = sessionUsage(leaders)
      return ids.flatMap((id) => {
        const sum = sums.get(pids.get(id) ?? 0)
        return sum ? [{ id, ...sum, sampledAtMonoMs: clock.monoMs() }] : []
      })
    },
  }
}

interface Containers extends ProcessRuntimeDeps {
  table: ProcessTable
}

async function create(containers: Containers, spec: ContainerSpec): Promise<string> {
  const { table, random, clock, log } = containers
  const leftover = table.all().find((record) => isSameName(record.spec, spec))
  if (leftover?.spec.identity.specHash === spec.identity.specHash) return leftover.id
  if (leftover) {
    await kill(containers, leftover)
    table.remove(leftover.id)
  }
  const id = random.uuid().replaceAll('-', '')
  const ignored = unenforced(spec)
  const { namespace, pod, container } = spec.identity
  if (ignored.length > 0) log.warn({ namespace, pod, container, ignored }, 'not enforced for plain processes')
  try {
    makeWorkFolder(spec, processFolder(table.folder(id)))
    table.save({ id, spec, createdAtMs: clock.wallMs() })
  } catch (error) {
    // It is tried again, each time under another id.
    table.remove(id)
    throw error
  }
  return id
}

async function start({ table, clock, log, ...deps }: Containers, id: string): Promise<void> {
  const record = table.get(id)
  if (!record) throw new StartError('RunContainerError', `no such container: ${id}`)
  if (record.run || table.starting.has(id)) return
  const run = { bootId: bootId(), startedAtMs: clock.wallMs() }
  if (record.spec.identity.role === 'sandbox') return table.save({ ...record, run })
  const ended = () => seeEnd(table, id, log)
  try {
    const launch = planLaunch(id, record.spec, processFolder(table.folder(id)).work, deps)
    table.starting.add(id)
    // Written before it is started: an agent that dies in between finds the process by its environment.
    table.save({ ...record, run })
    const supervised = await superviseProcess(table.folder(id), launch, ended)
    table.note({ ...record, run: { ...run, ...supervised } })
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error)
    const errorExit = error instanceof StartError ? NOT_FOUND_EXIT : CANNOT_START_EXIT
    table.note({ ...record, error: message, errorExit })
    throw error instanceof StartError ? error : new StartError('RunContainerError', message)
  } finally {
    table.starting.delete(id)
  }
  // It may have ended while its start was written down.
  table.get(id)
}

/** Called by an event, which nobody answers for. */
function seeEnd(table: ProcessTable, id: string, log: Log) {
  try {
    table.get(id)
  } catch (error) {
    log.warn({ id, error }, 'the end of a plain process could not be looked at')
  }
}

function send({ table, clock }: Containers, record: ProcessRecord, signal: string) {
  const { run, end, spec } = record
  if (!run || end) return
  if (spec.identity.role === 'sandbox')
    return table.note({ ...record, end: { exitCode: 0, finishedAtMs: clock.wallMs() } })
  if (run.pid === undefined) return
  try {
    // To the group: the supervisor outlives all but SIGKILL, the program and its children get it.
    process.kill(-run.pid, signal as NodeJS.Signals)
  } catch (error) {
    if (!(error instanceof Error && 'code' in error && error.code === 'ESRCH')) throw error
  }
}

/** Resolves when it has ended. */
async function kill(containers: Containers, { id }: ProcessRecord): Promise<void> {
  for (let tries = 0; tries < KILL_TRIES; tries++) {
    const record = containers.table.get(id)
    if (!record?.run || record.end) return
    send(containers, record, 'SIGKILL')
    await sleep(containers.clock, KILL_EVERY_MS)
  }
  throw new Error(`the process of container ${id} does not end`)
}

function look(table: ProcessTable, log: Log) {
  try {
    for (const { id, run, end } of table.all()) if (run?.pid !== undefined && !end) rotateLog(table.folder(id))
  } catch (error) {
    log.warn({ error }, 'the plain processes could not be looked at')
  }
}

function runningPid(table: ProcessTable, id: string): number | undefined {
  const record = table.get(id)
  return record?.end ? undefined : record?.run?.pid
}

const isSameName = (one: ContainerSpec, other: ContainerSpec) =>
  one.identity.podUid === other.identity.podUid &&
  one.identity.container === other.identity.container &&
  one.identity.role === other.identity.role &&
  one.identity.attempt === other.identity.attempt
