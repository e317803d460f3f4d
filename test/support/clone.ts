// clone.ts - a second device from the image of a first: another machine with its identity, its cache and no programs of it
import { cpSync, mkdirSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { AGENT, removeWork, type AgentProcess } from './agent-process.ts'
import { startProgram, type ChildProgram } from './child-program.ts'
import { runNode } from './hub-process.ts'
import type { Host } from './netns.ts'

export interface Clone {
  /** Anew, when it runs: it asks to be let in at once, and not after a minute. */
  start(): Promise<void>
  /** Of the process that was started last. */
  log(): string
  /** Process, plain processes and folder. */
  remove(): Promise<void>
}

/** What the original's disk holds at this moment, in `dir`. */
export function cloneOf({ dataDir }: AgentProcess, dir: string, on?: Host): Clone {
  const copy = join(dir, 'data')
  mkdirSync(dir)
  // Another machine has none of the processes whose numbers are written there; here they would be found.
  cpSync(dataDir, copy, { recursive: true, filter: (path) => path !== join(dataDir, 'processes') })
  const env = { PATH: process.env['PATH'], HOME: dir }
  const flags = ['--data-dir', copy, '--docker-host', 'none']
  let program: ChildProgram | undefined
  return {
    async start() {
      await program?.kill9()
      program = startProgram({ file: AGENT, args: flags, env, enter: on?.enter ?? [] })
      await program.ready
    },
    log: () => program?.log() ?? '',
    async remove() {
      await program?.kill9()
      await removeWork(copy, (args) => runNode([AGENT, ...args, ...flags], env))
      rmSync(dir, { recursive: true, force: true })
    },
  }
}

/** How often an agent says that it has come to the hub; two with one identity that took turns would say it again and again. */
export const sessionsOf = (log: string): number => log.match(/connected to the hub/g)?.length ?? 0
export const isConnected = (log: string): boolean =>
  log.lastIndexOf('connected to the hub') > log.lastIndexOf('no connection to the hub')

/** What the second one says. */
export const wasSentAway = (log: string): boolean => /another device uses our identity and was there first/.test(log)
/** How often the first one was told of a second one. */
export const timesTold = (log: string): number =>
  log.match(/another device shows our identity and was sent away/g)?.length ?? 0
