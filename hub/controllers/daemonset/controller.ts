// controller.ts - keeps one pod of a DaemonSet on every node that fits, and rolls its template out node by node
import { exponentialMs } from '../../../shared/backoff.ts'
import { rfc3339 } from '../../../shared/clock.ts'
import { DAEMON_SET } from '../../../shared/kinds/daemon-set.ts'
import { NODE } from '../../../shared/kinds/node.ts'
import type { DaemonSet, NewObject, Pod } from '../../../shared/kinds/object.ts'
import { POD } from '../../../shared/kinds/pod.ts'
import { ROLLOUT_ANNOTATION } from '../../../shared/last-known.ts'
import { AFTER, afterOf } from '../../../shared/succession.ts'
import { objectKey, splitKey } from '../../store/keys.ts'
import { createReconcileLoop, type Outcome, type ReconcileLoop } from '../../store/reconcile-loop.ts'
import { watchInto } from '../../store/watch-into.ts'
import { nextAvailableInMs } from '../availability.ts'
import { controllerReference } from '../claim.ts'
import type { ControllerDeps } from '../deps.ts'
import { createOrphans } from '../orphans.ts'
import { podFromTemplate } from '../pod-from-template.ts'
import { rolloutNote, withRolloutNote } from '../rollout.ts'
import { isActive } from '../pod-state.ts'
import { ownersOf, takeOwnership } from '../take-ownership.ts'
import { planManage, type DaemonSteps, type NewDaemonPod } from './manage.ts'
import { nodeChangeMatters } from './node-change.ts'
import { pinnedTo } from './placement.ts'
import { createRevisions } from './revisions.ts'
import { planRolling } from './rolling.ts'
import { daemonRollout, daemonSetStatus } from './status.ts'
import { daemonView, REVISION_HASH_LABEL, type DaemonView } from './view.ts'

/** How long a daemon pod that failed keeps its place before the next one is tried; upstream's numbers. */
const FAILED_BACKOFF = { baseMs: 1_000, maxMs: 15 * 60_000 }

