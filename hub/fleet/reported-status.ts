// reported-status.ts - reads what a device says about a pod: known fields of the right type, within bounds, nothing else
import * as v from 'valibot'
import { isRfc3339 } from '../../shared/clock.ts'
import { DISCONNECTED } from '../../shared/disconnect-policy.ts'
import type { PodStatus } from '../../shared/kinds/object.ts'

const text = (max: number) => v.pipe(v.string(), v.maxLength(max))
/** Numbers and times as typed clients read them: a status that these cannot decode would take the whole list from them. */
const time = v.pipe(v.string(), v.check(isRfc3339, 'must be a time as in RFC 3339'))
const int32 = v.pipe(v.number(), v.integer(), v.minValue(-(2 ** 31)), v.maxValue(2 ** 31 - 1))
/** Messages of runtimes can be pages long; upstream keeps 4 KiB of a termination message. */
const message = text(4_096)
const count = v.pipe(int32, v.minValue(0))
const list = <T extends v.GenericSchema>(item: T, max: number) => v.pipe(v.array(item), v.maxLength(max))
const status = v.picklist(['True', 'False', 'Unknown'])

const terminated = v.object({
  exitCode: int32,
  signal: v.optional(int32),
  reason: v.optional(text(256)),
  message: v.optional(message),
  startedAt: v.optional(v.nullable(time)),
  finishedAt: v.optional(v.nullable(time)),
  containerID: v.optional(text(256)),
})
const state = v.object({
  waiting: v.optional(v.object({ reason: v.optional(text(256)), message: v.optional(message) })),
  running: v.optional(v.object({ startedAt: v.optional(v.nullable(time)) })),
  terminated: v.optional(terminated),
})
const container = v.object({
  name: text(63),
  image: text(1_024),
  imageID: text(1_024),
  containerID: v.optional(text(256)),
  ready: v.boolean(),
  started: v.optional(v.boolean()),
  restartCount: count,
  state: v.optional(state),
  lastState: v.optional(state),
})
const condition = v.object({
  type: text(316),
  status,
  reason: v.optional(text(1_024)),
  message: v.optional(message),
  lastProbeTime: v.optional(v.nullable(time)),
  lastTransitionTime: v.optional(v.nullable(time)),
})
const address = v.object({ ip: text(64) })

const CONTAINERS_MAX = 64
const podStatus = v.object({
  phase: v.picklist(['Pending', 'Running', 'Succeeded', 'Failed', 'Unknown']),
  reason: v.optional(text(256)),
  message: v.optional(message),
  conditions: v.optional(list(condition, 32)),
  hostIP: v.optional(text(64)),
  hostIPs: v.optional(list(address, 8)),
  podIP: v.optional(text(64)),
  podIPs: v.optional(list(address, 8)),
  startTime: v.optional(v.nullable(time)),
  qosClass: v.optional(v.picklist(['Guaranteed', 'Burstable', 'BestEffort'])),
  containerStatuses: v.optional(list(container, CONTAINERS_MAX)),
  initContainerStatuses: v.optional(list(container, CONTAINERS_MAX)),
  ephemeralContainerStatuses: v.optional(list(container, CONTAINERS_MAX)),
})

export const nodeCondition = v.object({
  type: text(316),
  status,
  reason: v.optional(text(256)),
  message: v.optional(message),
})
export type ReportedCondition = v.InferOutput<typeof nodeCondition>

/** A complaint instead of a status when it is none. */
export function readPodStatus(reported: unknown): { ok: true; status: PodStatus } | { ok: false; why: string } {
  const result = v.safeParse(podStatus, reported, { abortEarly: true })
  if (!result.success) return { ok: false, why: `${v.getDotPath(result.issues[0]) ?? ''}: ${result.issues[0].message}` }
  // The schema is a part of PodStatus; upstream's times may be null, which the generated type does not say.
  return { ok: true, status: result.output as PodStatus }
}

export const readConditions = (reported: readonly unknown[]): ReportedCondition[] =>
  reported.flatMap((item) => {
    const result = v.safeParse(nodeCondition, item)
    return result.success ? [result.output] : []
  })

/** Conditions that the hub's own parts write; the device's report does not touch them. */
const OF_THE_HUB = ['PodScheduled', 'DisruptionTarget', DISCONNECTED]

/** The new status, or undefined when a pod that has ended would come back to life. */
export function mergedStatus(before: PodStatus | undefined, reported: PodStatus): PodStatus | undefined {
  const hasEnded = before?.phase === 'Succeeded' || before?.phase === 'Failed'
  if (hasEnded && reported.phase !== before.phase) return undefined
  const kept = (before?.conditions ?? []).filter(({ type }) => OF_THE_HUB.includes(type))
  const theirs = (reported.conditions ?? []).filter(
    ({ type }) => type !== DISCONNECTED && !kept.some((condition) => condition.type === type),
  )
  const { qosClass, ephemeralContainerStatuses } = before ?? {}
  return {
    ...(ephemeralContainerStatuses && { ephemeralContainerStatuses }),
    ...reported,
    ...(qosClass && { qosClass }),
    conditions: [...theirs, ...kept],
  }
}
