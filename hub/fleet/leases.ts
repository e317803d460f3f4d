// leases.ts - lets devices run what may run only once, for as long as they are heard; and knows when such a pod has provably stopped
import { fenceMsOf, isFenced, LOST_AFTER_MS_MAX } from '../../shared/disconnect-policy.ts'
import type { Clock } from '../../shared/clock.ts'
import type { Pod } from '../../shared/kinds/object.ts'
import { POD } from '../../shared/kinds/pod.ts'
import type { JournalAck } from '../../shared/protocol/messages.ts'
import type { Objects } from '../store/objects.ts'
import { readRecovery } from '../store/recovery-record.ts'

export type Grant = NonNullable<JournalAck['lease']>

export interface Leases {
  start(): void
  /**
   * What this beat earns. What runs under a lease that has not run out cannot have been moved, and goes on. What stands
   * still may have been, in a history that this hub does not know: nothing of it is started while a recovery is open, nor
   * for one lease after the start of the hub, which may be an older copy and not know it yet. Names the pods that are the
   * node's at this moment: what was taken from it may never be renewed by a word that was meant for others. Undefined
   * when it has none.
   */
  onBeat(node: string, seq: number): Grant | undefined
  /**
   * Until this pod has provably been stopped by its own device, were nothing more heard of it. Infinity: it runs
   * without a lease, nothing stops it. Zero or less: it has, and may be started elsewhere.
   */
  passesInMs(pod: Pod): number
}

/** Nodes that were deleted stay here until their pods have stopped; names that were never used again go after this. */
const FORGET_AFTER_MS = 2 * LOST_AFTER_MS_MAX
const GRANTS_MAX = 20_000

export interface LeasesDeps {
  objects: Pick<Objects, 'by' | 'get' | 'list'>
  clock: Clock
}

export function createLeases({ objects, clock }: LeasesDeps): Leases {
  /** Receipt of the newest beat that earned a lease. The device counts from its sending, which was earlier. */
  const grantedMs = new Map<string, number>()
  let hubStartedMs = clock.monoMs()
  /** Uids of the pods that are older than this life of the hub. */
  let inherited: ReadonlySet<string> = new Set()
  /** Of the recovery that was over when this life began. */
  let overEpoch: number | undefined

  /** A history was lost: what the hub has made since may run already, elsewhere, under a lease that it does not know of. */
  const hasLost = (): boolean => {
    const note = readRecovery(objects)
    return note !== undefined && note.epoch !== overEpoch
  }

  const isSilentAbout = (pod: Pod): boolean =>
    clock.monoMs() < hubStartedMs + fenceMsOf(pod) && (inherited.has(pod.metadata.uid) || hasLost())

  /** What was told to go is never started by a late word. */
  const mayStart = (pod: Pod): boolean => pod.metadata.deletionTimestamp === undefined && !isSilentAbout(pod)

  function forgetOld(): void {
    const oldMs = clock.monoMs() - FORGET_AFTER_MS
    for (const [node, atMs] of grantedMs) if (atMs < oldMs) grantedMs.delete(node)
  }

  return {
    start() {
      hubStartedMs = clock.monoMs()
      const note = readRecovery(objects)
      overEpoch = note?.isOpen ? undefined : note?.epoch
      inherited = new Set(
        objects
          .list(POD)
          .filter(isFenced)
          .map(({ metadata }) => metadata.uid),
      )
    },
    onBeat(node, seq) {
      const pods = objects.by(POD, 'nodeName', node).filter(isFenced)
      if (pods.length === 0) return undefined
      grantedMs.set(node, clock.monoMs())
      if (grantedMs.size > GRANTS_MAX) forgetOld()
      const started = readRecovery(objects)?.isOpen ? [] : pods.filter(mayStart)
      const renewed = pods.filter((pod) => !started.includes(pod))
      return { seq, pods: uidsOf(started), ...(renewed.length > 0 && { renewed: uidsOf(renewed) }) }
    },
    passesInMs(pod) {
      if (!isFenced(pod)) return Infinity
      // What a former life of the hub granted, and when, is not known: it may have been just before it ended.
      const sinceMs = Math.max(hubStartedMs, grantedMs.get(pod.spec.nodeName ?? '') ?? 0)
      return sinceMs + fenceMsOf(pod) - clock.monoMs()
    },
  }
}

const uidsOf = (pods: readonly Pod[]): string[] => pods.map(({ metadata }) => metadata.uid)
