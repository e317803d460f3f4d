// disk-pressure.ts - how little room makes a disk full: then nothing new is placed on its device
/** The kubelet's threshold for eviction. */
const AVAILABLE_MIN_SHARE = 0.1
/** A tenth of a large disk is more than any image: with so much left none is full. */
const AVAILABLE_MIN_BYTES_MAX = 5 * 1024 ** 3

export const diskAvailableMinBytes = (totalBytes: number): number =>
  Math.min(totalBytes * AVAILABLE_MIN_SHARE, AVAILABLE_MIN_BYTES_MAX)
