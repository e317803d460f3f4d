// usage.ts - the newest measurement of each device, from its beats; in memory only
import type { Beat, Sample } from '../../shared/protocol/messages.ts'

export interface MeasuredNode {
  cpuMilli: number
  memoryBytes: number
  /** All that the beat said. */
  sample: Sample
  atWallMs: number
  /** The time that rates in the sample are about. */
  windowMs: number
}

export interface NodeUsage {
  /** Undefined when the node has not said anything since the hub started. */
  latest(node: string): MeasuredNode | undefined
}

export function measuredBy(beat: Beat, atWallMs: number, windowMs: number): MeasuredNode {
  const { type: _, session: __, seq: ___, e: ____, r: _____, ...sample } = beat
  return { cpuMilli: sample.cpu, memoryBytes: sample.mem, sample, atWallMs, windowMs }
}
