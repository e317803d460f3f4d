// process-supervisor.ts - starts a program so that its output and exit code survive the agent
//
// Why a shell: somebody must wait for the program when the agent has died, or its exit code is lost. A Node supervisor
// would cost 40 MB a container; a compiled one would need a binary for every architecture. /bin/sh costs 1 MB, most
// of it shared, and is on every device. The text below is fixed: program and arguments come in as "$@", never as text.
//
// - trap: signals go to the whole process group; the shell outlives them, and a trap (unlike an ignored signal) is not
//   inherited by the program.
// - 2>&1: both streams go to the log; the shell's own stderr is /dev/null, so that its "Terminated" stays out of it.
// - fd 3: the exit file, opened by the agent, so that a program of another user needs no right to write it; its room is
//   taken beforehand, so that a disk that is full by then does not hide how the program ended.
// - kill -9 0: what the program left running in its group ends with it, as in a container.
// A SIGKILL to the group takes the shell along: a run that ended without an exit file was killed.
import { spawn } from 'node:child_process'
import { closeSync, openSync, writeSync } from 'node:fs'
import { processFolder } from './process-record.ts'
import { readStat } from './proc.ts'
import type { Launch } from './process-launch.ts'

const SUPERVISOR = `trap : HUP INT QUIT TERM USR1 USR2 ALRM PIPE
"$@" 2>&1 3>&-
echo $? >&3
kill -9 0`

/** As long as the longest exit code and its line's end; what the shell writes goes over it. */
const EXIT_ROOM = '\n'.repeat(4)

export interface Supervised {
  pid: number
  startTicks: string
}

/** Calls `ended` when the program ends while this agent lives; later agents see it by themselves. */
export async function superviseProcess(folder: string, launch: Launch, ended: () => void): Promise<Supervised> {
  const { log, exit } = processFolder(folder)
  // Appending matters: after the log was cut back, the next write must go to its new end.
  const output = openSync(log, 'a', 0o600)
  const exitFile = openSync(exit, 'w', 0o600)
  try {
    writeSync(exitFile, EXIT_ROOM, 0)
    const { program, args, env, cwd, uid, gid } = launch
    const child = spawn('/bin/sh', ['-c', SUPERVISOR, 'holdfast', program, ...args], {
      cwd,
      env,
      detached: true,
      stdio: ['ignore', output, 'ignore', exitFile],
      ...(uid === undefined ? {} : { uid }),
      ...(gid === undefined ? {} : { gid }),
    })
    await new Promise<void>((resolve, reject) => child.once('spawn', resolve).once('error', reject))
    child.once('exit', ended)
    child.unref()
    const pid = child.pid ?? 0
    return { pid, startTicks: readStat(pid)?.startTicks ?? '' }
  } finally {
    closeSync(output)
    closeSync(exitFile)
  }
}
