// pod-memory.ts - what the loop remembers of one pod between two looks; lost with the process, and nothing depends on that
import type { ImageInfo, PullProgress } from '../runtime/runtime.ts'

/** lease: it may run only once, and the hub has not been heard for too long. */
export type StopReason = 'pod' | 'leftover' | 'changed' | 'unhealthy' | 'postStart' | 'sandbox' | 'lease'

/** A graceful stop on its way: preStop, TERM, grace, KILL. */
export interface StopProgress {
  why: StopReason
  graceMs: number
  begunAtMonoMs: number
  hook: 'none' | 'running' | 'done'
  terminatedAtMonoMs?: number
  killedAtMonoMs?: number
}

/** Why it does not go on, and when to try again. */
export interface Failure {
  reason: string
  message: string
  count: number
  retryAtMonoMs: number
}

export type ImageState = { image: string } & (
  | { kind: 'pulling'; failure?: Failure; progress?: PullProgress }
  | { kind: 'ready'; info: ImageInfo }
  | { kind: 'failed'; failure: Failure }
)

export type VolumeState =
  | { kind: 'none' }
  /** stale: there, but their contents may have changed. */
  | { kind: 'ready'; isStale?: boolean }
  | { kind: 'failed'; failure: Failure }
  | { kind: 'cleaned' }

export interface PodMemory {
  /** By container id. */
  stops: Map<string, StopProgress>
  /** When this process first saw the container ended; -Infinity: not its fault, no back-off. By container id. */
  exits: Map<string, number>
  /** When this process first saw it running; by container id. */
  starts: Map<string, number>
  /** Hooks of containers that this process has started; by container id. */
  postStarts: Map<string, 'running' | 'done' | 'failed'>
  /** By name in the spec. */
  failures: Map<string, Failure>
  images: Map<string, ImageState>
  /** Of containers that wait for their turn and could be made; stale: what they are made from may have changed. */
  rehearsals: Map<string, 'passed' | 'stale'>
  volumes: VolumeState
}

export const newMemory = (): PodMemory => ({
  stops: new Map(),
  exits: new Map(),
  starts: new Map(),
  postStarts: new Map(),
  failures: new Map(),
  images: new Map(),
  rehearsals: new Map(),
  volumes: { kind: 'none' },
})

/** The plan reads; only the executor and the loop write. */
export interface PodMemoryView {
  readonly stops: ReadonlyMap<string, StopProgress>
  readonly exits: ReadonlyMap<string, number>
  readonly starts: ReadonlyMap<string, number>
  readonly postStarts: ReadonlyMap<string, 'running' | 'done' | 'failed'>
  readonly failures: ReadonlyMap<string, Failure>
  readonly images: ReadonlyMap<string, ImageState>
  readonly rehearsals: ReadonlyMap<string, 'passed' | 'stale'>
  readonly volumes: VolumeState
}

/** What ended or went leaves no trace here: the maps stay as small as the pod. */
export function forgetGone(memory: PodMemory, ids: ReadonlySet<string>): void {
  for (const map of [memory.stops, memory.exits, memory.starts, memory.postStarts])
    for (const id of map.keys()) if (!ids.has(id)) map.delete(id)
}
