// filter.ts - what a filter is: says of a node why a pod cannot go there
import type { NodeInfo } from '../node-info.ts'
import type { PodFacts } from '../pod-facts.ts'
import type { Snapshot } from '../snapshot.ts'

/** Upstream's words; several for a node that lacks several things; undefined where the pod fits. */
export type Verdict = readonly string[] | undefined

/** Looks at the pod once, then judges node after node; undefined when the pod does not concern it. */
export type Filter = (facts: PodFacts, snapshot: Snapshot) => ((info: NodeInfo) => Verdict) | undefined
