// little-cluster.ts - the real store, controllers and scheduler on a manual clock, with a toy in the place of every device
import type { Test } from 'tap'
import { checkBudgets } from '../../hub/api/subresources/eviction.ts'
import { createControllers } from '../../hub/controllers/controllers.ts'
import type { Fences } from '../../hub/controllers/deps.ts'
import { createScheduler } from '../../hub/scheduler/scheduler.ts'
import { createEventRecorder } from '../../hub/store/events.ts'
import { createObjects, type Objects } from '../../hub/store/objects.ts'
import { rfc3339 } from '../../shared/clock.ts'
import { EVENT } from '../../shared/kinds/event.ts'
import { NAMESPACE } from '../../shared/kinds/namespace.ts'
import { NODE } from '../../shared/kinds/node.ts'
import type { NodeCondition, Pod, Taint } from '../../shared/kinds/object.ts'
import { POD } from '../../shared/kinds/pod.ts'
import { NODE_NOT_READY } from '../../shared/last-known.ts'
import { silentLog } from '../../shared/log.ts'
import { runtimeCondition } from '../../shared/node-selection.ts'
import { systemRandom } from '../../shared/random.ts'
import { inOrder } from '../../shared/service.ts'
import { follows, KEEPS_ORDER_LABEL, PREPARED } from '../../shared/succession.ts'
import { node, type NodeOptions } from './builders.ts'
import { createManualClock } from './manual-clock.ts'
import { startedStore } from './store.ts'

export interface ClusterOptions {
  nodes?: readonly string[]
  /** From bound to ready, and from told to stop to gone. */
  startMs?: number
  stopMs?: number
  withScheduler?: boolean
  /** Devices start a pod after another when they are told to. */
  keepsOrder?: boolean
  /** When devices have provably stopped what runs under a lease. */
  fences?: Fences
  /** Moves by itself, so many an hour. */
  rebalancePerHour?: number
}

export type LittleCluster = Awaited<ReturnType<typeof littleCluster>>

const settingsOf = ({ rebalancePerHour }: ClusterOptions, objects: Objects) => ({
  clusterCaPem: 'the CA',
  ...(rebalancePerHour !== undefined && {
    rebalance: {
      movesPerHour: rebalancePerHour,
      evict(pod: Pod) {
        checkBudgets(pod, objects)
        objects.delete(POD, pod.metadata.namespace, pod.metadata.name)
      },
    },
  }),
})

