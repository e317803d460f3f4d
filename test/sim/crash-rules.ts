// crash-rules.ts - a container that crashes again and again waits longer each time, whatever restarts around it
import { crashDelayMs } from '../../agent/reconcile/restart.ts'
import type { ContainerHistory } from '../../agent/cache/cache.ts'
import type { ObservedContainer } from '../../agent/runtime/runtime.ts'
import type { Rules } from './rules.ts'
import type { Timeline } from './timeline.ts'

export interface CrashRules {
  /** `history`: what the agent knows of it at this moment; undefined when there is no agent. */
  started(container: ObservedContainer, history: ContainerHistory | undefined): void
  ended(container: ObservedContainer): void
  /** Nobody can be held to what came before. */
  forgot(): void
}

export interface CrashRulesDeps {
  node: string
  timeline: Timeline
  rules: Rules
}

/** Clocks differ by this much at most, and timers of whole milliseconds round. */
const DRIFT = 1.02
const ROUNDING_MS = 5

interface Known {
  specHash: string
  /** As the agent had counted when it last started. */
  crashes: number
  endedMs?: number
}

export function createCrashRules({ node, timeline, rules }: CrashRulesDeps): CrashRules {
  const known = new Map<string, Known>()
  const keyOf = ({ identity }: ObservedContainer) => `${identity.podUid}/${identity.container}`

  function compare(key: string, { crashes: before, endedMs }: Known, crashes: number): void {
    if (crashes < before)
      rules.broken('a device remembers what has crashed', `${node}: ${key} had crashed ${before} times, now ${crashes}`)
    // Only what was counted is held against it: an end that nobody saw is not.
    if (crashes <= before || endedMs === undefined) return
    const waitedMs = timeline.nowMs - endedMs
    const delayMs = crashDelayMs(crashes) / DRIFT - ROUNDING_MS
    if (waitedMs < delayMs)
      rules.broken(
        'a container that crashes waits longer each time',
        `${node}: ${key} has crashed ${crashes} times and starts after ${waitedMs} ms instead of ${delayMs}`,
      )
  }

  return {
    started(container, history) {
      const { role, specHash } = container.identity
      if (role === 'sandbox') return
      const key = keyOf(container)
      const before = known.get(key)
      if (!history || history.specHash !== specHash) return void known.delete(key)
      if (before?.specHash === specHash) compare(key, before, history.crashes)
      known.set(key, { specHash, crashes: history.crashes })
    },
    ended(container) {
      const one = known.get(keyOf(container))
      if (one) one.endedMs = timeline.nowMs
    },
    forgot: () => known.clear(),
  }
}
