// run-seeds.ts - runs many seeds in child processes, and answers the lowest that breaks a rule, however many run at once
import { fork } from 'node:child_process'
import { once } from 'node:events'
import { Readable } from 'node:stream'
import { text } from 'node:stream/consumers'
import { fileURLToPath } from 'node:url'
import type { Failure } from './rules.ts'

export interface Seeds {
  from: number
  count: number
  jobs: number
  /** Planted in every child. */
  fault?: string
}

/** What a child is asked to run: `from` is the first, `to` comes after the last. */
export interface Range {
  from: number
  to: number
}

export interface Failed {
  seed: number
  failure: Failure
  /** The last things that happened. */
  lines: readonly string[]
}

/** What a child says when it waits for work, for the first time with nothing done. */
export interface Ran {
  events: number
  virtualMs: number
  failed?: Failed
}

const WORKER = fileURLToPath(new URL('./seed-worker.js', import.meta.url))
/** A run makes much that is soon thrown away: with this much room for it a seed takes a fifth less time. */
const YOUNG_MIB = 64
/** Much code runs a little in each seed: compiling it as eagerly as for a server costs a fifth more than it saves. */
const BYTECODES_BEFORE_COMPILED = 1_000_000
/** Small enough that all cores come to an end at about the same time. */
const RANGE = 5

export async function runSeeds({ from, count, jobs, fault }: Seeds): Promise<Ran> {
  const total: Ran = { events: 0, virtualMs: 0 }
  let next = from
  let end = from + count

  const take = (): Range | undefined => {
    if (next >= end) return undefined
    const range = { from: next, to: Math.min(end, next + RANGE) }
    next = range.to
    return range
  }
  const add = ({ events, virtualMs, failed }: Ran) => {
    total.events += events
    total.virtualMs += virtualMs
    if (!failed || failed.seed >= (total.failed?.seed ?? Infinity)) return
    total.failed = failed
    // What comes after it is of no interest; what comes before it and is under way still is.
    end = Math.min(end, failed.seed)
  }

  async function work(): Promise<void> {
    const child = fork(WORKER, fault === undefined ? [] : [fault], {
      execArgv: [`--max-semi-space-size=${YOUNG_MIB}`, `--interrupt-budget=${BYTECODES_BEFORE_COMPILED}`],
      stdio: ['ignore', 'inherit', 'pipe', 'ipc'],
    })
    child.on('message', (ran: Ran) => {
      add(ran)
      const range = take()
      if (range) child.send(range)
      else child.disconnect()
    })
    const [[code], errors] = await Promise.all([once(child, 'exit'), text(child.stderr ?? Readable.from([]))])
    if (code === 0) return
    end = from
    throw new Error(errorIn(errors) ?? `a child that runs seeds ended with ${code}`)
  }

  await Promise.all(Array.from({ length: Math.min(jobs, Math.ceil(count / RANGE)) }, work))
  return total
}

const errorIn = (text: string) => text.split('\n').find((line) => line.includes('Error'))
