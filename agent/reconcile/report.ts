// report.ts - the node's whole observed state: gathered from the pods, handed to the cache when something changed
import type { Clock, Timer } from '../../shared/clock.ts'
import type { NodeCondition, Pod, PodStatus } from '../../shared/kinds/object.ts'
import { PODS_PER_NODE_MAX, type NodeReport, type PodReport } from '../../shared/protocol/messages.ts'
import type { Cache } from '../cache/cache.ts'
import { withinReport } from './message-room.ts'
import { namespaceOf } from './pod-shape.ts'

export interface Reporter {
  setPod(pod: Pod, status: PodStatus, isStopped: boolean): void
  dropPod(podUid: string): void
  hasStopped(podUid: string): boolean
  keepOnly(isKept: (podUid: string) => boolean): void
  /** Something about the node itself, or the revision, may have changed. */
  readonly touch: () => void
  stop(): void
}

export interface ReporterDeps {
  cache: Pick<Cache, 'setReport' | 'report' | 'held'>
  clock: Clock
  conditions: (previous: readonly NodeCondition[]) => NodeCondition[]
  wear: () => NodeReport['wear']
}

/** What changes together is said together. */
const GATHER_MS = 5
const PODS_MAX = 2 * PODS_PER_NODE_MAX

export function createReporter({ cache, clock, conditions, wear: measureWear }: ReporterDeps): Reporter {
  const pods = new Map<string, PodReport>()
  let timer: Timer | undefined
  let said = ''

  const say = () => {
    timer = undefined
    const wear = measureWear()
    const report: NodeReport = {
      pods: [...withinReport([...pods.values()].toSorted((a, b) => (a.uid < b.uid ? -1 : 1)).slice(0, PODS_MAX))],
      conditions: conditions(cache.report()?.conditions ?? []),
      observed: cache.held(),
      ...(wear && { wear }),
    }
    const text = JSON.stringify(report)
    if (text === said) return
    said = text
    cache.setReport(report)
  }
  const touch = () => void (timer ??= clock.after(GATHER_MS, say))
  return {
    setPod(pod, status, isStopped) {
      const { uid, name } = pod.metadata
      pods.set(uid, { uid, name, namespace: namespaceOf(pod), status, ...(isStopped && { stopped: true }) })
      touch()
    },
    dropPod(podUid) {
      if (pods.delete(podUid)) touch()
    },
    hasStopped: (podUid) => pods.get(podUid)?.stopped === true,
    keepOnly(isKept) {
      for (const podUid of pods.keys()) if (!isKept(podUid)) pods.delete(podUid)
      touch()
    },
    touch,
    stop: () => timer?.cancel(),
  }
}
