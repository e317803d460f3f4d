// controller.ts - the garbage collector: dependents follow their owners, or are let go, as the deletion of the owner asked
import type { Clock } from '../../../shared/clock.ts'
import { resourceName, type Kind } from '../../../shared/kinds/kind.ts'
import type { KubeObject, OwnerReference } from '../../../shared/kinds/object.ts'
import type { Log } from '../../../shared/log.ts'
import type { Random } from '../../../shared/random.ts'
import { RECOVERY_NAME, RECOVERY_NAMESPACE } from '../../../shared/recovery.ts'
import { objectKey, splitKey } from '../../store/keys.ts'
import { FOREGROUND, ORPHAN } from '../../store/object-delete.ts'
import type { EventRecorder } from '../../store/events.ts'
import type { Objects } from '../../store/objects.ts'
import { createReconcileLoop, type KeySource, type ReconcileLoop } from '../../store/reconcile-loop.ts'
import { readRecovery } from '../../store/recovery-record.ts'
import { sameJson } from '../../store/same-json.ts'
import type { Change, Store } from '../../store/store.ts'
import { storedKinds, type KindTable } from '../kind-table.ts'
import { disowned, keep } from './keep.ts'
import {
  isBlocking,
  ownersOf,
  planDependent,
  planForeground,
  waitOf,
  type OwnerState,
  type Step,
  type Wait,
} from './plan.ts'
import { createSeenOwners, type Fate } from './seen-owners.ts'

export interface GarbageCollectorDeps {
  store: Store
  objects: Objects
  kinds: KindTable
  events: Pick<EventRecorder, 'record'>
  clock: Clock
  random: Random
  log: Log
}

interface Found {
  kind: Kind
  object: KubeObject
}

