// describe-child.ts - asks a short-lived copy of this program what the device is: its memory goes with it
import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import * as v from 'valibot'
import { sleep, type Clock } from '../../shared/clock.ts'
import type { Log } from '../../shared/log.ts'
import { nodeFacts } from '../../shared/protocol/messages.ts'

/** The command of `holdfast-agent` that the copy is started with. */
export const DESCRIBE = 'describe'

const description = v.partial(v.pick(nodeFacts, ['osImage', 'model']))
/** What node:os does not know; what could not be found out is left out. */
export type Description = v.InferOutput<typeof description>

export interface DescribeDeps {
  /** The file of this program. */
  program: string
  dataDir: string
  /** The copy goes when we go: nobody else would end one that hangs. */
  ending: AbortSignal
  clock: Clock
  log: Log
}

/** It asks other programs in turn; on a loaded device they may take long. */
const ASK_MS_MAX = 5_000
const ANSWER_BYTES_MAX = 64 * 1024

/** Never rejects: a device that cannot describe itself works as well as any. */
export async function describeInChild({ program, dataDir, ending, clock, log }: DescribeDeps): Promise<Description> {
  const over = new AbortController()
  const end = () => over.abort()
  ending.addEventListener('abort', end)
  const options = { signal: over.signal, killSignal: 'SIGKILL', maxBuffer: ANSWER_BYTES_MAX } as const
  const asking = promisify(execFile)(process.execPath, [program, DESCRIBE, '--data-dir', dataDir], options)
  const tooLate = sleep(clock, ASK_MS_MAX, over.signal).then(() => over.abort())
  try {
    const { stdout } = await asking
    return v.parse(description, JSON.parse(stdout))
  } catch (error) {
    log.warn({ error }, 'the device could not be described')
    return {}
  } finally {
    ending.removeEventListener('abort', end)
    over.abort()
    await tooLate
  }
}
