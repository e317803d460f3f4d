// scores.ts - how good each node would be for a pod: every score from 0 to 100, then weighed and added
import type { NodeInfo } from './node-info.ts'
import type { PodFacts } from './pod-facts.ts'
import { matchesTerm } from '../../shared/node-selection.ts'
import { tolerates } from '../../shared/tolerations.ts'
import { nearnessOf } from './nearness.ts'
import type { Snapshot } from './snapshot.ts'

interface Score {
  weight: number
  /** Undefined when the pod gives no reason to prefer one node to another. */
  of(facts: PodFacts, infos: readonly NodeInfo[], snapshot: Snapshot): readonly number[] | undefined
}

const MAX = 100
const MIB = 1024 * 1024
/** Upstream's window: smaller images are pulled in no time, larger ones count no more. */
const IMAGE_BYTES_MIN = 23 * MIB
const IMAGE_BYTES_MAX = 1000 * MIB
/** Upstream's share of the zone in spreading: losing a site is worse than losing a node. */
const ZONE_SHARE = 2 / 3

const share = (used: number, of: number) => (of > 0 ? Math.min(1, used / of) : 1)

const leastAllocated: Score = {
  weight: 1,
  of: ({ scored }, infos) =>
    infos.map((info) => {
      const cpu = share(info.scored.cpu + scored.cpu, info.allocatable.get('cpu') ?? 0)
      const memory = share(info.scored.memory + scored.memory, info.allocatable.get('memory') ?? 0)
      return MAX * (1 - (cpu + memory) / 2)
    }),
}

const balanced: Score = {
  weight: 1,
  of: ({ requests }, infos) => {
    const [cpu, memory] = [requests.get('cpu') ?? 0, requests.get('memory') ?? 0]
    return infos.map(({ used, allocatable }) => {
      const cpuShare = share((used.get('cpu') ?? 0) + cpu, allocatable.get('cpu') ?? 0)
      const memoryShare = share((used.get('memory') ?? 0) + memory, allocatable.get('memory') ?? 0)
      return MAX * (1 - Math.abs(cpuShare - memoryShare) / 2)
    })
  },
}

const preferredNodes: Score = {
  weight: 2,
  of: ({ pod }, infos) => {
    const terms = pod.spec.affinity?.nodeAffinity?.preferredDuringSchedulingIgnoredDuringExecution ?? []
    if (terms.length === 0) return undefined
    const sumOf = ({ node }: NodeInfo) =>
      terms.reduce((sum, { weight, preference }) => sum + (node && matchesTerm(preference, node) ? weight : 0), 0)
    return upTo(infos.map(sumOf))
  },
}

const softTaints: Score = {
  weight: 3,
  of: ({ pod }, infos) => {
    const tolerations = pod.spec.tolerations ?? []
    const untoleratedIn = ({ taints }: NodeInfo) =>
      taints.filter(
        (taint) =>
          taint.effect === 'PreferNoSchedule' && !tolerations.some((toleration) => tolerates(toleration, taint)),
      ).length
    return downTo(infos.map(untoleratedIn))
  },
}

/** Pods of one controller go to different nodes, and above all to different sites. */
const spread: Score = {
  weight: 2,
  of: ({ controllerUid }, infos) => {
    if (!controllerUid) return undefined
    const here = infos.map((info) => info.controllers.get(controllerUid) ?? 0)
    const perZone = new Map<string, number>()
    for (const [place, { zone }] of infos.entries())
      if (zone) perZone.set(zone, (perZone.get(zone) ?? 0) + (here[place] ?? 0))
    const byNode = downTo(here) ?? infos.map(() => MAX)
    const byZone = perZone.size > 0 ? downTo(infos.map(({ zone }) => perZone.get(zone) ?? 0)) : undefined
    if (!byZone) return byNode
    return byNode.map((score, place) => score * (1 - ZONE_SHARE) + (byZone[place] ?? MAX) * ZONE_SHARE)
  },
}

const imageLocality: Score = {
  weight: 1,
  of: ({ pod }, infos) => {
    if (infos.every(({ images }) => images.size === 0)) return undefined
    const names = pod.spec.containers.flatMap(({ image }) => (image ? [image] : []))
    const window = (IMAGE_BYTES_MAX - IMAGE_BYTES_MIN) * names.length
    return infos.map(({ images }) => {
      const bytes = names.reduce((sum, name) => sum + (images.get(name) ?? images.get(`${name}:latest`) ?? 0), 0)
      return MAX * Math.max(0, Math.min(1, (bytes - IMAGE_BYTES_MIN) / Math.max(1, window)))
    })
  },
}

const nearness: Score = {
  weight: 2,
  of: (facts, infos, snapshot) => {
    const raw = nearnessOf(facts, infos, snapshot)
    if (!raw) return undefined
    const low = Math.min(...raw)
    return upTo(raw.map((value) => value - low))
  },
}

const SCORES: readonly Score[] = [leastAllocated, balanced, preferredNodes, softTaints, spread, imageLocality, nearness]

/** The largest becomes 100; undefined when all are nothing. */
function upTo(values: readonly number[]): number[] | undefined {
  const top = values.reduce((most, value) => Math.max(most, value), 0)
  return top === 0 ? undefined : values.map((value) => (MAX * value) / top)
}

/** The largest becomes 0. */
const downTo = (values: readonly number[]): number[] | undefined => upTo(values)?.map((value) => MAX - value)

export function totalScores(facts: PodFacts, infos: readonly NodeInfo[], snapshot: Snapshot): number[] {
  const totals = infos.map(() => 0)
  for (const score of SCORES) {
    const values = score.of(facts, infos, snapshot)
    if (values)
      for (const [place, value] of values.entries()) totals[place] = (totals[place] ?? 0) + score.weight * value
  }
  return totals
}
