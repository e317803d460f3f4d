// beat-every.ts - how often a device beats: as the hub's setting says, or seldom where each byte of its link is paid for
import { NODE } from '../../shared/kinds/node.ts'
import { METERED, PROFILE_LABEL } from '../../shared/node-selection.ts'
import type { Store } from '../store/store.ts'

/** For one node; it follows its label. */
export type BeatEvery = (node: string) => number

export interface BeatEveryDeps {
  store: Store
  beatEveryMs: number
  meteredBeatEveryMs: number
}

export function createBeatEvery({ store, beatEveryMs, meteredBeatEveryMs }: BeatEveryDeps): BeatEvery {
  // A fleet that beats slowly anyway does not beat faster where it is dear.
  const meteredMs = Math.max(beatEveryMs, meteredBeatEveryMs)
  return (node) => {
    const labels = store.get(NODE, undefined, node)?.metadata.labels
    return labels?.[PROFILE_LABEL] === METERED ? meteredMs : beatEveryMs
  }
}
