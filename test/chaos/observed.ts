// observed.ts - what truly runs on a device: its containers by the engine, its plain processes by the kernel, whoever knows of them
import { readFileSync, readdirSync } from 'node:fs'
import { basename, join } from 'node:path'
import { isMissing, processFolder, type ProcessRecord } from '../../agent/runtime/process-record.ts'
import type { AgentProcess } from '../support/agent-process.ts'
import type { Engine } from '../support/engine.ts'

export interface Running {
  id: string
  /** Plain, and not in the engine. */
  isProcess: boolean
  identity: { pod: string; podUid: string }
  /** By nobody who is responsible for it. */
  kill(): Promise<void> | void
}

/** Without an engine only its plain processes. */
export async function runningOn(agent: AgentProcess, engine: Engine | undefined): Promise<Running[]> {
  const all = (await engine?.containersOf(agent.nodeName)) ?? []
  const containers = all.filter(({ name, isRunning }) => isRunning && name !== '')
  const inEngine = containers.map(({ id, pod, podUid }) => ({
    id,
    isProcess: false,
    identity: { pod, podUid },
    kill: () => engine?.kill(id),
  }))
  return [...inEngine, ...processesOf(agent.dataDir)]
}

/** Found by what their environment says, so that one that the agent has forgotten is found too. */
function processesOf(dataDir: string): Running[] {
  const root = join(dataDir, 'processes')
  const ids = new Set<string>()
  for (const pid of readdirSync('/proc').filter((name) => /^\d+$/.test(name))) {
    const variables = read(`/proc/${pid}/environ`)?.split('\0') ?? []
    const work = variables.find((line) => line.startsWith(`HOLDFAST_ROOT=${root}/`))
    if (work) ids.add(basename(join(work, '..')))
  }
  return [...ids].map((id) => {
    const { identity, pid } = recordOf(join(root, id))
    return { id, isProcess: true, identity, kill: () => killGroup(pid) }
  })
}

interface Known {
  identity: Running['identity']
  /** Of the supervisor, which leads the group. */
  pid?: number | undefined
}

function recordOf(folder: string): Known {
  const record = read(processFolder(folder).record)
  if (record === undefined) return { identity: { pod: `a process without a record in ${folder}`, podUid: '' } }
  // Written by the agent as a ProcessRecord.
  const { spec, run } = JSON.parse(record) as ProcessRecord
  return { identity: spec.identity, pid: run?.pid }
}

function killGroup(pid: number | undefined): void {
  try {
    if (pid) process.kill(-pid, 'SIGKILL')
  } catch (error) {
    if (codeOf(error) !== 'ESRCH') throw error
  }
}

const codeOf = (error: unknown) => (error instanceof Error && 'code' in error ? String(error.code) : '')

/** Processes end while they are looked at, and into those of others nobody looks: they are not ours. */
const NOT_OURS = ['EACCES', 'EPERM', 'ESRCH']

function read(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8')
  } catch (error) {
    if (isMissing(error) || NOT_OURS.includes(codeOf(error))) return undefined
    throw error
  }
}
