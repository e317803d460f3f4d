// take-back.ts - carries out a bring-back: the objects that a device had and the store lost are in the store again, marked as such
import { rfc3339, type Clock } from '../../shared/clock.ts'
import { CONFIG_MAP } from '../../shared/kinds/config-map.ts'
import { NAMESPACE } from '../../shared/kinds/namespace.ts'
import type { Pod } from '../../shared/kinds/object.ts'
import { POD } from '../../shared/kinds/pod.ts'
import { SECRET } from '../../shared/kinds/secret.ts'
import { StatusError } from '../../shared/kinds/status-error.ts'
import type { Log } from '../../shared/log.ts'
import type { DesiredState } from '../../shared/protocol/messages.ts'
import { UNKNOWN_ANNOTATION, UNKNOWN_REASON } from '../../shared/recovery.ts'
import type { Objects } from '../store/objects.ts'
import type { Store, Transaction } from '../store/store.ts'
import { planBringBack, type BringBack } from './bring-back.ts'

export interface TakeBackDeps {
  store: Store
  objects: Objects
  clock: Clock
  log: Log
}

/** All of it or nothing. Answers what was done, in the names that the objects have now. */
export function takeBack(deps: TakeBackDeps, held: DesiredState, isNewer: boolean): BringBack {
  const { store, objects, clock } = deps
  const now = rfc3339(clock.wallMs())
  return store.transact((tx) => {
    const plan = planBringBack({
      held,
      known: objects.by(POD, 'nodeName', held.node),
      holderOf: (namespace, name) => objects.get(POD, namespace, name),
      isNewer,
    })
    for (const pod of plan.gone) tx.remove(POD, marked(pod, now))
    for (const pod of plan.changed) tx.put(POD, pod)
    putBack(deps, tx, held, plan.unknown)
    return plan
  })
}

type Told = Pick<DesiredState, 'node' | 'configMaps' | 'secrets'>

/** These pods, out of what their device was told, with all that they mention. */
export function putBack(deps: TakeBackDeps, tx: Transaction, told: Told, pods: readonly Pod[]): void {
  const now = rfc3339(deps.clock.wallMs())
  for (const pod of pods) {
    ensureNamespace(deps, pod.metadata.namespace ?? 'default', now)
    tx.put(POD, unknownPod(pod, told.node, now))
  }
  if (pods.length > 0) takeConfiguration(deps, told, now)
}

/** As if its deletion had been asked for: it was, in the part of the history that is lost. */
const marked = (pod: Pod, now: string): Pod => ({
  ...pod,
  metadata: { ...pod.metadata, deletionTimestamp: now, deletionGracePeriodSeconds: 0 },
})

/** Its owner is not known: whoever adopts it by its labels, or a person, decides. */
const unknownPod = ({ apiVersion, kind, metadata, spec }: Pod, node: string, now: string): Pod => ({
  apiVersion,
  kind,
  metadata: {
    ...metadata,
    namespace: metadata.namespace ?? 'default',
    annotations: { ...metadata.annotations, [UNKNOWN_ANNOTATION]: now },
  },
  spec: { ...spec, nodeName: node },
  status: { phase: 'Unknown', reason: UNKNOWN_REASON },
})

const annotations = (now: string) => ({ [UNKNOWN_ANNOTATION]: now })

function ensureNamespace({ objects }: TakeBackDeps, name: string, now: string): void {
  if (objects.get(NAMESPACE, undefined, name)) return
  const metadata = { name, annotations: annotations(now) }
  objects.create(NAMESPACE, { apiVersion: 'v1', kind: 'Namespace', metadata, spec: {} })
}

/** Only what is missing altogether: what the store has in another form may be newer on another device. */
function takeConfiguration({ objects, log }: TakeBackDeps, held: Told, now: string): void {
  const take = (key: string, create: (metadata: { name: string; namespace: string }) => void) => {
    const [namespace = '', name = ''] = key.split('/')
    try {
      create({ name, namespace })
    } catch (error) {
      // The pod runs on with what its device has; it is told when it needs it anew.
      if (!(error instanceof StatusError)) throw error
      log.warn({ key, error }, 'configuration of an unknown pod was not taken back')
    }
  }
  for (const [key, content] of Object.entries(held.configMaps)) {
    take(key, ({ name, namespace }) => {
      if (objects.get(CONFIG_MAP, namespace, name) || !objects.get(NAMESPACE, undefined, namespace)) return
      const metadata = { name, namespace, annotations: annotations(now) }
      objects.create(CONFIG_MAP, { apiVersion: 'v1', kind: 'ConfigMap', metadata, ...content })
    })
  }
  for (const [key, content] of Object.entries(held.secrets)) {
    take(key, ({ name, namespace }) => {
      if (objects.get(SECRET, namespace, name) || !objects.get(NAMESPACE, undefined, namespace)) return
      const metadata = { name, namespace, annotations: annotations(now) }
      objects.create(SECRET, { apiVersion: 'v1', kind: 'Secret', metadata, ...content })
    })
  }
}
