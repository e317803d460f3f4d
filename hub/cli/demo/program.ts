// program.ts - hub and agent as the demo runs them: child processes with a log file, ready when they say so
import { spawn, type ChildProcess } from 'node:child_process'
import { appendFileSync, closeSync, openSync, readFileSync } from 'node:fs'
import { delimiter, dirname } from 'node:path'
import { createInterface } from 'node:readline'
import { CliError } from '../cli-error.ts'

export interface Program {
  readonly name: string
  /** Undefined when it could not be started. */
  readonly pid: number | undefined
  /** Resolves when it has printed its "ready" line; rejects with the end of its log when it ends before. */
  readonly ready: Promise<void>
  /** Resolves when it has ended. */
  readonly ended: Promise<void>
  stop(): Promise<void>
}

const LOG_LINES_SHOWN = 12

/** Shell scripts that set what a small machine needs and start Node: the very one that runs this. */
export function startProgram(name: string, file: string, args: readonly string[], logFile: string): Program {
  const log = openSync(logFile, 'a', 0o600)
  const PATH = [dirname(process.execPath), process.env['PATH'] ?? ''].join(delimiter)
  const child = spawn('/bin/sh', [file, ...args], { stdio: ['ignore', 'pipe', log], env: { ...process.env, PATH } })
  closeSync(log)
  let isStopping = false
  const ended = new Promise<void>((resolve) => child.on('close', () => resolve()))
  const ready = new Promise<void>((resolve, reject) => {
    if (child.stdout)
      createInterface({ input: child.stdout }).on('line', (line) => {
        // What joining checks, and what of it failed, is said here.
        appendFileSync(logFile, `${line}\n`)
        if (line.startsWith('ready')) resolve()
      })
    child.on('error', reject)
    child.on('close', () =>
      reject(
        new CliError(
          `the ${name} has ended${isStopping ? '' : ` by itself; the end of ${logFile}:\n${tail(logFile)}`}`,
        ),
      ),
    )
  })
  return { name, pid: child.pid, ready, ended, stop: () => ((isStopping = true), stop(child, ended)) }
}

async function stop(child: ChildProcess, ended: Promise<void>): Promise<void> {
  child.kill('SIGTERM')
  await ended
}

const tail = (path: string) => readFileSync(path, 'utf8').trimEnd().split('\n').slice(-LOG_LINES_SHOWN).join('\n')
