// lease-rules.ts - what runs under a lease has ended when the hub may count on it, whether or not the next one starts elsewhere
import { fenceMsOf, isFenced } from '../../shared/disconnect-policy.ts'
import type { ObservedContainer } from '../../agent/runtime/runtime.ts'
import type { Pod } from '../../shared/kinds/object.ts'
import type { Rules } from './rules.ts'
import type { Timeline } from './timeline.ts'

export interface LeaseRules {
  /** The hub has heard a beat of this node: what it earns counts from here at the latest. */
  beat(node: string): void
  /** `pod`: as the device holds it. */
  started(node: string, container: ObservedContainer, pod: Pod | undefined): void
  ended(node: string, container: ObservedContainer): void
  /** After every event. */
  check(): void
}

export function createLeaseRules({ timeline, rules }: { timeline: Timeline; rules: Rules }): LeaseRules {
  const beatMs = new Map<string, number>()
  const running = new Map<string, { node: string; name: string; fenceMs: number }>()
  const keyOf = (node: string, { id }: ObservedContainer) => `${node} ${id}`
  return {
    beat: (node) => void beatMs.set(node, timeline.nowMs),
    started(node, container, pod) {
      // What only holds the network does no work.
      if (container.identity.role === 'sandbox' || !pod || !isFenced(pod)) return
      running.set(keyOf(node, container), { node, name: pod.metadata.name, fenceMs: fenceMsOf(pod) })
    },
    ended: (node, container) => void running.delete(keyOf(node, container)),
    check() {
      for (const { node, name, fenceMs } of running.values()) {
        const silentMs = timeline.nowMs - (beatMs.get(node) ?? 0)
        if (silentMs > fenceMs)
          rules.broken(
            'what runs under a lease ends with it',
            `${name} runs on ${node}, which the hub heard ${silentMs} ms ago and counts as fenced after ${fenceMs}`,
          )
      }
    },
  }
}
