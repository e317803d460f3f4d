// engine-faults.ts - the daemon of the container engine is killed and comes back, and what becomes of its containers
import type { Engine } from '../support/engine.ts'
import type { Fleet } from './fleet.ts'
import { runningOn } from './observed.ts'

/** What may be asked at this moment. */
export const engineOf = ({ engine, ownEngine }: Fleet): Engine | undefined =>
  ownEngine === undefined || ownEngine.state === 'up' ? engine : undefined

/** It answers, whatever was the matter with it. */
export async function healEngine({ ownEngine }: Fleet): Promise<void> {
  if (ownEngine?.state === 'down') await ownEngine.start()
  ownEngine?.goOn()
}

export const killEngine = async ({ ownEngine }: Fleet): Promise<void> => ownEngine?.kill9()

export function hangEngine({ ownEngine }: Fleet): 'not now' | void {
  if (ownEngine?.state !== 'up') return 'not now'
  return ownEngine.hang()
}

/** With live-restore, as `start` has it: the containers never notice, and have to be the same ones afterwards. */
export async function restartEngine(fleet: Fleet): Promise<void> {
  await killEngine(fleet)
  await healEngine(fleet)
}

/** Without live-restore a new daemon ends what the old one has left: as with an engine as it comes, all of it is made anew. */
export async function loseContainers(fleet: Fleet): Promise<void> {
  await healEngine(fleet)
  for (const { agent } of fleet.devices)
    for (const { isProcess, identity } of await runningOn(agent, fleet.engine))
      if (!isProcess) fleet.ended.add(identity.podUid)
  await killEngine(fleet)
  await fleet.ownEngine?.start(['--live-restore=false'])
}
