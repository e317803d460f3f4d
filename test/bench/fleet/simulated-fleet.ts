// simulated-fleet.ts - many devices in a process of their own, told what to do by the bench
import { fork } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import * as v from 'valibot'
import { answer, type Order } from './fleet-messages.ts'

export interface SimulatedFleet {
  readonly pid: number
  readonly count: number
  /** All at once. */
  connect(): Promise<void>
  online(): Promise<number>
  end(): Promise<void>
}

const PROGRAM = fileURLToPath(new URL('fleet-program.js', import.meta.url))

/** Enrolled when it resolves, and not connected. */
export async function startSimulatedFleet(token: string, count: number): Promise<SimulatedFleet> {
  const child = fork(PROGRAM, { stdio: ['ignore', 'inherit', 'inherit', 'ipc'] })
  const ended = once(child, 'close')
  const ask = async (order: Order): Promise<number> => {
    const answered = once(child, 'message')
    child.send(order)
    const first: unknown = await Promise.race([answered, ended])
    const { online, failure } = v.parse(answer, Array.isArray(first) ? first[0] : undefined)
    if (failure) throw new Error(`the simulated fleet: ${failure}`)
    return online
  }
  const end = async () => {
    child.kill('SIGKILL')
    await ended
  }
  try {
    await ask({ do: 'enrol', token, count })
  } catch (error) {
    await end()
    throw error
  }
  return {
    ...{ pid: child.pid ?? 0, count, end },
    connect: async () => void (await ask({ do: 'connect' })),
    online: () => ask({ do: 'count' }),
  }
}
