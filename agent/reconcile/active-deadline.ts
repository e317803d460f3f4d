// active-deadline.ts - how long a pod may be active on this device (activeDeadlineSeconds), over restarts of the agent, with or without a hub
import type { Clock } from '../../shared/clock.ts'
import type { Pod } from '../../shared/kinds/object.ts'
import type { Cache } from '../cache/cache.ts'
import type { Events } from './events.ts'
import { newHistory } from './restart.ts'

/** Time since the device was switched on, sleep included, and a name for that time. */
export interface BootTime {
  nowMs(): number
  bootId(): string
}

export type DeadlineView = { isOver: true } | { isOver: false; atMonoMs?: number }

export interface ActiveDeadlines {
  /** Of a pod that runs or may run now; the first look begins to count. */
  look(pod: Pod, isUnfinished: () => boolean): DeadlineView
}

export interface ActiveDeadlinesDeps {
  cache: Pick<Cache, 'histories' | 'saveHistory'>
  clock: Clock
  events: Events
  /** Without it the count begins anew with the process. */
  boot: BootTime | undefined
}

/** Upstream's words. */
export const DEADLINE_EXCEEDED = {
  reason: 'DeadlineExceeded',
  message: 'Pod was active on the node longer than the specified deadline',
}
/** The row of the pod itself: no container is called that. */
const OF_POD = ''
const NONE: DeadlineView = { isOver: false }

export function createActiveDeadlines({ cache, clock, events, boot }: ActiveDeadlinesDeps): ActiveDeadlines {
  return {
    look(pod, isUnfinished) {
      const { uid } = pod.metadata
      const row = cache.histories(uid).find(({ container }) => container === OF_POD)
      if (row?.active?.isOver) return { isOver: true }
      const seconds = pod.spec.activeDeadlineSeconds
      if (seconds === undefined || !isUnfinished()) return NONE
      const bootId = boot?.bootId() ?? ''
      const nowMs = boot?.nowMs() ?? clock.monoMs()
      const save = (sinceBootMs: number, isOver: boolean) =>
        cache.saveHistory({ ...newHistory(uid, OF_POD), active: { bootId, sinceBootMs, isOver } })
      // Nobody knows how long a device was without power; what ran before counts as little as the wall clock.
      const since =
        row?.active?.bootId === bootId && row.active.sinceBootMs <= nowMs ? row.active.sinceBootMs : undefined
      if (since === undefined) save(nowMs, false)
      const leftMs = (since ?? nowMs) + seconds * 1000 - nowMs
      if (leftMs > 0) return { isOver: false, atMonoMs: clock.monoMs() + leftMs }
      save(since ?? nowMs, true)
      events.record(pod, { severity: 'Normal', ...DEADLINE_EXCEEDED })
      return { isOver: true }
    },
  }
}