export async function littleCluster(t: Pick<Test, 'teardown'>, options: ClusterOptions = {}) {
  const { nodes = ['node-1', 'node-2', 'node-3'], startMs = 50, stopMs = 50 } = options
  const clock = createManualClock()
  const store = await startedStore({ clock })
  const objects = createObjects({ store, namespaces: NAMESPACE, clock, random: systemRandom })
  const deps = {
    store,
    objects,
    clock,
    random: systemRandom,
    log: silentLog,
    fences: options.fences ?? { passesInMs: () => Infinity },
  }
  const events = createEventRecorder(deps)
  const scheduler = createScheduler({ ...deps, events })
  const services = inOrder([
    events,
    ...createControllers({ ...deps, events, settings: settingsOf(options, objects) }),
    ...(options.withScheduler === false ? [] : [scheduler]),
  ])
  const offline = new Set<string>()

  objects.create(NAMESPACE, { apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'default' }, spec: {} })
  const addNode = (name: string, nodeOptions?: NodeOptions) => {
    const labels = { ...(options.keepsOrder && { [KEEPS_ORDER_LABEL]: 'true' }), ...nodeOptions?.labels }
    const made = node(name, { ...nodeOptions, labels })
    objects.create(NODE, { ...made, metadata: { name, labels: made.metadata.labels } })
    objects.modify(NODE, undefined, name, (current) => ({ ...current, status: made.status }), { subresource: 'status' })
  }
  for (const name of nodes) addNode(name)

  const isOnline = ({ spec }: Pod) => spec.nodeName !== undefined && !offline.has(spec.nodeName)
  function serve({ metadata: { namespace, name, uid } }: Pod) {
    const pod = objects.get(POD, namespace, name)
    if (!pod || pod.metadata.uid !== uid || !isOnline(pod)) return
    if (pod.metadata.deletionTimestamp) {
      objects.delete(POD, namespace, name, { gracePeriodSeconds: 0 })
      return
    }
    const now = rfc3339(clock.wallMs())
    const waits = objects.by(POD, 'nodeName', pod.spec.nodeName ?? '').some((other) => follows(pod, other))
    const isBroken = pod.spec.containers.some(({ image }) => image?.startsWith('broken'))
    const ready = { type: 'Ready', status: isBroken || waits ? 'False' : 'True', lastTransitionTime: now }
    const prepared = { type: PREPARED, status: isBroken ? 'False' : 'True', lastTransitionTime: now }
    const others = (pod.status?.conditions ?? []).filter(({ type }) => type !== 'Ready' && type !== PREPARED)
    // A device's report is whole: what others have written about reasons goes.
    const { reason: _reason, message: _message, ...known } = pod.status ?? {}
    const phase = isBroken || waits ? 'Pending' : 'Running'
    const status = { startTime: now, ...known, phase, conditions: [...others, ready, ...(waits ? [prepared] : [])] }
    objects.modify(POD, namespace, name, (current) => ({ ...current, status }), { subresource: 'status' })
  }
  const unwatch = store.watch(POD, store.revision, ({ type, object, previous }) => {
    if (!object.spec.nodeName) return
    if (type === 'DELETED') {
      const followers = objects.by(POD, 'nodeName', object.spec.nodeName).filter((other) => follows(other, object))
      return followers.forEach((one) => clock.after(startMs, () => serve(one)))
    }
    const isNew = previous?.spec.nodeName === undefined
    const isGoing = object.metadata.deletionTimestamp && !previous?.metadata.deletionTimestamp
    if (isNew || isGoing) clock.after(isGoing ? stopMs : startMs, () => serve(object))
  })

  await services.start()
  t.teardown(async () => {
    unwatch()
    await services.stop()
    const stopped = store.stop()
    await clock.advance(1)
    await stopped
  })

  return {
    ...deps,
    clock,
    addNode,
    scheduler,
    run: (ms = 2_000) => clock.advance(ms),
    pods: (app?: string) =>
      objects.list(POD, 'default').filter(({ metadata }) => !app || metadata.labels?.['app'] === app),
    messages: (reason: string) =>
      objects.list(EVENT, 'default').flatMap((event) => (event.reason === reason ? [event.message ?? ''] : [])),
    /** As the fleet part of the hub would say it. */
    disconnect(name: string) {
      offline.add(name)
      setReady(name, 'Unknown', [
        { key: 'node.kubernetes.io/unreachable', effect: 'NoExecute' },
        { key: 'node.kubernetes.io/unreachable', effect: 'NoSchedule' },
      ])
    },
    /** Its engine does not answer; the device itself is there. */
    silence(name: string) {
      offline.add(name)
      setConditions(name, [
        { type: 'Ready', status: 'True' },
        { type: runtimeCondition('docker'), status: 'False' },
      ])
    },
    reconnect(name: string) {
      offline.delete(name)
      setReady(name, 'True', [])
      for (const pod of objects.by(POD, 'nodeName', name)) clock.after(startMs, () => serve(pod))
    },
  }

  function setConditions(name: string, conditions: NodeCondition[]) {
    objects.modify(NODE, undefined, name, (current) => ({ ...current, status: { ...current.status, conditions } }), {
      subresource: 'status',
    })
  }

  function setReady(name: string, status: 'True' | 'Unknown', taints: Taint[]) {
    objects.modify(NODE, undefined, name, (current) => ({ ...current, spec: { ...current.spec, taints } }))
    setConditions(name, [{ type: 'Ready', status }])
    if (status === 'True') return
    for (const { metadata, status: podStatus } of objects.by(POD, 'nodeName', name)) {
      const unready = (podStatus?.conditions ?? []).map((condition) =>
        condition.type === 'Ready' ? { ...condition, status: 'False', reason: NODE_NOT_READY } : condition,
      )
      const change = (current: Pod) => ({ ...current, status: { ...current.status, conditions: unready } })
      objects.modify(POD, metadata.namespace, metadata.name, change, { subresource: 'status' })
    }
  }
}
