// pod-garbage.ts - removes pods that nobody will ever report on again: of nodes that are gone, and old ones that have ended
import type { Clock } from '../../shared/clock.ts'
import { NODE } from '../../shared/kinds/node.ts'
import type { Pod } from '../../shared/kinds/object.ts'
import { POD } from '../../shared/kinds/pod.ts'
import type { Log } from '../../shared/log.ts'
import type { Random } from '../../shared/random.ts'
import type { Objects } from '../store/objects.ts'
import type { Fences } from './deps.ts'
import { createReconcileLoop, type KeySource, type Outcome, type ReconcileLoop } from '../store/reconcile-loop.ts'
import type { Store } from '../store/store.ts'
import { watchInto } from '../store/watch-into.ts'

export interface PodGarbageDeps {
  store: Store
  objects: Objects
  clock: Clock
  random: Random
  log: Log
  fences: Fences
}

/** As upstream: a node that was deleted by mistake and is made again within this time keeps its pods. */
const NODE_GONE_FOR_MS = 40_000
/** Kept for people to look at; the rest only fills memory and lists. */
export const ENDED_PODS_MAX = 1_000

const ENDED = 'ended'
const nodeKey = (nodeName: string) => `node ${nodeName}`

const hasEnded = ({ status }: Pod) => status?.phase === 'Succeeded' || status?.phase === 'Failed'

/** Those beyond the bound, the oldest first; pods that are going already neither count nor go twice. Pure. */
export function surplusPods(pods: readonly Pod[], max: number): readonly Pod[] {
  const ended = pods.filter((pod) => hasEnded(pod) && !pod.metadata.deletionTimestamp)
  const createdAt = ({ metadata }: Pod) => Date.parse(metadata.creationTimestamp)
  return ended.toSorted((a, b) => createdAt(a) - createdAt(b)).slice(0, Math.max(0, ended.length - max))
}

export function createPodGarbage(deps: PodGarbageDeps): ReconcileLoop {
  const { store, objects } = deps
  const isNodeThere = (nodeName: string) => objects.get(NODE, undefined, nodeName) !== undefined

  const remove = ({ metadata }: Pod) =>
    objects.delete(POD, metadata.namespace, metadata.name, {
      gracePeriodSeconds: 0,
      preconditions: { uid: metadata.uid },
    })

  function reconcile(key: string): Outcome {
    if (key === ENDED) return surplusPods(objects.list(POD), ENDED_PODS_MAX).forEach(remove)
    const nodeName = key.slice(nodeKey('').length)
    if (isNodeThere(nodeName)) return
    const waits = objects.by(POD, 'nodeName', nodeName).map((pod) => {
      // The device does not know yet that it was taken out; what may run only once goes when it has stopped there.
      const stopsInMs = deps.fences.passesInMs(pod)
      if (stopsInMs > 0 && stopsInMs !== Infinity) return stopsInMs
      remove(pod)
      return Infinity
    })
    const nextMs = Math.min(Infinity, ...waits)
    return nextMs === Infinity ? undefined : { againAfterMs: nextMs }
  }

  const ended = watchInto(store, POD, ({ type, object }) => (type !== 'DELETED' && hasEnded(object) ? [ENDED] : []))

  /** Not added at once but after a while: the node must have stayed away for all of it. */
  const abandoned: KeySource = {
    start() {
      const lookLater = (nodeName: string | undefined) => {
        if (nodeName && !isNodeThere(nodeName)) loop.addAfter(nodeKey(nodeName), NODE_GONE_FOR_MS)
      }
      const pods = watchInto(store, POD, ({ object }) => [object.spec.nodeName ?? '']).start(lookLater)
      const nodes = watchInto(store, NODE, ({ object }) => [object.metadata.name]).start(lookLater)
      return () => {
        pods()
        nodes()
      }
    },
  }

  const loop = createReconcileLoop({ ...deps, name: 'pod-garbage', watch: [ended, abandoned], reconcile })
  return loop
}
