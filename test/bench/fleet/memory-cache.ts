// memory-cache.ts - a device's cache without its disk: a thousand devices in one process are to cost the hub, not this machine
import type { Cache } from '../../../agent/cache/cache.ts'
import type { PodStatus } from '../../../shared/kinds/object.ts'
import type { DesiredState, NodeReport } from '../../../shared/protocol/messages.ts'

const NOBODY = { epoch: 0, revision: 0 }
/** One address does for all: nobody calls them. */
const POD_IP = '10.88.0.7'

/** Reports every pod that it is given as running, at once. */
export function createMemoryCache(now: () => string): Cache {
  const values = new Map<string, string>()
  const listeners = { desired: new Set<() => void>(), report: new Set<() => void>() }
  const listen = (to: Set<() => void>) => (listener: () => void) => {
    to.add(listener)
    return () => to.delete(listener)
  }
  let held: { state: DesiredState; signed: Uint8Array } | undefined
  let report: NodeReport = reportOf(undefined, now())
  const heldRevision = () => (held ? { epoch: held.state.epoch, revision: held.state.revision } : NOBODY)

  return {
    start() {},
    stop() {},
    desired: () => held?.state,
    held: heldRevision,
    floor: () => ({ ...heldRevision(), digest: '' }),
    commitDesired(state, signed) {
      held = { state, signed }
      report = reportOf(state, now())
      for (const to of [listeners.desired, listeners.report]) for (const tell of to) tell()
    },
    onDesired: listen(listeners.desired),
    signed: () => held?.signed,
    histories: () => [],
    saveHistory() {},
    forgetPod() {},
    knownPods: () => [],
    report: () => report,
    setReport() {},
    onReport: listen(listeners.report),
    appendJournal() {},
    peekJournal: () => [],
    ackJournal() {},
    onJournal: () => () => undefined,
    health: () => ({ place: 'disk', onDisk: heldRevision(), journalDropped: 0 }),
    onHealth: () => () => undefined,
    getValue: (key) => values.get(key),
    setValue: (key, value) => void values.set(key, value),
  }
}

function reportOf(state: DesiredState | undefined, at: string): NodeReport {
  const pods = (state?.pods ?? []).map((pod) => {
    const { uid, namespace = '', name, deletionTimestamp } = pod.metadata
    const names = pod.spec.containers.map((container) => container.name)
    const status = statusOf(names, at)
    return { uid, namespace, name, status, ...(deletionTimestamp && { stopped: true }) }
  })
  const ready = { type: 'Ready', status: 'True' as const, reason: 'AgentReady', message: 'simulated' }
  const conditions = [{ ...ready, lastTransitionTime: at, lastHeartbeatTime: at }]
  return { pods, conditions, observed: state ? { epoch: state.epoch, revision: state.revision } : NOBODY }
}

const statusOf = (containers: readonly string[], at: string): PodStatus => ({
  phase: 'Running',
  podIP: POD_IP,
  startTime: at,
  conditions: ['Initialized', 'ContainersReady', 'Ready', 'PodScheduled'].map((type) => ({
    type,
    status: 'True',
    lastTransitionTime: at,
  })),
  containerStatuses: containers.map((name) => ({
    ...{ name, image: 'simulated', imageID: '', ready: true, restartCount: 0, started: true },
    state: { running: { startedAt: at } },
  })),
})
