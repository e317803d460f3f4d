// recovery.ts - opens the note of a loss when a new epoch has begun, and closes it when nothing is left to find or to decide
import type { Clock } from '../../shared/clock.ts'
import { isSingleton } from '../../shared/disconnect-policy.ts'
import { CONFIG_MAP } from '../../shared/kinds/config-map.ts'
import type { Kind } from '../../shared/kinds/kind.ts'
import { NODE } from '../../shared/kinds/node.ts'
import type { KubeObject, Pod } from '../../shared/kinds/object.ts'
import { POD } from '../../shared/kinds/pod.ts'
import { REPLICA_SET } from '../../shared/kinds/replica-set.ts'
import type { Log } from '../../shared/log.ts'
import type { Random } from '../../shared/random.ts'
import { isUnknownToHub, RECOVERY_NAME, RECOVERY_NAMESPACE, UNKNOWN_REASON } from '../../shared/recovery.ts'
import type { Service } from '../../shared/service.ts'
import type { MemoryStore } from '../store/memory-store.ts'
import type { Objects } from '../store/objects.ts'
import { createReconcileLoop } from '../store/reconcile-loop.ts'
import { openRecovery, readRecovery, type RecoveryRecord } from '../store/recovery-record.ts'
import { watchInto } from '../store/watch-into.ts'
import { createNumbers } from './numbers.ts'
import type { Revocations } from './revocations.ts'
import { surplusOf, type Surplus } from './surplus.ts'

export interface RecoveryDeps {
  store: MemoryStore
  objects: Objects
  /** To find owners that have vanished. */
  kinds: { byKind(apiVersion: string, kind: string): Kind | undefined }
  clock: Clock
  random: Random
  log: Log
}

/** The note itself, and each pod that a person or a controller has just said it knows. */
const NOTE = 'note'
const LOOK_AGAIN_MS = 10_000
/** What fits into a line of `holdfast status`. */
const NAMED_MAX = 10

/** Before anything that acts on what is missing: whoever sees the note waits. */
export function createRecoveryNote(deps: NoteDeps): Service {
  return {
    start() {
      const { store } = deps
      const noted = readRecovery(store)?.epoch ?? 1
      if (store.identity.epoch > noted) noteLoss(deps, store.loss ?? 'tail')
    },
    stop() {},
  }
}

type NoteDeps = Pick<RecoveryDeps, 'store' | 'clock' | 'random'> & { revocations: Pick<Revocations, 'survived'> }

export function noteLoss({ store, revocations, clock, random }: NoteDeps, loss: RecoveryRecord['loss']): void {
  const { epoch } = store.identity
  const revocationsAre = revocations.survived({ epoch, kind: loss }) ? 'kept' : 'lost'
  openRecovery(store, { epoch, loss, revocationsAre, uid: random.uuid(), wallMs: clock.wallMs() })
}

export function createRecovery(deps: RecoveryDeps): Service {
  const { store, objects, log } = deps
  const numbers = createNumbers(store)

  function reconcile(key: string): { againAfterMs: number } | void {
    if (key !== NOTE) return known(key)
    const note = readRecovery(store)
    if (!note?.isOpen) return
    const waiting = unseen(note.epoch)
    // While there are two of what may run only once, nothing of it is started: the wrong one could be.
    const surplus = surplusOf(objects)
    if (waiting.length === 0 && surplus.length === 0 && !isAnythingLeft()) return close()
    write({ waiting: named(waiting), surplus: named(surplus.map(textOf)) })
    return { againAfterMs: LOOK_AGAIN_MS }
  }

  /** Nodes whose devices have not yet shown what they hold. */
  const unseen = (epoch: number): string[] =>
    objects
      .list(NODE)
      .map(({ metadata }) => metadata.name)
      .filter((name) => numbers.last(name)?.settledIn !== epoch)

  /** Something unknown, or without its owner. */
  const isAnythingLeft = (): boolean =>
    objects.list(POD).some((pod) => isUnknownToHub(pod) || isBereft(pod)) || objects.list(REPLICA_SET).some(isBereft)

  function isBereft({ metadata: { namespace, ownerReferences = [] } }: KubeObject): boolean {
    return ownerReferences.some((owner) => {
      const kind = deps.kinds.byKind(owner.apiVersion, owner.kind)
      return kind && objects.get(kind, namespace, owner.name)?.metadata.uid !== owner.uid
    })
  }

  function close(): void {
    log.info({}, 'the recovery is over: nothing is unknown any more')
    write({ state: 'closed', waiting: '', surplus: '' })
  }

  const write = (change: Record<string, string>) =>
    objects.modify(CONFIG_MAP, RECOVERY_NAMESPACE, RECOVERY_NAME, (current) => ({
      ...current,
      data: { ...current.data, ...change },
    }))

  /** The device says nothing anew when only the hub's mind has changed. */
  function known(key: string): void {
    const [namespace, name = ''] = key.split('/')
    const clear = (pod: Pod): Pod | undefined => {
      if (isUnknownToHub(pod) || pod.status?.reason !== UNKNOWN_REASON) return undefined
      const { reason: _, message: __, ...status } = pod.status
      return { ...pod, status }
    }
    objects.modify(POD, namespace, name, clear, { subresource: 'status' })
  }

  return createReconcileLoop({
    ...deps,
    name: 'recovery',
    watch: [
      watchInto(store, CONFIG_MAP, ({ object: { metadata } }) =>
        metadata.name === RECOVERY_NAME && metadata.namespace === RECOVERY_NAMESPACE ? [NOTE] : [],
      ),
      watchInto(store, POD, ({ type, object, previous }) => {
        // Another one may be started when this one is gone.
        if (type === 'DELETED' && isSingleton(object)) return [NOTE]
        const wasUnknown = previous !== undefined && isUnknownToHub(previous)
        if (!wasUnknown || (type !== 'DELETED' && isUnknownToHub(object))) return []
        return [NOTE, `${object.metadata.namespace}/${object.metadata.name}`]
      }),
    ],
    reconcile,
  })
}

const named = (names: readonly string[]): string =>
  names.slice(0, NAMED_MAX).join(', ') + (names.length > NAMED_MAX ? ' ...' : '')

const textOf = ({ owner: { metadata }, pods }: Surplus): string =>
  `${metadata.namespace ?? ''}/${metadata.name} (${pods.map(({ metadata: { name }, spec }) => `${name} on ${spec.nodeName ?? 'no node yet'}`).join(', ')})`
