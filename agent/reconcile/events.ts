// events.ts - what happens to pods, written to the journal in upstream's words; a noisy pod cannot fill it
import type { Clock } from '../../shared/clock.ts'
import type { Pod } from '../../shared/kinds/object.ts'
import type { Cache } from '../cache/cache.ts'
import { fieldPathOf, namespaceOf, type PodContainer } from './pod-shape.ts'

export interface Events {
  record(pod: Pod, event: PodEvent): void
  forget(podUid: string): void
}

export interface PodEvent {
  severity: 'Normal' | 'Warning'
  reason: string
  message: string
  container?: PodContainer
}

/** Upstream's numbers for one object are 25 at once and one in five minutes; a device tells a little more. */
const BURST = 25
const ONE_MORE_EVERY_MS = 60_000
/** What a container's life consists of: told whatever else the pod said, and kept longer. Restarts have a pace of their own. */
const CHANGES: ReadonlySet<string> = new Set(['Started', 'Exited', 'Killing'])
/** What the protocol carries. */
const MESSAGE_LENGTH_MAX = 1024

export function createEvents({ cache, clock }: { cache: Pick<Cache, 'appendJournal'>; clock: Clock }): Events {
  const budgets = new Map<string, { left: number; atMs: number }>()
  const isAllowed = (podUid: string) => {
    const nowMs = clock.monoMs()
    const before = budgets.get(podUid) ?? { left: BURST, atMs: nowMs }
    const left = Math.min(BURST, before.left + (nowMs - before.atMs) / ONE_MORE_EVERY_MS)
    budgets.set(podUid, { left: left >= 1 ? left - 1 : left, atMs: nowMs })
    return left >= 1
  }
  return {
    record(pod, { severity, reason, message, container }) {
      const { uid, name } = pod.metadata
      const isChange = CHANGES.has(reason)
      if (!isChange && !isAllowed(uid)) return
      cache.appendJournal({
        body: {
          kind: 'event',
          severity,
          reason,
          ...(isChange && { class: 'change' }),
          message: message.slice(0, MESSAGE_LENGTH_MAX),
          pod: { uid, name, namespace: namespaceOf(pod), ...(container && { fieldPath: fieldPathOf(container) }) },
        },
      })
    },
    forget: (podUid) => void budgets.delete(podUid),
  }
}