export function createDaemonSetController(deps: ControllerDeps): ReconcileLoop {
  const { store, objects, clock, recordEvent, availability } = deps
  const orphans = createOrphans(store, POD)
  const ownership = { objects, ownerKind: DAEMON_SET, kind: POD, orphans }
  const revisions = createRevisions(objects)
  /** Per DaemonSet and node: how often its pod failed, and when the last one was taken away. Goes with the DaemonSet. */
  const failures = new Map<string, Map<string, { times: number; atMs: number }>>()

  function reconcile(key: string): Outcome {
    const { namespace, name } = splitKey(key)
    const daemonSet = objects.get(DAEMON_SET, namespace, name)
    if (!daemonSet) return void failures.delete(key)
    takeOwnership(
      ownership,
      daemonSet,
      daemonSet.spec.selector,
      (found, mine) => !mine.some((pod) => isActive(pod) && pod.spec.nodeName === found.spec.nodeName),
    )
    const { hash, collided } = revisions.keep(daemonSet)
    if (collided) return collide(daemonSet)
    const waitMs =
      hash === undefined
        ? []
        : [...carryOut(look(daemonSet, hash), planManage), ...carryOut(look(daemonSet, hash), planRolling)]
    const view = look(daemonSet, hash ?? '')
    writeStatus(view)
    revisions.cleanUp(daemonSet, podsOf(daemonSet))
    const availableMs = nextAvailableInMs(podsOf(daemonSet).map(view.judge))
    const nextMs = Math.min(...waitMs, availableMs ?? Infinity)
    return nextMs === Infinity ? undefined : { againAfterMs: nextMs }
  }

  const now = () => rfc3339(clock.wallMs())
  const podsOf = (daemonSet: DaemonSet) => objects.by(POD, 'controllerUid', daemonSet.metadata.uid)

  function look(daemonSet: DaemonSet, hash: string): DaemonView {
    const judge = (pod: Pod) => availability.of(pod, daemonSet.spec.minReadySeconds ?? 0)
    return daemonView({ daemonSet, hash, nodes: objects.list(NODE), pods: podsOf(daemonSet), judge })
  }

  /** Answers after how long failed pods that have to wait may be replaced. */
  function carryOut(view: DaemonView, plan: (view: DaemonView) => DaemonSteps): number[] {
    const steps = plan(view)
    for (const pod of steps.delete) remove(view.daemonSet, pod)
    for (const wanted of steps.create) create(view, wanted)
    return steps.failed.flatMap((pod) => replaceFailed(view.daemonSet, pod))
  }

  function create({ daemonSet, spec, hash }: DaemonView, { nodeName, after }: NewDaemonPod): void {
    const labels = { [REVISION_HASH_LABEL]: hash }
    const reference = controllerReference(DAEMON_SET, daemonSet)
    const pod = podFromTemplate(daemonSet, daemonSet.spec.template, reference, labels)
    try {
      const { metadata } = objects.create(POD, startingAfter({ ...pod, spec: pinnedTo(spec, nodeName) }, after))
      recordEvent(daemonSet, 'Normal', 'SuccessfulCreate', `Created pod: ${metadata.name}`)
    } catch (error) {
      const message = error instanceof Error ? error.message : String(error)
      recordEvent(daemonSet, 'Warning', 'FailedCreate', `Error creating: ${message}`)
      throw error
    }
  }

  function remove(daemonSet: DaemonSet, { metadata }: Pod): void {
    objects.delete(POD, metadata.namespace, metadata.name, { preconditions: { uid: metadata.uid } })
    recordEvent(daemonSet, 'Normal', 'SuccessfulDelete', `Deleted pod: ${metadata.name}`)
  }

  function replaceFailed(daemonSet: DaemonSet, pod: Pod): number[] {
    const { namespace, name } = pod.metadata
    const nodeName = pod.spec.nodeName ?? ''
    const ofSet = failures.get(objectKey(daemonSet)) ?? new Map<string, { times: number; atMs: number }>()
    const before = ofSet.get(nodeName)
    const nowMs = clock.monoMs()
    const pauseMs = before ? exponentialMs(before.times - 1, FAILED_BACKOFF) : 0
    const leftMs = before ? before.atMs + pauseMs - nowMs : 0
    if (leftMs > 0) return [leftMs]
    // After a long quiet time the next failure counts as the first again.
    const isOld = before !== undefined && nowMs - before.atMs > 2 * FAILED_BACKOFF.maxMs
    ofSet.set(nodeName, { times: isOld ? 1 : (before?.times ?? 0) + 1, atMs: nowMs })
    failures.set(objectKey(daemonSet), ofSet)
    const message = `Found failed daemon pod ${namespace}/${name} on node ${nodeName}, will try to kill it`
    recordEvent(daemonSet, 'Warning', 'FailedDaemonPod', message)
    remove(daemonSet, pod)
    return []
  }

  function collide(daemonSet: DaemonSet): Outcome {
    const { namespace, name } = daemonSet.metadata
    const status = (current: DaemonSet) => ({
      ...daemonSetStatus(look(current, ''), (current.status?.collisionCount ?? 0) + 1, now()),
      // Not this generation yet: nobody may take its rollout for done.
      ...(current.status?.observedGeneration !== undefined && {
        observedGeneration: current.status.observedGeneration,
      }),
    })
    objects.modify(DAEMON_SET, namespace, name, (current) => ({ ...current, status: status(current) }), {
      subresource: 'status',
    })
    return { againAfterMs: 0 }
  }

  function writeStatus(view: DaemonView): void {
    const { namespace, name } = view.daemonSet.metadata
    const status = daemonSetStatus(view, view.daemonSet.status?.collisionCount ?? 0, now())
    objects.modify(DAEMON_SET, namespace, name, (current) => ({ ...current, status }), { subresource: 'status' })
    const note = rolloutNote(daemonRollout(view))
    objects.modify(DAEMON_SET, namespace, name, (current) => withRolloutNote(current, ROLLOUT_ANNOTATION, note))
  }

  return createReconcileLoop({
    name: 'daemonset',
    clock,
    log: deps.log,
    random: deps.random,
    watch: [
      watchInto(store, DAEMON_SET, ({ object }) => [objectKey(object)]),
      watchInto(store, POD, (change) => {
        orphans.note(change)
        return new Set(ownersOf(objects, DAEMON_SET, [change.object, change.previous]))
      }),
      watchInto(store, NODE, (change) => (nodeChangeMatters(change) ? objects.list(DAEMON_SET).map(objectKey) : [])),
    ],
    reconcile,
  })
}

/** Of a template that was copied from such a pod the order means nothing. */
function startingAfter(pod: NewObject<Pod>, others: readonly Pod[]): NewObject<Pod> {
  const { [AFTER]: _, ...annotations } = pod.metadata.annotations ?? {}
  const order = others.length > 0 && { [AFTER]: afterOf(others) }
  return { ...pod, metadata: { ...pod.metadata, annotations: { ...annotations, ...order } } }
}