export function createGarbageCollector(deps: GarbageCollectorDeps): ReconcileLoop {
  const { store, objects, kinds } = deps
  const seen = createSeenOwners()
  const isRecovering = () => readRecovery(store)?.isOpen === true

  function dependentsOf(uid: string): Found[] {
    return [...storedKinds(kinds).values()].flatMap((kind) =>
      store.by(kind, 'ownerUid', uid).map((object) => ({ kind, object })),
    )
  }

  /** An owner lives in its dependent's namespace or in none. */
  function findOwner(owner: OwnerReference, namespace: string | undefined): Found | Fate | 'unknown' {
    // Asked first: its kind may have gone with it.
    const fate = seen.fateOf(owner.uid)
    if (fate) return fate
    const kind = kinds.byKind(owner.apiVersion, owner.kind)
    if (!kind || (kind.namespaced && !namespace)) return 'unknown'
    const object = objects.get(kind, namespace, owner.name)
    if (object?.metadata.uid === owner.uid) return { kind, object }
    // After a loss, what is not there may have vanished instead of having been deleted: that stops nothing.
    return isRecovering() ? 'unknown' : 'absent'
  }

  const stateIn =
    (namespace: string | undefined) =>
    (owner: OwnerReference): OwnerState => {
      const found = findOwner(owner, namespace)
      if (typeof found === 'string') return found
      return waitOf(found.object) === FOREGROUND ? 'going' : 'there'
    }

  function carryOut({ kind, object }: Found, step: Step) {
    const { namespace, name, uid } = object.metadata
    if (step.do === 'delete') {
      const policy = step.policy && { propagationPolicy: step.policy }
      objects.delete(kind, namespace, name, { preconditions: { uid }, ...policy })
    }
    if (step.do === 'disown') objects.modify(kind, namespace, name, (current) => disowned(current, step.uids))
    if (step.do === 'keep') keep(deps, kind, object, step.uids)
  }

  function letGo({ kind, object }: Found, finalizer: Wait) {
    objects.modify(kind, object.metadata.namespace, object.metadata.name, (current) => {
      const finalizers = current.metadata.finalizers?.filter((other) => other !== finalizer)
      return { ...current, metadata: { ...current.metadata, finalizers } }
    })
  }

  function deleteInForeground(owner: Found) {
    const { uid, namespace } = owner.object.metadata
    for (const dependent of dependentsOf(uid)) {
      const hasDependents = dependentsOf(dependent.object.metadata.uid).length > 0
      const stateOf = stateIn(dependent.object.metadata.namespace ?? namespace)
      carryOut(dependent, planForeground(dependent.object, uid, stateOf, hasDependents))
    }
    if (!dependentsOf(uid).some(({ object }) => isBlocking(object, uid))) letGo(owner, FOREGROUND)
  }

  function orphanDependents(owner: Found) {
    const { uid } = owner.object.metadata
    for (const dependent of dependentsOf(uid)) carryOut(dependent, { do: 'disown', uids: new Set([uid]) })
    letGo(owner, ORPHAN)
  }

  function find(key: string): Found | undefined {
    const { resource, namespace, name } = parseKey(key)
    const kind = storedKinds(kinds).get(resource)
    const object = kind && objects.get(kind, namespace, name)
    return object && { kind, object }
  }

  const planFor = ({ object }: Found) => planDependent(object, stateIn(object.metadata.namespace))

  function reconcile(key: string): Promise<void> | void {
    const found = find(key)
    if (!found) return
    const step = planFor(found)
    const isProven = ownersOf(found.object).every(({ uid }) => seen.fateOf(uid))
    return step.do === 'delete' && !isProven ? lookAgain(key) : act(found, step)
  }

  /** Watchers hear of a removal once it is durable: until then, an owner that has just vanished looks like one that never was. */
  async function lookAgain(key: string) {
    await store.durable()
    const found = find(key)
    if (found) act(found, planFor(found))
  }

  function act(found: Found, step: Step) {
    carryOut(found, step)
    const wait = waitOf(found.object)
    if (wait === FOREGROUND) deleteInForeground(found)
    if (wait === ORPHAN) orphanDependents(found)
  }

  function note(change: Change) {
    const { type, object, previous } = change
    const { uid } = object.metadata
    if (type === 'DELETED' && dependentsOf(uid).length > 0) seen.note(object)
    // It was put back.
    if (type === 'ADDED') seen.forget(uid)
    for (const owner of [...ownersOf(object), ...(previous ? ownersOf(previous) : [])])
      if (seen.fateOf(owner.uid) && dependentsOf(owner.uid).length === 0) seen.forget(owner.uid)
  }

  /** Which objects may have something to do because of a change. */
  function* keysOf({ type, kind, object, previous }: Change): Iterable<string> {
    const owners = ownersOf(object)
    const isRewired = type === 'DELETED' || !previous || !sameJson(ownersOf(previous), owners)
    if (type === 'DELETED') {
      for (const dependent of dependentsOf(object.metadata.uid)) yield keyOf(dependent)
    } else if (object.metadata.deletionTimestamp || (isRewired && owners.length > 0)) yield keyOf({ kind, object })
    if (!isRewired) return
    // An owner that waits for its dependents has one less to wait for.
    for (const owner of new Set([...owners, ...(previous ? ownersOf(previous) : [])])) {
      const found = findOwner(owner, object.metadata.namespace)
      if (typeof found !== 'string' && found.object.metadata.deletionTimestamp) yield keyOf(found)
    }
  }

  const everything: KeySource = {
    start(add) {
      const { revision } = store
      const tell = (change: Change) => {
        for (const key of keysOf(change)) add(key)
      }
      const tellAll = () => {
        for (const kind of storedKinds(kinds).values()) {
          for (const object of store.list(kind)) tell({ type: 'ADDED', revision, kind, object })
        }
      }
      tellAll()
      return store.watchAll(revision, (change) => {
        note(change)
        tell(change)
        // What had to wait until the loss was dealt with has its turn now.
        if (isNote(change.object) && !isRecovering()) tellAll()
      })
    },
  }

  return createReconcileLoop({ ...deps, name: 'garbage-collector', watch: [everything], reconcile })
}

const isNote = ({ kind, metadata }: KubeObject) =>
  kind === 'ConfigMap' && metadata.name === RECOVERY_NAME && metadata.namespace === RECOVERY_NAMESPACE

const keyOf = ({ kind, object }: Found) => `${resourceName(kind.storage?.kind ?? kind)} ${objectKey(object)}`

function parseKey(key: string) {
  const space = key.indexOf(' ')
  return { resource: key.slice(0, space), ...splitKey(key.slice(space + 1)) }
}
