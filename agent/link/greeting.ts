// greeting.ts - the hello that begins a session: what this device is, what it offers and what it holds
import { PROTOCOL_VERSION, type Hello, type NodeFacts } from '../../shared/protocol/messages.ts'
import type { Cache } from '../cache/cache.ts'
import type { HeldState } from './held-state.ts'
import type { KeyRing } from './key-ring.ts'
import type { Reports } from './reports.ts'

export interface GreetingDeps {
  cache: Pick<Cache, 'floor'>
  held: HeldState
  keyRing: KeyRing
  reports: Pick<Reports, 'digest'>
  instance: string
  agentVersion: string
  facts(): NodeFacts | Promise<NodeFacts>
  runtimes(): Hello['runtimes'] | Promise<Hello['runtimes']>
  /** Labels that the device gives itself, such as which runtimes it offers. */
  labels(): Readonly<Record<string, string>>
}

export function createGreeting(deps: GreetingDeps) {
  const { cache, held, keyRing, reports, instance, agentVersion } = deps
  return async ({ session, wantsPlain }: { session: number; wantsPlain: boolean }): Promise<Hello> => {
    const [facts, runtimes] = await Promise.all([deps.facts(), deps.runtimes()])
    // What was held and is lost counts as a number without bytes: nothing older is taken, and the hub sends anew.
    const mark = held.mark()
    const { epoch, revision } = mark ?? cache.floor()
    const key = (mark ?? held.floor())?.keyRank
    return {
      type: 'hello',
      protocol: PROTOCOL_VERSION,
      agentVersion,
      session,
      instance,
      facts,
      runtimes,
      labels: { ...deps.labels() },
      held: { epoch, revision, ...(mark && { digest: mark.digest }), ...(key && { key }) },
      statusDigest: reports.digest(),
      ...(keyRing.version() !== undefined && { keySet: keyRing.version() }),
      ...(wantsPlain && { wantPlain: true }),
    }
  }
}
