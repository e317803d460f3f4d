// engine.ts - the container engine of the fleet: a daemon of its own that may be killed where that is possible, else the one that is there
import { createEngine, type Engine } from '../support/engine.ts'
import { skipPrivateEngine, startPrivateEngine, type PrivateEngine } from '../support/private-engine.ts'
import { findDocker } from '../support/require.ts'
import type { Ends } from './ends.ts'

export interface FoundEngine {
  /** For DOCKER_HOST. */
  host: string
  engine: Engine
  /** The same one when it is ours, and may be killed. */
  own?: PrivateEngine
}

/** Undefined where there is none at all; `leaveOut` hears why the one that is there may not be killed. */
export async function findEngine(ends: Ends, leaveOut: (what: string) => void): Promise<FoundEngine | undefined> {
  const own = await startOwn(leaveOut)
  if (own) {
    ends.add(() => own.remove())
    return { own, host: own.host, engine: own }
  }
  const host = findDocker()
  const engine = host === undefined ? undefined : createEngine(host)
  try {
    await engine?.client.call({ method: 'GET', path: '/version' })
  } catch {
    return undefined // the caller says what is done without
  }
  return engine && host !== undefined ? { host, engine } : undefined
}

async function startOwn(leaveOut: (what: string) => void): Promise<PrivateEngine | undefined> {
  try {
    const whyNot = skipPrivateEngine()
    if (whyNot === undefined) return await startPrivateEngine()
    leaveOut(`faults of the container engine: ${whyNot}`)
  } catch (error) {
    leaveOut(`faults of the container engine, which does not start: ${String(error)}`)
  }
  return undefined
}
