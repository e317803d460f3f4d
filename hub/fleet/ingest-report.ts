// ingest-report.ts - writes what a device says about itself and its pods into the store: only about its own, and only what fits
import type { Clock } from '../../shared/clock.ts'
import { NODE } from '../../shared/kinds/node.ts'
import type { NodeCondition } from '../../shared/kinds/object.ts'
import { isDisconnected } from '../../shared/disconnect-policy.ts'
import { POD } from '../../shared/kinds/pod.ts'
import { StatusError } from '../../shared/kinds/status-error.ts'
import type { Log } from '../../shared/log.ts'
import { isRuntimeDown } from '../../shared/node-selection.ts'
import type { Hello, NodeReport, PodReport } from '../../shared/protocol/messages.ts'
import { isUnknownToHub, UNKNOWN_REASON } from '../../shared/recovery.ts'
import type { Objects } from '../store/objects.ts'
import { labelsAfterHello, statusAfterHello } from './new-node.ts'
import { withTimes } from './node-status.ts'
import { mergedStatus, readConditions, readPodStatus, type ReportedCondition } from './reported-status.ts'

/** What the agent wrote to its device's disk, a day at most; for people who must know how long a card lasts. */
export const WEAR_ANNOTATION = 'holdfast.dev/disk-writes'

export interface ReportIngest {
  hello(node: string, hello: Hello): void
  report(node: string, report: NodeReport): void
  readonly counters: { foreign: number; refused: number }
}

export function createReportIngest({
  objects,
  clock,
  log,
}: {
  objects: Objects
  clock: Clock
  log: Log
}): ReportIngest {
  const counters = { foreign: 0, refused: 0 }

  function refuse(node: string, pod: PodReport, why: string): void {
    counters.refused++
    log.warn({ node, pod: `${pod.namespace}/${pod.name}`, why }, 'a report about a pod was refused')
  }

  function takePod(node: string, reported: PodReport, conditions: readonly ReportedCondition[]): void {
    const { namespace, name, uid } = reported
    const pod = objects.get(POD, namespace, name)
    // Gone meanwhile, followed by another of the same name, or never given to this node.
    if (pod?.metadata.uid !== uid || pod.spec.nodeName !== node) return void counters.foreign++
    if (reported.stopped && pod.metadata.deletionTimestamp) {
      objects.delete(POD, namespace, name, { gracePeriodSeconds: 0, preconditions: { uid } })
      return
    }
    // What a device says of a pod whose runtime does not answer is what it said before: it was put aside for that.
    if (isDisconnected(pod) && isRuntimeDown(pod.spec, conditions)) return
    const read = readPodStatus(reported.status)
    if (!read.ok) return refuse(node, reported, read.why)
    const change = (current: typeof pod) => {
      const status = mergedStatus(current.status, read.status)
      return status && { ...current, status: { ...status, ...(isUnknownToHub(current) && { reason: UNKNOWN_REASON }) } }
    }
    objects.modify(POD, namespace, name, change, { subresource: 'status' })
  }

  return {
    counters,
    hello(node, hello) {
      objects.modify(NODE, undefined, node, (current) => {
        const labels = labelsAfterHello(current, hello)
        return { ...current, metadata: { ...current.metadata, labels } }
      })
      const change = { subresource: 'status' }
      objects.modify(
        NODE,
        undefined,
        node,
        (current) => ({ ...current, status: statusAfterHello(current.status, hello) }),
        change,
      )
    },
    report(node, report) {
      const conditions = readConditions(report.conditions)
      for (const pod of report.pods) {
        try {
          takePod(node, pod, conditions)
        } catch (error) {
          // One pod that the store does not take must not keep the truth about the others away.
          if (!(error instanceof StatusError)) throw error
          refuse(node, pod, error.message)
        }
      }
      writeConditions(node, conditions)
      if (report.wear) annotate(node, report.wear)
    },
  }

  function annotate(node: string, { bytes, seconds }: NonNullable<NodeReport['wear']>): void {
    const text = `${(bytes / 1e6).toFixed(1)} MB in ${Math.round(seconds / 3600)} h`
    objects.modify(NODE, undefined, node, (current) => {
      const annotations = { ...current.metadata.annotations, [WEAR_ANNOTATION]: text }
      return { ...current, metadata: { ...current.metadata, annotations } }
    })
  }

  /** Ready is judged elsewhere, from this and from the beats. */
  function writeConditions(node: string, conditions: readonly ReportedCondition[]): void {
    const reported = conditions.filter(({ type }) => type !== 'Ready')
    objects.modify(
      NODE,
      undefined,
      node,
      (current) => {
        const before = current.status?.conditions ?? []
        const ready = before.filter(({ type }) => type === 'Ready')
        const conditions = reported.map((condition) => withTimes(condition, before, clock.wallMs()))
        return { ...current, status: { ...current.status, conditions: [...conditions, ...ready] } }
      },
      { subresource: 'status' },
    )
  }
}

/** What the agent itself says about being ready, such as a runtime that does not answer. */
export function reportedReady(
  report: NodeReport,
): Pick<NodeCondition, 'type' | 'status' | 'reason' | 'message'> | undefined {
  return readConditions(report.conditions).find(({ type }) => type === 'Ready')
}
