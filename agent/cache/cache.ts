// cache.ts - what the agent keeps on its own disk and what its parts exchange: the link writes, the reconcile loop reads
import type { DesiredState, JournalEntry, NewJournalEntry, NodeReport } from '../../shared/protocol/messages.ts'
import type { Service } from '../../shared/service.ts'

/** What a container's past says about its future; survives restarts of the agent and of the device. */
export interface ContainerHistory {
  podUid: string
  container: string
  /** Number of the newest container made for this name. */
  attempt: number
  restarts: number
  /** Consecutive quick failures: what the back-off grows with. */
  crashes: number
  /** What the newest was made from: the same again needs no registry. */
  specHash?: string
  /** Of the device, when the newest was made: what ran before a power cut begins from its init containers. */
  bootId?: string
  /** Of the pod itself (`container` is empty): since when it is active in boot time, and whether that was too long. */
  active?: { bootId: string; sinceBootMs: number; isOver: boolean }
  last?: {
    attempt?: number
    exitCode: number
    reason: string
    message?: string
    startedAtMs?: number
    finishedAtMs?: number
    containerId: string
  }
}

export interface HeldRevision {
  epoch: number
  revision: number
}

/** How the store itself fares. */
export interface StoreHealth {
  /** memory: the disk takes nothing; what is new is gone with the power. */
  place: 'disk' | 'memory'
  trouble?: { kind: 'full' | 'read-only' | 'failing' | 'busy'; message: string }
  /** The newest revision that survives a power cut. */
  onDisk: HeldRevision
  /** It was found damaged and made anew, and the hub has not confirmed yet. */
  rebuilt?: { atMs: number; why: string }
  /** Entries that found no room and are not in a gap record yet. */
  journalDropped: number
}

export interface Cache extends Service {
  /** Undefined until a first verified state was committed, or when none can be trusted: then nothing is stopped. */
  desired(): DesiredState | undefined
  held(): HeldRevision
  /** The highest that was ever held, with the digest of its bytes if that is known: nothing older is taken, even when it is lost. */
  floor(): HeldRevision & { digest: string }
  /** Durable when it returns, or held in memory alone while the disk takes nothing: `health` says which. `signed` is the envelope as received, kept beside so that the state can be verified again. */
  commitDesired(state: DesiredState, signed: Uint8Array): void
  onDesired(listener: () => void): () => void
  /** The envelope of what is held: proof for a hub that has lost its own memory. */
  signed(): Uint8Array | undefined

  histories(podUid: string): readonly ContainerHistory[]
  saveHistory(history: ContainerHistory): void
  forgetPod(podUid: string): void
  knownPods(): readonly string[]

  /** The node's whole observed state, as the reconcile loop last saw it. In memory: a restart observes anew. */
  report(): NodeReport | undefined
  setReport(report: NodeReport): void
  onReport(listener: () => void): () => void

  /** The outbox: durable, bounded; the oldest of the lowest class go first and a gap entry counts them. */
  appendJournal(entry: NewJournalEntry): void
  peekJournal(limit: number): readonly JournalEntry[]
  ackJournal(upTo: number): void
  onJournal(listener: () => void): () => void

  health(): StoreHealth
  onHealth(listener: () => void): () => void

  /** Small values that must survive, such as the number of the last session. */
  getValue(key: string): string | undefined
  setValue(key: string, value: string): void
}
